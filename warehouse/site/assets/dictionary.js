// Narrows the dictionary to the tables and columns that mention what is typed.
(function () {
  "use strict";
  const field = document.getElementById("filter"), count = document.getElementById("filter-count");
  const sections = [...document.querySelectorAll("section.dict")].map((section) => ({
    section,
    head: (section.querySelector("h2").textContent + " " + section.querySelector("p").textContent).toLowerCase(),
    columns: [...section.querySelectorAll(".column")].map((column) => ({ column, text: column.textContent.toLowerCase() })),
  }));
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    let found = 0;
    for (const { section, head, columns } of sections) {
      const whole = head.includes(wanted);
      let shown = 0;
      for (const { column, text } of columns) {
        column.hidden = !(whole || text.includes(wanted));
        shown += !column.hidden;
      }
      section.hidden = shown === 0;
      found += shown;
    }
    count.textContent = wanted ? found + " columns" : "";
  });
})();
