// Reads the state, shows it, sends what the operator asks for.

const EVERY_MS = 10000;
const STALE_MS = 5 * 60000;
const views = new Map();
let last = null;
let timer = null;

// Keys of the host travel in the query; they must reach the JSON and the control function too.
function addressOf(path, more) {
  const target = new URL(path, location.href);
  const code = new URLSearchParams(location.search).get("code");
  if (code) target.searchParams.set("code", code);
  for (const [key, value] of Object.entries(more)) target.searchParams.set(key, value);
  return target;
}

function say(text, bad = false) {
  document.getElementById("said").replaceChildren(element("p", { class: bad ? "bad" : null }, text));
}

function statusPath() {
  return location.pathname.replace(/\/+$/, "");
}

async function refresh() {
  clearTimeout(timer);
  const updated = document.getElementById("updated");
  try {
    const answer = await fetch(addressOf(statusPath(), { format: "json" }), { headers: { accept: "application/json" }, cache: "no-store" });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    last = await answer.json();
    show(last);
    updated.textContent = `Updated ${new Date().toLocaleTimeString()}`;
    updated.className = "quiet push";
  } catch (problem) {
    const since = last ? ` Shown is the state of ${moment(last.at)}.` : "";
    updated.textContent = `The state cannot be read now (${problem.message}).${since}`;
    updated.className = "bad push";
  }
  if (!document.hidden) timer = setTimeout(refresh, EVERY_MS);
}

function show(status) {
  document.getElementById("version").textContent = status.version ? `version ${status.version}` : "";
  const main = document.getElementById("jobs");
  const sections = status.jobs.map((job) => showJob(job, status.at));
  const problems = (status.problems ?? []).length > 0
    ? [notice("The settings of this app are not right, so nothing is copied:", status.problems, true)] : [];
  const empty = sections.length + problems.length === 0
    ? [element("p", { class: "quiet" }, "No job is set. Set KUSTO_COPY_JOBS in the app's settings.")] : [];
  const wanted = [...problems, ...sections, ...empty];
  // Sections that are there already stay, so that focus and scrolling are not lost.
  for (const child of [...main.children]) if (!wanted.includes(child)) child.remove();
  wanted.forEach((child, n) => {
    if (main.children[n] !== child) main.insertBefore(child, main.children[n] ?? null);
  });
  // Once they are in the page, so that their width is known.
  status.jobs.forEach((job) => drawLag(part(views.get(job.name).section, "lag"), job.report ?? {}));
  const worst = status.jobs.map((job) => job.report?.lag_ms ?? null).filter((lag) => lag !== null);
  document.title = worst.length > 0 ? `${duration(Math.max(...worst))} behind – kusto-copy` : "kusto-copy";
}

function notice(text, items, alert) {
  return element("div", { class: "notice", role: alert ? "alert" : null }, element("p", {}, text),
    element("ul", {}, ...items.map((item) => element("li", {}, item))));
}

function jobState(job) {
  if (!job.report) return job.error ? "unreadable" : "new";
  if (job.report.paused) return "paused";
  return job.report.state;
}

function showJob(job, at) {
  let view = views.get(job.name);
  if (!view) {
    const section = document.getElementById("job-template").content.firstElementChild.cloneNode(true);
    view = tableView(section);
    view.actions = actions(job.name);
    part(section, "actions").append(...Object.values(view.actions));
    views.set(job.name, view);
  }
  const { section } = view;
  const report = job.report ?? { tables: [], databases: [] };
  section.setAttribute("aria-label", `Job ${job.name}`);
  section.querySelector("h2").textContent = job.name;
  part(section, "badge").replaceChildren(marked(JOB_STATES, jobState(job)));
  const databases = report.databases ?? [];
  part(section, "route").textContent = route(job, databases);
  showTrouble(part(section, "trouble"), job, report, at);
  showFacts(part(section, "facts"), report, at);
  showDatabases(part(section, "databases"), databases);
  Object.assign(view, { tables: report.tables ?? [], at, databases: databases.length });
  showTables(view);
  showActions(view, report);
  return section;
}

function route(job, databases) {
  const clusters = job.source && job.destination ? `${job.source} → ${job.destination}` : "";
  const names = databases.map(({ source, destination }) => (source === destination ? source : `${source} → ${destination}`));
  return [clusters, names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "")]
    .filter((text) => text !== "").join(" · ");
}

function showTrouble(place, job, report, at) {
  const notices = [];
  if (job.error) notices.push(notice(job.error, job.remedy ? [job.remedy] : [], true));
  for (const { source, error } of (report.databases ?? []).filter((database) => database.error)) {
    notices.push(notice(`Database ${source} is not taken up: ${error}`, [], false));
  }
  const held = (report.tables ?? []).filter((table) => table.state === "held");
  if (held.length > 0) {
    const told = held.slice(0, 5).map((table) => `${table.table}: ${table.error ?? "no reason is stored"}`);
    if (held.length > 5) told.push(`and ${count(held.length - 5)} more; choose “held” in the list below`);
    notices.push(notice(`${count(held.length)} ${held.length === 1 ? "table is" : "tables are"} held until somebody helps. The others go on.`, told, false));
  }
  const beat = report.heartbeat;
  if (beat && at - beat.at > STALE_MS && !report.paused) {
    const stale = notice(`No step has ended for ${duration(at - beat.at)}.`, ["Check that the timer function runs, and look into its log."], false);
    stale.classList.add("warn-edge");
    notices.push(stale);
  }
  const texts = notices.map((made) => made.textContent).join("\n");
  if (place.dataset.said !== texts) {
    place.dataset.said = texts;
    place.replaceChildren(...notices);
  }
}

function showFacts(list, report, at) {
  const facts = [];
  const rpo = report.rpo_ms;
  const late = rpo > 0 && report.lag_ms > rpo;
  facts.push(["Lag", element("span", { class: late ? "bad" : "good" }, report.lag_ms === null || report.lag_ms === undefined ? "no iteration yet" : duration(report.lag_ms)),
    rpo ? `${late ? "above" : "within"} the RPO of ${duration(rpo)}` : ""]);
  facts.push(["Iteration", count(report.iteration), report.cursor_end ? `up to cursor ${report.cursor_end}` : ""]);
  const tables = report.tables ?? [];
  facts.push(["Rows copied", count(tables.reduce((sum, table) => sum + table.rows, 0)), tables.length === 1 ? "in 1 table" : `in ${count(tables.length)} tables`]);
  const beat = report.heartbeat;
  facts.push(["Last step", beat ? `${duration(at - beat.at)} ago` : "none yet", beat ? `${beat.outcome}; ${count(beat.steps)} steps so far` : ""]);
  const next = beat?.next_due;
  if (next) facts.push(["Next due", next <= at ? "now" : `in ${duration(next - at)}`, `at ${clock(next)}`]);
  list.replaceChildren(...facts.map(([term, value, more]) =>
    element("div", {}, element("dt", {}, term), element("dd", {}, value, more ? element("small", {}, more) : null))));
}

function showDatabases(place, databases) {
  if (databases.length < 2) {
    place.replaceChildren();
    return;
  }
  const open = place.querySelector("details")?.open ?? databases.length <= 10;
  const head = ["Database", "Iteration", "Cursor end", "Lag", "State"].map((word) => element("th", { scope: "col" }, word));
  const rows = databases.map((database) => element("tr", {},
    element("td", {}, element("bdi", {}, database.source), database.source === database.destination ? "" : ` → ${database.destination}`),
    element("td", {}, count(database.iteration)), element("td", {}, database.cursor_end ?? "–"),
    element("td", {}, database.lag_ms === null ? "–" : duration(database.lag_ms)), element("td", {}, database.state)));
  place.replaceChildren(element("details", { open }, element("summary", {}, `${count(databases.length)} databases`),
    element("div", { class: "scroll" }, element("table", { class: "plain" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)))));
}

function actions(job) {
  const button = (action, word) => element("button", { type: "button", "data-action": action,
    on: { click: (event) => control(job, event.currentTarget.dataset.action, event.currentTarget) } }, word);
  return { pause: button("pause", "Pause"), retry: button("retry", "Retry held tables"), start: button("start", "Start an iteration now") };
}

function showActions({ actions: buttons }, report) {
  buttons.pause.dataset.action = report.paused ? "resume" : "pause";
  buttons.pause.textContent = report.paused ? "Resume" : "Pause";
  const held = (report.tables ?? []).filter((table) => table.state === "held").length;
  buttons.retry.hidden = held === 0;
  for (const button of Object.values(buttons)) if (!button.dataset.busy) button.disabled = report.at === undefined;
}

async function control(job, action, button) {
  button.dataset.busy = "yes";
  button.disabled = true;
  try {
    const answer = await fetch(addressOf(statusPath().replace(/[^/]*$/, "control"), {}), {
      method: "POST", headers: { "content-type": "application/json", accept: "application/json" }, body: JSON.stringify({ job, action }),
    });
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok || said.ok === false) throw new Error(said.message ?? `the server answered ${answer.status}`);
    say(`${job}: ${said.message ?? "asked; the next step acts on it"}`);
  } catch (problem) {
    say(`${job}: it was not done: ${problem.message}`, true);
  }
  delete button.dataset.busy;
  button.disabled = false;
  await refresh();
}

document.getElementById("refresh").addEventListener("click", refresh);
addEventListener("resize", () => last && show(last));
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
refresh();
