// The list of tables: found, sorted, a page at a time, so that ten thousand stay usable.

const PAGE = 50;
const URGENCY = { held: 0, planned: 1, planning: 2, starting: 3, waiting: 4, completed: 5 };
const COLUMNS = [
  { key: "table", word: "Table", of: (table) => table.table },
  { key: "state", word: "State", of: (table) => URGENCY[table.state] ?? 9 },
  { key: "percent", word: "This iteration", of: (table) => table.percent ?? -1 },
  { key: "rows", word: "Rows in all", number: true, of: (table) => table.rows },
  { key: "bytes", word: "Files", number: true, of: (table) => table.bytes },
  { key: "waits", word: "Waits for", of: (table) => Math.min(Infinity, ...(table.waits ?? []).map((wait) => wait.since)) },
];
const FILTERS = [
  ["all", "all tables", () => true],
  ["active", "not up to date", (table) => table.state !== "completed"],
  ["held", "held", (table) => table.state === "held"],
];

function tableView(section) {
  const view = { section, tables: [], at: 0, databases: 1, sort: "state", down: false, page: 0, find: "", show: "all" };
  part(section, "show").append(...FILTERS.map(([value, word]) => element("option", { value }, word)));
  part(section, "columns").append(
    ...COLUMNS.map((column) =>
      element("th", { scope: "col", role: "columnheader", class: column.number ? "number" : null, "data-key": column.key },
        element("button", { type: "button", on: { click: () => sortBy(view, column.key) } }, column.word))),
  );
  part(section, "find").addEventListener("input", (event) => {
    view.find = event.target.value;
    view.page = 0;
    showTables(view);
  });
  part(section, "show").addEventListener("change", (event) => {
    view.show = event.target.value;
    view.page = 0;
    showTables(view);
  });
  return view;
}

function sortBy(view, key) {
  view.down = view.sort === key ? !view.down : false;
  view.sort = key;
  view.page = 0;
  showTables(view);
}

function showTables(view) {
  const { section } = view;
  part(section, "tables").hidden = view.tables.length === 0;
  const wanted = view.find.toLowerCase();
  const passes = FILTERS.find(([value]) => value === view.show)[2];
  const column = COLUMNS.find(({ key }) => key === view.sort);
  const found = view.tables.filter((table) => passes(table) && table.table.toLowerCase().includes(wanted));
  found.sort((a, b) => {
    const [x, y] = [column.of(a), column.of(b)];
    const order = x < y ? -1 : x > y ? 1 : a.table < b.table ? -1 : 1;
    return view.down ? -order : order;
  });
  const pages = Math.max(1, Math.ceil(found.length / PAGE));
  view.page = Math.min(view.page, pages - 1);
  const shown = found.slice(view.page * PAGE, (view.page + 1) * PAGE);
  part(section, "rows").replaceChildren(...shown.map((table) => tableRow(table, view)));
  for (const head of part(section, "columns").children) {
    const sorted = head.dataset.key === view.sort;
    if (sorted) head.setAttribute("aria-sort", view.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  const all = view.tables.length;
  part(section, "count").textContent = found.length === all ? `(${count(all)})` : `(${count(found.length)} of ${count(all)})`;
  showPages(view, pages);
}

function showPages(view, pages) {
  const bar = part(view.section, "pages");
  bar.hidden = pages === 1;
  const turn = (by) => () => {
    view.page += by;
    showTables(view);
  };
  bar.replaceChildren(
    element("button", { type: "button", disabled: view.page === 0, on: { click: turn(-1) } }, "Previous"),
    element("span", {}, `Page ${count(view.page + 1)} of ${count(pages)}`),
    element("button", { type: "button", disabled: view.page >= pages - 1, on: { click: turn(1) } }, "Next"),
  );
}

function tableRow(table, view) {
  const cell = (label, attributes, ...children) => element("td", { role: "cell", "data-label": label, ...attributes }, ...children);
  const name = cell(null, { class: "wide" }, element("bdi", { class: "name" }, table.table),
    view.databases > 1 ? element("small", {}, table.database) : null,
    ...(table.notes ?? []).map((note) => element("small", {}, `Note: ${note}`)),
    table.error ? element("small", { class: "bad" }, table.error) : null);
  const blocks = Object.entries(table.blocks_by_state ?? {});
  const doing = blocks.map(([state, n]) => `${count(n)} ${state}`).join(", ");
  const waits = (table.waits ?? []).map((wait) =>
    element("span", {}, wait.blocks > 1 ? `${wait.text} (${count(wait.blocks)} blocks)` : wait.text,
      element("small", {}, `for ${duration(view.at - wait.since)}`)));
  return element("tr", { role: "row", class: table.state === "held" ? "held" : null }, name,
    cell("State", { class: "state" }, marked(TABLE_STATES, table.state)),
    cell("This iteration", {}, ...progress(table), doing ? element("small", {}, `Blocks: ${doing}`) : null),
    cell("Rows in all", { class: "number" }, count(table.rows)),
    cell("Files", { class: "number" }, bytes(table.bytes)),
    waits.length > 0 ? cell("Waits for", { class: "wide" }, ...waits) : cell(null, {}));
}

// "100 %" is said only of what is done.
function percentText(percent) {
  return `${percent >= 100 ? 100 : Math.floor(percent * 10) / 10} %`;
}

function progress(table) {
  const known = table.percent !== null && table.percent !== undefined;
  if (!known) return ["not planned yet"];
  const percent = Math.min(100, table.percent);
  return [
    element("progress", { max: 100, value: percent, "aria-label": `Progress of ${table.table}` }),
    percentText(percent),
    element("small", {}, `${count(table.rows_moved)} of ${count(table.rows_planned)} rows`),
  ];
}
