// What a page does beyond being read: cards of provenance, sorting, charts. Everything is readable without it.
(function () {
  "use strict";

  // --- Cards: definition, release and status of a figure, on hover, focus and touch -------------------------------
  const store = JSON.parse(document.getElementById("cards").textContent);
  const card = document.getElementById("card");
  const WORDS = {
    ok: "comparable", provisional: "provisional: a fiscal year was open", break: "across a break",
    not_applicable: "not applicable", missing: "missing",
  };
  let shownFor = null;
  let hiding = 0;

  function element(name, text, className) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function row(list, term, detail) {
    list.append(element("dt", term));
    const dd = element("dd");
    dd.append(detail);
    list.append(dd);
  }

  function fill(button) {
    const one = store.cards[button.dataset.card];
    const measure = store.measures[one.m];
    const unit = measure && !/percent/.test(one.w || "") ? " " + measure[2] : "";
    card.replaceChildren();
    const head = element("p");
    head.append(element("span", button.textContent + unit, "value"));
    card.append(head, element("p", [one.p, one.w].filter(Boolean).join(", ")));
    const list = element("dl");
    if (measure) row(list, "Measure", measure[0]);
    if (one.d || measure) row(list, "Definition", one.d || measure[1]);
    for (const id of one.r || []) row(list, "Release", id + ": " + (store.releases[id] || ""));
    for (const source of one.o || []) row(list, "Source", source);
    if (one.s) row(list, "Comparison", WORDS[one.s] || one.s);
    if (one.f) row(list, "Figure", one.f);
    if (one.y) {
      const reasons = element("ul");
      for (const number of one.y) reasons.append(element("li", store.reasons[number]));
      row(list, "Reasons", reasons);
    }
    card.append(list);
  }

  function place(button) {
    const box = button.getBoundingClientRect();
    card.hidden = false;
    const wide = card.offsetWidth, high = card.offsetHeight, view = document.documentElement.clientWidth;
    const left = Math.max(12, Math.min(box.left, view - wide - 12));
    const below = box.bottom + high + 12 < window.innerHeight || box.top < high + 12;
    card.style.left = left + window.scrollX + "px";
    card.style.top = (below ? box.bottom + 6 : box.top - high - 6) + window.scrollY + "px";
  }

  function show(button) {
    clearTimeout(hiding);
    if (shownFor && shownFor !== button) release(shownFor);
    shownFor = button;
    fill(button);
    place(button);
    button.setAttribute("aria-describedby", "card");
  }

  function release(button) {
    button.removeAttribute("aria-describedby");
  }

  function hide() {
    clearTimeout(hiding);
    if (shownFor) release(shownFor);
    shownFor = null;
    card.hidden = true;
  }

  const figureOf = (event) => event.target.closest && event.target.closest(".fig");
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const button = figureOf(event);
    if (button) show(button);
    else if (card.contains(event.target)) clearTimeout(hiding);
    else if (shownFor && document.activeElement !== shownFor) {
      clearTimeout(hiding);
      hiding = setTimeout(hide, 150);
    }
  });
  document.addEventListener("focusin", (event) => {
    const button = figureOf(event);
    if (button) show(button);
    else if (shownFor && !card.contains(event.target)) hide();
  });
  document.addEventListener("click", (event) => {
    const button = figureOf(event);
    if (button) {
      show(button);
      card.scrollIntoView({ block: "nearest" });
    } else if (!card.contains(event.target)) hide();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hide();
    const button = figureOf(event);
    const table = button && button.closest("table");
    if (!table || !event.key.startsWith("Arrow")) return;
    const next = neighbour(button, event.key);
    if (!next) return;
    event.preventDefault();
    button.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });

  // One tab stop a table; arrow keys go from figure to figure.
  function neighbour(button, key) {
    const line = button.closest("tr"), figures = [...line.querySelectorAll(".fig")];
    const at = figures.indexOf(button);
    if (key === "ArrowLeft") return figures[at - 1];
    if (key === "ArrowRight") return figures[at + 1];
    const column = button.closest("td, th").cellIndex;
    let other = line;
    while ((other = key === "ArrowUp" ? other.previousElementSibling : other.nextElementSibling)) {
      const found = other.cells[column] && other.cells[column].querySelector(".fig");
      if (found) return found;
    }
    return null;
  }
  for (const table of document.querySelectorAll("table")) {
    [...table.querySelectorAll(".fig")].forEach((button, i) => { button.tabIndex = i ? -1 : 0; });
  }

  // --- Sorting ----------------------------------------------------------------------------------------------------
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const original = [...body.rows];
    for (const heading of table.tHead.rows[0].cells) {
      const button = element("button", heading.textContent, "sort");
      button.type = "button";
      heading.replaceChildren(button);
      button.addEventListener("click", () => {
        const next = { none: "ascending", ascending: "descending", descending: "none" };
        const state = next[heading.getAttribute("aria-sort") || "none"];
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        if (state === "none") return body.append(...original);
        heading.setAttribute("aria-sort", state);
        const key = (line) => line.cells[heading.cellIndex].dataset.sort || "";
        const numeric = heading.dataset.type === "number";
        const sign = state === "ascending" ? 1 : -1;
        body.append(...[...original].sort((a, b) => {
          const x = key(a), y = key(b);
          if (!x || !y) return (x ? 0 : 1) - (y ? 0 : 1);
          return sign * (numeric ? x - y : x.localeCompare(y, "en", { numeric: true }));
        }));
      });
    }
  }

  // --- The January in question ------------------------------------------------------------------------------------
  const years = [...document.querySelectorAll(".years a")];
  function currentYear() {
    const chosen = years.find((a) => a.hash === location.hash) || years.find((a) => "opening" in a.dataset) || years[0];
    for (const a of years) {
      if (a === chosen) {
        a.setAttribute("aria-current", "true");
        const strip = a.parentElement;
        strip.scrollLeft = a.offsetLeft - strip.offsetLeft - strip.clientWidth / 2;
      } else a.removeAttribute("aria-current");
    }
  }
  if (years.length) {
    currentYear();
    window.addEventListener("hashchange", currentYear);
  }

  // --- Charts -----------------------------------------------------------------------------------------------------
  const figures = [...document.querySelectorAll("figure.chart")];
  for (const figure of figures) {
    const canvas = figure.querySelector(".canvas");
    canvas.style.minHeight = canvas.dataset.height + "px";
  }
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function theme() {
    const text = color("--text"), quiet = color("--quiet"), grid = color("--chart-grid");
    const font = "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif";
    return {
      background: null,
      font,
      range: {
        category: [color("--chart-1"), color("--chart-2"), color("--chart-3"), color("--chart-4")],
        outcomes: ["--chart-1", "--chart-3", "--chart-2", "--chart-4", "--chart-rest"].map(color),
      },
      bar: { color: color("--chart-1") },
      line: { color: color("--chart-1") },
      point: { color: color("--chart-1") },
      axis: {
        labelColor: quiet, titleColor: quiet, titleFontWeight: "normal", gridColor: grid, domainColor: quiet,
        tickColor: grid, labelFontSize: 12, titleFontSize: 12,
      },
      axisX: { grid: false },
      legend: { labelColor: text, labelFontSize: 13, symbolType: "square" },
      text: { color: text, fontSize: 13 },
      view: { stroke: null },
      style: {
        band: { color: color("--chart-band"), opacity: 1 },
        break: { color: color("--bad"), strokeDash: [4, 3], opacity: 0.8 },
        zero: { color: quiet },
        stamp: { color: color("--bad"), opacity: 0.3, fontWeight: 800, align: "center", baseline: "middle" },
        pointer: { color: text, strokeWidth: 1.5 },
        name: { color: text, fontSize: 12.5 },
        value: { color: text, fontSize: 12.5, fontWeight: 600 },
      },
    };
  }

  async function draw(figure) {
    const canvas = figure.querySelector(".canvas");
    if (figure.dataset.drawn || !canvas.clientWidth) return;
    figure.dataset.drawn = "started";
    const spec = JSON.parse(figure.querySelector(".spec").textContent);
    const { view, finalize } = await window.vegaEmbed(canvas, spec, {
      renderer: "svg", config: theme(), actions: false, tooltip: { theme: "custom" },
    });
    canvas.style.minHeight = "";
    figure.view = view;
    figure.undraw = () => { finalize(); delete figure.dataset.drawn; };
    figure.dataset.drawn = "yes";
  }

  // The chart as a picture, in the colours shown.
  function offerPictures(figure) {
    const line = figure.querySelector(".below:last-child");
    const name = (document.title.split(",")[0] + " " + figure.id).replace(/[^\w]+/g, "-").toLowerCase();
    for (const kind of ["svg", "png"]) {
      const button = element("button", kind.toUpperCase(), "picture");
      button.type = "button";
      button.setAttribute("aria-label", "Chart as " + kind.toUpperCase());
      button.addEventListener("click", async () => {
        if (!figure.view) return;
        figure.view.background(color("--page"));
        const link = element("a");
        link.href = await figure.view.toImageURL(kind, 2);
        link.download = name + "." + kind;
        link.click();
      });
      line.append(" · ", button);
    }
  }

  if (figures.length && window.vegaEmbed) {
    // A chart is drawn once its place has a width: not inside a closed section, and again for a new theme.
    let drawing = Promise.resolve();
    const enqueue = (figure) => {
      drawing = drawing.then(() => draw(figure));
      const mine = drawing;
      document.documentElement.dataset.charts = "drawing";
      mine.then(() => { if (mine === drawing) document.documentElement.dataset.charts = "drawn"; });
    };
    const watch = new ResizeObserver((entries) => {
      for (const entry of entries) {
        const figure = entry.target.closest("figure");
        if (!figure.dataset.drawn) enqueue(figure);
      }
    });
    for (const figure of figures) {
      offerPictures(figure);
      watch.observe(figure.querySelector(".canvas"));
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const figure of figures) {
        if (figure.undraw && figure.dataset.drawn) figure.undraw();
        enqueue(figure);
      }
    });
  }
})();
