// SPDX-License-Identifier: Apache-2.0
// Long tables can be searched and sorted. The page is complete without this.
"use strict";
for (const table of document.querySelectorAll("table[data-long]")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const compare = new Intl.Collator("en", { numeric: true }).compare;

  const tools = document.createElement("div");
  tools.className = "tools";
  const label = document.createElement("label");
  label.textContent = `Search ${table.dataset.long}: `;
  const input = document.createElement("input");
  input.type = "search";
  label.append(input);
  const told = document.createElement("output");
  tools.append(label, told);
  table.parentElement.before(tools);

  const search = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, at) => {
      row.hidden = !words.every((word) => texts[at].includes(word));
      shown += !row.hidden;
    });
    told.textContent = `${shown} of ${rows.length} shown`;
  };
  input.addEventListener("input", search);
  search();

  const key = (row, at) => {
    const cell = row.cells[at];
    return cell.dataset.order ?? cell.textContent.trim();
  };
  [...table.tHead.rows[0].cells].forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", `Sort by ${head.textContent}`);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const sorted = rows.map((row) => [key(row, at), row]);
      sorted.sort(([one], [other]) => (down ? compare(other, one) : compare(one, other)));
      body.append(...sorted.map(([, row]) => row));
    });
  });

  // A link to a row that the search hides shows all again.
  addEventListener("hashchange", () => {
    const row = document.getElementById(location.hash.slice(1));
    if (row?.hidden && body.contains(row)) {
      input.value = "";
      search();
      row.scrollIntoView();
    }
  });
}
