// One job: the verdict, what is wrong, the figures, what can be asked of it.

function jobState(job) {
  if (!job.report) return job.error ? "unreadable" : "new";
  if (job.report.paused) return "paused";
  return job.report.state;
}

function viewOf(job, index) {
  let view = views.get(job.name);
  if (!view) {
    const section = document.getElementById("job-template").content.firstElementChild.cloneNode(true);
    view = tableView(section);
    view.actions = actions(job.name);
    part(section, "actions").append(view.actions.start, view.actions.pause);
    views.set(job.name, view);
  }
  view.section.id = `job-${index}`;
  return view;
}

function showJob(job, at, index) {
  const view = viewOf(job, index);
  const { section } = view;
  const report = job.report ?? { tables: [], databases: [] };
  const databases = report.databases ?? [];
  const troubles = troublesOf(job, at);
  section.setAttribute("aria-label", `Job ${job.name}`);
  section.querySelector("h2").textContent = job.name;
  part(section, "badge").replaceChildren(marked(JOB_STATES, jobState(job)));
  part(section, "route").replaceChildren(...route(job, databases));
  showVerdict(part(section, "verdict"), verdictOf(job, troubles), report);
  showTroubles(part(section, "trouble"), troubles, view.actions.retry);
  showFacts(part(section, "facts"), report, at);
  showDatabases(part(section, "databases"), databases);
  Object.assign(view, { tables: report.tables ?? [], at, databases: databases.length });
  showTables(view);
  showActions(view, report);
  return section;
}

function route(job, databases) {
  const arrow = (from, to) => [element("bdi", {}, from), " → ", element("bdi", {}, to)];
  const lines = job.source && job.destination ? [element("span", {}, ...arrow(job.source, job.destination))] : [];
  const names = databases.slice(0, 5).map(({ source, destination }) => (source === destination ? source : `${source} → ${destination}`));
  if (databases.length > 5) names.push(`and ${count(databases.length - 5)} more`);
  if (names.length > 0) lines.push(element("span", {}, `${databases.length === 1 ? "Database" : "Databases"} ${names.join(", ")}`));
  return lines;
}

function showVerdict(place, { tone, headline, more }, report) {
  place.className = `verdict tone-${tone}`;
  place.replaceChildren(
    element("span", { class: "mark", "aria-hidden": "true" }, MARKS[tone]),
    element("div", { class: "says" }, element("p", { class: "headline" }, headline), more ? element("p", {}, more) : null),
    ...gauge(report),
  );
}

// The lag as a share of the objective; what is above it fills the bar.
function gauge(report) {
  if (report.lag_ms === null || report.lag_ms === undefined) return [];
  const late = isLate(report);
  const lag = element("p", {}, element("strong", {}, duration(report.lag_ms)), " lag");
  const against = report.rpo_ms > 0 ? [
    element("progress", { max: 100, value: Math.min(100, (100 * report.lag_ms) / report.rpo_ms), "aria-label": "Lag as a share of the RPO" }),
    element("p", { class: "quiet" }, `${late ? "above" : "within"} the RPO of ${duration(report.rpo_ms)}`)] : [];
  return [element("div", { class: `gauge tone-${late ? "warn" : "good"}` }, lag, ...against)];
}

function showTroubles(place, troubles, retry) {
  const texts = JSON.stringify(troubles);
  if (place.dataset.said === texts) return;
  place.dataset.said = texts;
  // The verdict is the headline of the only one.
  const head = (trouble) => (troubles.length > 1 ? element("h3", {}, trouble.what) : null);
  place.replaceChildren(...troubles.map((trouble) => element("div", { class: `notice tone-${trouble.tone}`, role: "alert", "aria-label": trouble.what },
    head(trouble),
    element("ul", {}, ...trouble.why.map((reason) => element("li", {}, reason))),
    element("p", { class: "todo" }, element("strong", {}, "What to do: "), trouble.todo),
    trouble.retry ? retry : null)));
}

// Where the open iteration ends is not up to where the copy is complete.
function upTo({ cursor_end: end, databases = [] }) {
  const committed = databases.length === 1 ? databases[0].committed_end : null;
  const open = end ? `up to cursor ${end}` : "";
  return committed && committed !== end ? `${open}; complete up to ${committed}` : open;
}

function showFacts(list, report, at) {
  const tables = report.tables ?? [];
  const sum = (key) => tables.reduce((total, table) => total + (table[key] ?? 0), 0);
  const due = tables.filter((table) => table.state !== "completed").length;
  const [planned, moved] = [sum("rows_planned"), sum("rows_moved")];
  const beat = report.heartbeat;
  const next = beat?.next_due;
  const facts = [
    ["This iteration", due === 0 ? "done" : planned > 0 ? percentText((100 * moved) / planned) : "being planned",
      due === 0 ? `${count(moved)} rows` : `${count(moved)} of ${count(planned)} rows planned so far`],
    ["Tables", `${count(tables.length - due)} of ${count(tables.length)}`, "up to date"],
    ["Rows copied in all", count(sum("rows")), `in files of ${bytes(sum("bytes"))}`],
    ["Last step", beat ? `${duration(at - beat.at)} ago` : "none yet", beat ? `${beat.outcome}; ${count(beat.steps)} steps so far` : ""],
    ["Next due", next ? (next <= at ? "now" : `in ${duration(next - at)}`) : "–", next ? `at ${clock(next)}` : "nothing is foreseen"],
    ["Iteration", count(report.iteration), upTo(report)],
  ];
  list.replaceChildren(...facts.map(([term, value, more]) =>
    element("div", {}, element("dt", {}, term), element("dd", {}, value, more ? element("small", {}, more) : null))));
}

function showDatabases(place, databases) {
  if (databases.length < 2) {
    place.replaceChildren();
    return;
  }
  const open = place.querySelector("details")?.open ?? databases.length <= 10;
  const head = ["Database", "Iteration", "Cursor end", "Complete up to", "Lag", "State"].map((word) => element("th", { scope: "col" }, word));
  const rows = databases.map((database) => element("tr", {},
    element("td", {}, element("bdi", {}, database.source), database.source === database.destination ? "" : ` → ${database.destination}`),
    element("td", {}, count(database.iteration)), element("td", {}, database.cursor_end ?? "–"),
    element("td", {}, database.committed_end ?? "–", database.committed_end ? element("small", {}, ` read ${moment(database.committed_read_at)}`) : null),
    element("td", {}, database.lag_ms === null ? "–" : duration(database.lag_ms)), element("td", {}, database.state)));
  place.replaceChildren(element("details", { open }, element("summary", {}, `${count(databases.length)} databases`),
    element("div", { class: "scroll" }, element("table", { class: "plain" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)))));
}

function actions(job) {
  const button = (action, word, look) => element("button", { type: "button", "data-action": action, class: look ?? null,
    on: { click: (event) => control(job, event.currentTarget.dataset.action, event.currentTarget) } }, word);
  return { pause: button("pause", "Pause"), retry: button("retry", "Retry held tables", "main"), start: button("start", "Start an iteration now") };
}

function showActions({ actions: buttons }, report) {
  buttons.pause.dataset.action = report.paused ? "resume" : "pause";
  buttons.pause.textContent = report.paused ? "Resume" : "Pause";
  buttons.pause.className = report.paused ? "main" : "";
  for (const button of Object.values(buttons)) if (!button.dataset.busy) button.disabled = report.at === undefined;
}

// Several jobs in a few words each, the worst first.
function showOverview(place, jobs, at) {
  place.hidden = jobs.length < 2;
  if (place.hidden) return;
  const said = jobs.map((job, index) => ({ job, index, verdict: verdictOf(job, troublesOf(job, at)) }));
  said.sort((a, b) => URGENCIES.indexOf(a.verdict.tone) - URGENCIES.indexOf(b.verdict.tone) || a.index - b.index);
  const bad = said.filter(({ verdict }) => verdict.tone === "bad").length;
  const head = bad === 0 ? `None of ${count(jobs.length)} jobs needs you` : `${count(bad)} of ${count(jobs.length)} jobs ${bad === 1 ? "needs" : "need"} you`;
  place.replaceChildren(element("h2", {}, head), element("ul", {}, ...said.map(({ job, index, verdict }) =>
    element("li", { class: `tone-${verdict.tone}` }, element("a", { href: `#job-${index}` },
      element("span", { class: "mark", "aria-hidden": "true" }, MARKS[verdict.tone]),
      element("bdi", { class: "name" }, job.name), element("small", {}, verdict.headline))))));
}
