// Reads the state, shows it, sends what the operator asks for.

const EVERY_MS = 10000;
const PATIENCE_MS = 60000;
const views = new Map();
let last = null;
let timer = null;
let asked = 0;

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
  asked += 1;
  const mine = asked;
  const updated = document.getElementById("updated");
  try {
    const answer = await fetch(addressOf(statusPath(), { format: "json" }), { headers: { accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const status = await answer.json();
    // An answer that somebody asked for later is newer.
    if (mine !== asked) return;
    last = status;
    show(last);
    updated.textContent = `Updated ${new Date().toLocaleTimeString()}`;
    updated.className = "quiet push";
  } catch (problem) {
    if (mine !== asked) return;
    const since = last ? ` Shown is the state of ${moment(last.at)}.` : "";
    updated.textContent = `The state cannot be read now (${problem.message}).${since}`;
    updated.className = "bad push";
  }
  if (!document.hidden) timer = setTimeout(refresh, EVERY_MS);
}

function show(status) {
  document.getElementById("version").textContent = status.version ? `version ${status.version}` : "";
  const main = document.getElementById("jobs");
  const overview = document.getElementById("overview");
  showOverview(overview, status.jobs, status.at);
  const sections = status.jobs.map((job, index) => showJob(job, status.at, index));
  const wanted = [...aboutSettings(status), ...(overview.hidden ? [] : [overview]), ...sections];
  // Sections that are there already stay, so that focus and scrolling are not lost.
  for (const child of [...main.children]) if (!wanted.includes(child) && child !== overview) child.remove();
  wanted.forEach((child, n) => {
    if (main.children[n] !== child) main.insertBefore(child, main.children[n] ?? null);
  });
  // Once they are in the page, so that their width is known.
  status.jobs.forEach((job) => drawLag(part(views.get(job.name).section, "lag"), job.report ?? {}));
  document.title = title(status);
}

let told = { problems: "" };

function aboutSettings(status) {
  const problems = status.problems ?? [];
  if (problems.length > 0) {
    // The same element while they are the same: it is read out once.
    if (told.problems !== JSON.stringify(problems)) told = { problems: JSON.stringify(problems), notice: element("div", { class: "notice tone-bad", role: "alert" },
      element("h2", {}, "Nothing is copied: the settings of this app are not right"),
      element("ul", {}, ...problems.map((problem) => element("li", {}, problem))),
      element("p", { class: "todo" }, element("strong", {}, "What to do: "), "Correct the app settings that are named; the app restarts by itself.")) };
    return [told.notice];
  }
  return status.jobs.length > 0 ? [] : [element("p", { class: "quiet" }, "No job is set. Set KUSTO_COPY_JOBS in the app's settings.")];
}

// The worst of all jobs, for a tab that nobody looks at.
function title(status) {
  if ((status.problems ?? []).length > 0) return `${MARKS.bad} Settings are not right – kusto-copy`;
  const said = status.jobs.map((job) => verdictOf(job, troublesOf(job, status.at)));
  const worst = URGENCIES.map((tone) => said.find((verdict) => verdict.tone === tone)).find((verdict) => verdict);
  return worst ? `${MARKS[worst.tone]} ${worst.headline} – kusto-copy` : "kusto-copy";
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
