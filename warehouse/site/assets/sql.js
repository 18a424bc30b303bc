// The SQL page: DuckDB-Wasm over the site's own copy of the warehouse.
(function () {
  "use strict";
  const duckdb = window.module.exports;
  const get = (id) => document.getElementById(id);
  const field = get("query"), run = get("run"), state = get("state"), problem = get("problem"), result = get("result");
  const examples = JSON.parse(get("examples").textContent);
  const madeUp = JSON.parse(get("made-up-releases").textContent);
  const SHOWN = 500;
  let opened = null;
  let last = null;

  if (location.protocol === "file:") {
    get("from-folder").hidden = false;
    run.disabled = true;
    for (const button of document.querySelectorAll(".example")) {
      button.addEventListener("click", () => choose(button));
    }
    return;
  }

  function choose(button) {
    const one = examples.find((e) => e.id === button.dataset.id);
    field.value = one.sql;
    get("about").textContent = one.words;
    for (const other of document.querySelectorAll(".example")) other.removeAttribute("aria-current");
    button.setAttribute("aria-current", "true");
  }

  // Whether an answer rests on made-up records: by its own columns, or by the tables a query reads where it shows neither.
  function isMadeUp({ names, rows }, query) {
    if (!madeUp.length) return false;
    const says = names.map((name) => (name === "is_synthetic" ? "true" : name === "trust" ? "synthetic" : null));
    if (rows.some((row) => row.some((v, i) => v !== null && (v === says[i] || madeUp.includes(v))))) return true;
    return !says.some(Boolean) && /\b(marts|meta)\.(court_|mpp_outcomes|mpp_denominator_fan|claim_readings|eoir_)/i.test(query);
  }

  async function unpacked(path, type, name) {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(path + ": the server answered " + answer.status);
    const total = Number(answer.headers.get("Content-Length")) || 0;
    let read = 0;
    const told = answer.body.pipeThrough(new TransformStream({
      transform(chunk, out) {
        read += chunk.length;
        state.textContent = "Loading the " + name + (total ? ": " + Math.min(100, Math.round((100 * read) / total)) + " %" : "");
        out.enqueue(chunk);
      },
    }));
    const bytes = new Uint8Array(await new Response(told).arrayBuffer());
    // Some servers unpack .gz on the way.
    if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return new Blob([bytes], { type });
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream, { headers: { "Content-Type": type } }).blob();
  }

  async function open() {
    if (!("WebAssembly" in window && "DecompressionStream" in window)) {
      throw new Error("This browser is too old for the engine; query the downloaded file instead.");
    }
    const engine = URL.createObjectURL(await unpacked("vendor/duckdb-eh.wasm.gz", "application/wasm", "engine"));
    const database = new duckdb.AsyncDuckDB(new duckdb.VoidLogger(), new Worker("vendor/duckdb-browser-eh.worker.js"));
    await database.instantiate(engine);
    URL.revokeObjectURL(engine);
    const data = await unpacked("data/browser.duckdb.gz", "application/octet-stream", "data");
    await database.registerFileBuffer("browser.duckdb", new Uint8Array(await data.arrayBuffer()));
    const connection = await database.connect();
    // Nothing is fetched from anywhere else: an extension that is not built in is refused, with a message.
    await connection.query("set autoinstall_known_extensions = false");
    await connection.query("set autoload_known_extensions = false");
    await connection.query("attach 'browser.duckdb' as ledger (read_only)");
    await connection.query("use ledger");
    return connection;
  }

  function explain(error, query) {
    const text = String(error.message || error).replace(/^(Error: )+/, "")
      .replace(/LINE 1: describe (.*)\n {9}( *\^)/, "LINE 1: $1\n$2");
    if (/extension/i.test(text)) {
      const head = text.split("\n")[0];
      return head + " The browser's engine carries no extensions; run this query on the downloaded warehouse.duckdb.";
    }
    if (/\braw\./i.test(query) && /does not exist/i.test(text)) {
      return "The raw tables are not in the browser's copy; query them in the downloaded warehouse.duckdb.";
    }
    return text.split("\n\nCandidate")[0];
  }

  // Values as DuckDB prints them: dates, lists and large numbers come out as text, the same as on the command line.
  async function ask(connection, query) {
    const plain = query.trim().replace(/;\s*$/, "");
    if (!/^(\s|--[^\n]*\n)*(select|with|from|values|\()/i.test(plain)) {
      const table = await connection.query(plain);
      return {
        names: table.schema.fields.map((f) => f.name),
        numeric: table.schema.fields.map(() => false),
        rows: table.toArray().map((row) => table.schema.fields.map((f) => (row[f.name] === null ? null : String(row[f.name])))),
      };
    }
    const types = (await connection.query("describe " + plain)).toArray().map((row) => row.toJSON());
    const table = await connection.query("select columns(*)::varchar from (" + plain + "\n)");
    const vectors = types.map((_, i) => table.getChildAt(i));
    const rows = [];
    for (let i = 0; i < table.numRows; i += 1) rows.push(vectors.map((v) => v.get(i)));
    return {
      names: types.map((t) => t.column_name),
      numeric: types.map((t) => /INT|DOUBLE|FLOAT|DECIMAL/.test(t.column_type) && !/\[/.test(t.column_type)),
      rows,
    };
  }

  function show({ names, numeric, rows }) {
    const head = document.createElement("tr"), body = document.createDocumentFragment();
    names.forEach((name, i) => {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = name;
      if (numeric[i]) cell.className = "num";
      head.append(cell);
    });
    for (const row of rows.slice(0, SHOWN)) {
      const line = document.createElement("tr");
      row.forEach((value, i) => {
        const cell = document.createElement("td");
        cell.className = numeric[i] ? "num" : "";
        cell.textContent = value === null ? "null" : value;
        if (value === null) cell.classList.add("none");
        line.append(cell);
      });
      body.append(line);
    }
    const table = get("rows");
    table.tHead.replaceChildren(head);
    table.tBodies[0].replaceChildren(body);
    get("rows-caption").textContent =
      rows.length + (rows.length === 1 ? " row" : " rows") + (rows.length > SHOWN ? ", the first " + SHOWN + " shown; the CSV holds all" : "");
    get("made-up").hidden = !isMadeUp({ names, rows }, field.value);
    result.hidden = false;
  }

  async function execute() {
    problem.hidden = true;
    run.disabled = true;
    const started = performance.now();
    try {
      opened = opened || open();
      const connection = await opened.catch((error) => { opened = null; throw error; });
      state.textContent = "Running";
      last = await ask(connection, field.value);
      show(last);
      state.textContent = last.rows.length + (last.rows.length === 1 ? " row in " : " rows in ") + ((performance.now() - started) / 1000).toFixed(1) + " s";
    } catch (error) {
      state.textContent = "";
      problem.textContent = explain(error, field.value);
      problem.hidden = false;
      result.hidden = true;
    } finally {
      run.disabled = false;
    }
  }

  function csv({ names, rows }) {
    const quote = (v) => (v === null ? "" : /[",\r\n]/.test(v) ? '"' + v.replaceAll('"', '""') + '"' : v);
    return [names, ...rows].map((row) => row.map(quote).join(",")).join("\r\n") + "\r\n";
  }

  run.addEventListener("click", execute);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      execute();
    }
  });
  for (const button of document.querySelectorAll(".example")) {
    button.addEventListener("click", () => {
      choose(button);
      if (matchMedia("(max-width: 46rem)").matches) get("query-heading").scrollIntoView();
      execute();
    });
  }
  get("save").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv(last)], { type: "text/csv" }));
    link.download = "border-ledger-query" + (get("made-up").hidden ? "" : "-SYNTHETIC") + ".csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  const asked = /^#measure=([a-z0-9_]+)$/.exec(location.hash);
  if (asked) {
    field.value =
      "select january, value, prior, pct_change, status, reasons, release_id\nfrom marts.january_yoy\nwhere measure_id = '" +
      asked[1] + "'\norder by january";
  }
})();
