// What an operator wants to know first: is the copy within its objective, is anything failing, and
// what is to be done. Everything is said in words; colours and marks only repeat it.

// Executions that go on leave a sign of life every two minutes.
const STALE_MS = 5 * 60000;
// A timer may be slower than that, and the page does not know its schedule: so many of the last
// pauses between samples tell it. One that failed for once does not count.
const PAUSES = 3;
const MARKS = { bad: "✕", warn: "!", busy: "▶", good: "✓" };
const URGENCIES = ["bad", "warn", "busy", "good"];
const MOST_REASONS = 5;

function heldTables(report) {
  return (report?.tables ?? []).filter((table) => table.state === "held");
}

// Told anew each minute and not with every look.
function wholeMinutes(ms) {
  return duration(Math.floor(ms / 60000) * 60000);
}

function isLate(report) {
  return report.rpo_ms > 0 && report.lag_ms !== null && report.lag_ms > report.rpo_ms;
}

// After how long without a sign nobody seems to be at work.
function patience(report) {
  const samples = (report.history ?? []).slice(-PAUSES - 1);
  const pauses = samples.slice(1).map((sample, n) => sample.at - samples[n].at);
  const pace = pauses.length > 0 ? Math.min(...pauses) : 0;
  return Math.max(STALE_MS, report.rpo_ms ?? 0, 2 * pace);
}

// What is wrong, the worst first: a headline, the reasons, what to do.
function troublesOf(job, at) {
  if (job.error) return [{ tone: "bad", what: "The state cannot be read", why: [job.error], todo: job.remedy ?? "Look into the log of the app." }];
  if (!job.report) return [];
  const { report } = job;
  const beat = report.heartbeat;
  const troubles = [];
  if (beat && !report.paused && at - beat.at > patience(report)) {
    troubles.push({ tone: "bad", what: "Nobody advances this job", why: [`No step has ended for ${wholeMinutes(at - beat.at)}.`],
      todo: "Look whether the app runs and its timer fires (KUSTO_COPY_SCHEDULE), then into its log." });
  }
  if (beat?.outcome === "failed") {
    troubles.push({ tone: "bad", what: "The last step failed", why: [beat.error ?? "Its reason is in the log of the app."],
      todo: "The next tick tries again by itself. Correct what the message names if it stays." });
  }
  const held = heldTables(report);
  if (held.length > 0) {
    const why = held.slice(0, MOST_REASONS).map((table) => `${table.table}: ${table.error ?? "no reason is stored"}`);
    if (held.length > MOST_REASONS) why.push(`and ${count(held.length - MOST_REASONS)} more; choose “held” in the list below`);
    troubles.push({ tone: "bad", what: `${count(held.length)} ${held.length === 1 ? "table waits" : "tables wait"} for you`, why,
      todo: "Correct what each message names, then retry. The other tables are copied, but this iteration is committed with all of them.", retry: true });
  }
  const refused = (report.databases ?? []).filter((database) => database.error);
  if (refused.length > 0) {
    const why = refused.slice(0, MOST_REASONS).map(({ source, error }) => `${source}: ${error}`);
    if (refused.length > MOST_REASONS) why.push(`and ${count(refused.length - MOST_REASONS)} more; see the list of databases`);
    troubles.push({ tone: "bad", what: `${count(refused.length)} ${refused.length === 1 ? "database is" : "databases are"} not taken up`, why,
      todo: "Correct what each message names; the next step looks again by itself." });
  }
  return troubles;
}

// What else is good to know beside a trouble.
function besides(report) {
  if (!report || report.lag_ms === null || report.lag_ms === undefined || !(report.rpo_ms > 0)) return "";
  return isLate(report) ? "The copy is above its RPO." : "The copy is still within its RPO.";
}

function progressOf(report) {
  const tables = report.tables ?? [];
  const due = tables.filter((table) => table.state !== "completed").length;
  if (due > 0) return `The next iteration is being copied: ${count(due)} of ${count(tables.length)} tables are not done with it.`;
  return tables.length === 1 ? "Its table is up to date." : `All ${count(tables.length)} tables are up to date.`;
}

// The whole job in one sentence and a tone.
function verdictOf(job, troubles) {
  const { report } = job;
  if (troubles.length > 0) {
    const more = troubles.length > 1 ? `, and ${count(troubles.length - 1)} more below` : "";
    return { tone: troubles[0].tone, headline: `${troubles[0].what}${more}`, more: besides(report) };
  }
  if (!report) return { tone: "busy", headline: "Waiting for its first step", more: "The next tick of the timer begins the first copy." };
  if (report.paused) return { tone: "warn", headline: "Paused", more: `Nothing new begins until somebody resumes it. ${besides(report)}` };
  if (report.lag_ms === null || report.lag_ms === undefined) {
    return { tone: "busy", headline: "The first copy is being made", more: "The lag is known once it is complete." };
  }
  if (isLate(report)) {
    return { tone: "warn", headline: `Above the RPO: ${duration(report.lag_ms)} behind`,
      more: `The RPO is ${duration(report.rpo_ms)}. Work goes on; if the lag grows, look at what tables wait for, then raise the slots or the clusters' capacity.` };
  }
  return { tone: "good", headline: report.rpo_ms > 0 ? "Within the RPO" : "Up to date", more: progressOf(report) };
}
