"use strict";
// Sorting, filtering and the theme. The page is complete without it.
(() => {
  const root = document.documentElement;
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = document.getElementById("theme");
  const named = () => { theme.textContent = dark() ? "Light page" : "Dark page"; };
  theme.hidden = false;
  theme.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; named(); });
  named();

  const table = document.querySelector("#workloads-table table");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  // "20 420.61", "29 %" and "−3.00" are numbers, a dash is below all of them.
  const value = (text) => {
    const plain = text.replace(/[\u202f\u00a0 ,%]/g, "").replace("\u2212", "-");
    const found = /^-?[0-9.]+/.exec(plain);
    return found ? parseFloat(found[0]) : -Infinity;
  };
  [...table.tHead.rows[0].cells].forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.textContent = "";
    head.append(button);
    const numeric = head.classList.contains("n");
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === (numeric ? "none" : "ascending") || (numeric && !head.hasAttribute("aria-sort"));
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const cell = (row) => row.cells[at].textContent.trim();
      const sorted = [...rows].sort((a, b) => numeric ? value(cell(a)) - value(cell(b)) : cell(a).localeCompare(cell(b), "en"));
      body.append(...(falling ? sorted.reverse() : sorted));
    });
  });
  const filter = document.getElementById("filter");
  const shown = document.getElementById("shown");
  filter.parentElement.hidden = false;
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      n += row.hidden ? 0 : 1;
    }
    shown.textContent = words.length ? `${n} of ${rows.length}` : "";
  });
})();
