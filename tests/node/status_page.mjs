// Looks at the status page in a real browser, as an operator would.
//
//   node status_page.mjs PAGE POLICY NODE_MODULES CHROMIUM [SHOTS]
//
// PAGE is the page as the handler renders it, POLICY its content security policy. The answers of
// the server are made up here. Ends with 0 only if everything that is asserted is so.

import assert from "node:assert/strict";
import { readFileSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

const [pageFile, policy, modules, chromiumPath, shots] = process.argv.slice(2);
const { chromium } = createRequire(join(modules, "node_modules", "x.js"))("playwright-core");
const html = readFileSync(pageFile, "utf8");
const MINUTE = 60000;
const now = Date.now();
const HOSTILE = `<img src=x onerror="window.broken=1"><script>window.broken=1</script>`;

function table(name, more = {}) {
  return {
    database: "Telemetry", table: name, state: "completed", rows: 120000, blocks: 5, bytes: 7340032,
    rows_planned: 1200, rows_moved: 1200, percent: 100, blocks_by_state: {}, waits: [], error: null, notes: [], ...more,
  };
}

function history(lagOf, last = now) {
  return Array.from({ length: 96 }, (_, n) => ({ at: last - (95 - n) * 15 * MINUTE, lag_ms: lagOf(n), rows: 100 * n }));
}

// With the last sign of life so many minutes ago, of a timer that fires every 15 minutes.
function silent(minutes) {
  const last = now - minutes * MINUTE;
  return report({ tables: [table("A")], history: history(() => MINUTE, last), heartbeat: { at: last, epoch: 3, outcome: "idle", steps: 7, next_due: null, version: "0.1.0" } });
}

function report(more = {}) {
  return {
    state: "running", iteration: 41, cursor_end: "638000000000000002", lag_ms: 3 * MINUTE, at: now, paused: false,
    rpo_ms: 5 * MINUTE, next_iteration_at: now + MINUTE,
    databases: [{ source: "Telemetry", destination: "Telemetry", iteration: 41, cursor_end: "638000000000000002", lag_ms: 3 * MINUTE, state: "running", ...more.database }],
    heartbeat: { at: now - 40000, epoch: 12, outcome: "worked", steps: 1234, next_due: now + 20000, version: "0.1.0" },
    history: history((n) => (2 + Math.sin(n / 5)) * MINUTE + (n === 60 ? 5 * MINUTE : 0)),
    tables: [
      table("StormEvents"), table("Requests", { state: "planned", percent: 61.24, rows_planned: 48000000, rows_moved: 29395200,
        blocks_by_state: { exporting: 3, ingesting: 2, moving: 1 }, waits: [{ reason: "x", text: "an export slot", blocks: 7, since: now - 95000 }] }),
      table("Dependencies", { state: "planning", percent: null, waits: [{ reason: "x", text: "the planning query", blocks: 1, since: now - 4000 }] }),
      table("Sites", { state: "held", error: "column 'Area' has another type at the destination; change it there, then retry", percent: 0, rows_moved: 0 }),
      table("Weather", { notes: ["2 rows fewer than planned: the source deleted them"] }),
    ], ...more,
  };
}

const FIXTURES = {
  running: { at: now, version: "0.1.0", problems: [], jobs: [
    { name: "europe-to-us", source: "https://src.westeurope.kusto.windows.net", destination: "https://dst.eastus.kusto.windows.net", report: report(), error: null, remedy: null },
    { name: "billing", source: "https://src.westeurope.kusto.windows.net", destination: "https://dst.eastus.kusto.windows.net", report: report({ state: "complete", paused: true, tables: [table("Invoices")] }), error: null, remedy: null } ] },
  fine: { at: now, version: "0.1.0", problems: [], jobs: [
    { name: "fine", source: "https://a.kusto.windows.net", destination: "https://b.kusto.windows.net", report: report({ state: "complete", tables: [table("Invoices")] }), error: null, remedy: null } ] },
  several: { at: now, version: "0.1.0", problems: [], jobs: [
    ["fine", report({ state: "complete", tables: [table("A")] })],
    ["late", report({ lag_ms: 12 * MINUTE, tables: [table("A")] })],
    ["first", report({ lag_ms: null, iteration: 1, tables: [table("A", { state: "planning", percent: null })] })],
    ["failing", report({ tables: [table("A")], heartbeat: { at: now - 9000, epoch: 3, outcome: "failed", steps: 7, next_due: null, version: "0.1.0", error: "the cluster refuses us; grant the database role" } })],
    ["new", null], ["unreadable", null, "no permission to read the table", "grant the role Storage Table Data Contributor"],
    ["slow", silent(25)], ["silent", silent(35)],
    ["paused", report({ paused: true, state: "complete", tables: [table("A")], heartbeat: { at: now - 90 * MINUTE, epoch: 3, outcome: "paused", steps: 7, next_due: null, version: "0.1.0" } })],
  ].map(([name, report, error = null, remedy = null]) => ({ name, source: "https://a.kusto.windows.net", destination: "https://b.kusto.windows.net", report, error, remedy })) },
  hostile: { at: now, version: HOSTILE, problems: [HOSTILE], jobs: [{ name: HOSTILE, error: HOSTILE, remedy: HOSTILE, report: report({ cursor_end: HOSTILE,
    tables: [table(HOSTILE, { state: "held", error: HOSTILE, notes: [HOSTILE] }), table("\u202egnp.evil\u202c"), table("x".repeat(1024)), table("two\nlines"),
      table("__proto__", { state: "__proto__" })] }) }] },
  many: { at: now, version: "0.1.0", problems: [], jobs: [{ name: "many", error: null, remedy: null,
    report: report({ tables: Array.from({ length: 10000 }, (_, n) => table(`T${String(n).padStart(5, "0")}`, n === 7777 ? { state: "held", error: "no space" } : {})) }) }] },
  broken: { at: now, version: "0.1.0", problems: ["KUSTO_COPY_JOBS is no JSON array: line 1"], jobs: [] },
  empty: { at: now, version: "0.1.0", problems: [], jobs: [] },
  stale: { at: now, version: "0.1.0", problems: [], jobs: [{ name: "stale", error: null, remedy: null,
    report: report({ lag_ms: 90 * MINUTE, database: { error: "it was dropped; give its new name" }, heartbeat: { at: now - 45 * MINUTE, epoch: 1, outcome: "worked", steps: 2, next_due: null, version: "0.1.0" }, history: [] }) }] },
};

let fixture = FIXTURES.running;
let failing = false;
let slow = null;
const posted = [];
const asked = [];
const server = createServer((request, response) => {
  const url = new URL(request.url, "http://x");
  const json = (code, body) => {
    response.writeHead(code, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
  if (request.method === "POST" && url.pathname === "/api/control") {
    let body = "";
    request.on("data", (chunk) => { body += chunk; });
    request.on("end", () => {
      posted.push({ body: JSON.parse(body), code: url.searchParams.get("code"), type: request.headers["content-type"] });
      const job = fixture.jobs[0];
      if (posted.length === 3) return json(409, { ok: false, message: "another execution has just changed it" });
      if (["pause", "resume"].includes(posted.at(-1).body.action) && job) job.report.paused = posted.at(-1).body.action === "pause";
      return json(200, { ok: true, message: "the next step acts on it" });
    });
  } else if (url.pathname === "/api/status" && url.searchParams.get("format") === "json") {
    asked.push(url.searchParams.get("code"));
    if (failing) return json(500, {});
    if (!slow) return json(200, fixture);
    const before = structuredClone(fixture);
    const answer = () => json(200, before);
    slow.push(answer);
  } else if (url.pathname === "/api/status") {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-security-policy": policy });
    response.end(html);
  } else {
    response.writeHead(404);
    response.end();
  }
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const address = `http://127.0.0.1:${server.address().port}/api/status?code=a%2Fb%3D`;
const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] });
const troubles = [];

async function open(name, options = {}) {
  fixture = structuredClone(FIXTURES[name]);
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  page.on("console", (message) => { if (["error", "warning"].includes(message.type()) && !message.text().startsWith("Failed to load resource")) troubles.push(`${name}: ${message.text()}`); });
  page.on("pageerror", (error) => troubles.push(`${name}: ${error.message}`));
  await page.goto(address);
  await page.getByText(/^Updated /).waitFor();
  return page;
}

async function shoot(page, name) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage: name !== "many" });
}

const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);

async function showsWhatIsGoingOn() {
  const page = await open("running");
  const job = page.getByRole("region", { name: "Job europe-to-us" });
  const text = await job.innerText();
  for (const said of ["copying", "3 min", "within the RPO of 5 min", "https://src.westeurope.kusto.windows.net", "40 s ago", "Requests", "61.2 %",
    "29,395,200 of 48,000,000 rows", "3 exporting", "an export slot (7 blocks)", "for 1 min 35 s", "column 'Area' has another type", "1 table waits for you", "What to do:",
    "Note: 2 rows fewer than planned", "not planned yet"]) assert.ok(text.includes(said), `“${said}” is missing in:\n${text}`);
  const rows = await job.getByRole("row").allInnerTexts();
  assert.match(rows[1], /Sites/, "what needs a person comes first");
  assert.equal(await job.getByRole("progressbar", { name: "Progress of Requests" }).getAttribute("value"), "61.24");
  assert.match(await page.title(), /^✕ 1 table waits for you/);
  await shoot(page, "desktop-light");
  await page.close();
}

async function saysFirstWhatMatters() {
  const page = await open("several");
  const headlines = {
    fine: "Within the RPO", late: "Above the RPO: 12 min behind", first: "The first copy is being made", failing: "The last step failed",
    new: "Waiting for its first step", unreadable: "The state cannot be read", paused: "Paused",
    slow: "Within the RPO", silent: "Nobody advances this job",
  };
  for (const [name, headline] of Object.entries(headlines)) {
    const job = page.getByRole("region", { name: `Job ${name}`, exact: true });
    assert.equal(await job.locator(".headline").innerText(), headline, name);
    const order = await job.evaluate((section) => [".verdict", ".notice", ".facts", "figure", "table"]
      .map((what) => section.querySelector(what)).filter((found) => found)
      .every((found, n, all) => n === 0 || all[n - 1].compareDocumentPosition(found) & Node.DOCUMENT_POSITION_FOLLOWING));
    assert.ok(order, `${name}: the verdict comes first, then what is wrong`);
  }
  const said = await page.locator("main").innerText();
  assert.ok(!/null|undefined|NaN/.test(said), said);
  const alerts = await page.getByRole("alert").allInnerTexts();
  assert.equal(alerts.length, 3, alerts.join("\n"));
  assert.ok(alerts[0].includes("the cluster refuses us; grant the database role"), alerts[0]);
  assert.ok(alerts[1].includes("grant the role Storage Table Data Contributor"), alerts[1]);
  const overview = page.getByRole("navigation", { name: "All jobs" });
  assert.equal(await overview.getByRole("heading").innerText(), "3 of 9 jobs need you");
  const names = await overview.locator(".name").allInnerTexts();
  assert.deepEqual(names, ["failing", "unreadable", "silent", "late", "paused", "first", "new", "fine", "slow"], "the worst comes first");
  await overview.getByRole("link", { name: /^paused/ }).click();
  assert.ok(await page.getByRole("region", { name: "Job paused" }).evaluate((section) => section.getBoundingClientRect().top < innerHeight));
  await shoot(page, "several");
  await page.close();
}

async function plotsLagAgainstTheRpo() {
  const page = await open("running");
  const plot = page.getByRole("img", { name: /^Lag from .* RPO 5 min, above it in 1 of 96 samples/ }).first();
  assert.equal(await plot.locator(".rpo").count(), 1);
  assert.equal(await plot.locator(".over").count(), 1);
  const drawn = await plot.evaluate((svg) => {
    const points = svg.querySelector(".line").getAttribute("points").split(" ");
    return { points: points.length, rpo: Number(svg.querySelector(".rpo").getAttribute("y1")), over: Number(svg.querySelector(".over").getAttribute("cy")) };
  });
  assert.equal(drawn.points, 96);
  assert.ok(drawn.over < drawn.rpo, "what is above the RPO is drawn above its line");
  assert.ok(await plot.getByText("RPO 5 min").count() > 0);
  await page.getByText("The newest samples as a table").first().click();
  assert.ok((await page.locator("figure table tbody tr").first().innerText()).includes("the RPO"));
  await page.close();
}

async function takesOrders() {
  const page = await open("running");
  const job = page.getByRole("region", { name: "Job europe-to-us" });
  posted.length = 0;
  await job.getByRole("button", { name: "Pause" }).click();
  await job.getByRole("button", { name: "Resume" }).waitFor();
  assert.deepEqual(posted[0], { body: { job: "europe-to-us", action: "pause" }, code: "a/b=", type: "application/json" });
  await page.getByRole("status").getByText("europe-to-us: the next step acts on it").waitFor();
  assert.ok((await job.innerText()).includes("paused"));
  await job.getByRole("button", { name: "Retry held tables" }).click();
  await page.waitForFunction(() => !document.querySelector("[data-busy]"));
  await job.getByRole("button", { name: "Start an iteration now" }).press("Enter");
  await page.getByRole("status").getByText("it was not done: another execution has just changed it").waitFor();
  assert.deepEqual(posted.map(({ body }) => body.action), ["pause", "retry", "start"]);
  assert.ok(asked.every((code) => code === "a/b="), "the host's key goes along");
  await page.close();
}

async function isNotHarmedByNames() {
  const page = await open("hostile", { viewport: { width: 360, height: 780 } });
  assert.equal(await page.evaluate(() => window.broken), undefined);
  assert.equal(await page.locator("main img, main script").count(), 0);
  assert.ok((await page.locator("main").innerText()).includes(HOSTILE));
  assert.ok(await fits(page), "a long name does not widen the page");
  await page.close();
}

async function staysUsableWithManyTables() {
  const page = await open("many");
  assert.equal(await page.locator("tbody[role] tr").count(), 50);
  assert.match(await page.locator("tbody[role] tr").first().innerText(), /T07777/);
  await page.getByLabel("Find").fill("t0012");
  await page.getByText("(10 of 10,000)").waitFor();
  await page.getByLabel("Find").fill("");
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("Page 2 of 200").waitFor();
  await page.getByLabel("Show").selectOption("held");
  await page.getByText("(1 of 10,000)").waitFor();
  await page.getByLabel("Show").selectOption("all");
  await page.getByRole("button", { name: "Table", exact: true }).click();
  await page.getByRole("button", { name: "Table", exact: true }).click();
  assert.equal(await page.getByRole("columnheader", { name: "Table" }).getAttribute("aria-sort"), "descending");
  assert.match(await page.locator("tbody[role] tr").first().innerText(), /T09999/);
  await shoot(page, "many");
  await page.close();
}

async function keepsThePictureWhenTheServerFails() {
  const page = await open("running");
  failing = true;
  await page.getByRole("button", { name: "Refresh" }).click();
  await page.getByText(/The state cannot be read now \(the server answered 500\)/).waitFor();
  assert.equal(await page.getByRole("region", { name: "Job europe-to-us" }).count(), 1);
  failing = false;
  await page.getByRole("button", { name: "Refresh" }).click();
  await page.getByText(/^Updated /).waitFor();
  await page.close();
}

async function showsTheNewestAnswerWhicheverComesLast() {
  const page = await open("fine");
  slow = [];
  await page.getByRole("button", { name: "Refresh" }).click();
  while (slow.length < 1) await page.waitForTimeout(10);
  fixture.jobs[0].report.paused = true;
  await page.getByRole("button", { name: "Refresh" }).click();
  while (slow.length < 2) await page.waitForTimeout(10);
  const [first, second] = slow;
  slow = null;
  second();
  await page.getByText("Nothing new begins until somebody resumes it").waitFor();
  const late = page.waitForResponse((response) => response.url().includes("format=json"));
  first();
  await (await late).finished();
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  assert.equal(await page.locator(".headline").innerText(), "Paused");
  await page.close();
}

async function tellsProblemsAndNothing() {
  let page = await open("broken");
  await page.getByRole("alert").getByText("KUSTO_COPY_JOBS is no JSON array: line 1").waitFor();
  await page.close();
  page = await open("empty");
  await page.getByText("No job is set").waitFor();
  await page.close();
  page = await open("stale");
  const text = await page.locator("main").innerText();
  assert.ok(text.includes("1 database is not taken up") && text.includes("Telemetry: it was dropped; give its new name"), text);
  assert.ok(text.includes("Nobody advances this job") && text.includes("No step has ended for 45 min") && text.includes("above the RPO of 5 min"), text);
  await shoot(page, "stale");
  assert.equal(await page.locator("figure svg").count(), 0);
  await page.close();
}

// Relative luminance and contrast as WCAG 2 defines them.
async function hasContrast(page, where) {
  const failures = await page.evaluate(() => {
    const parse = (text) => text.match(/[\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
      .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
    const behind = (node) => {
      for (let at = node; at; at = at.parentElement) {
        const colour = parse(getComputedStyle(at).backgroundColor);
        if (colour.length === 3 || colour[3] > 0) return colour;
      }
      return [255, 255, 255];
    };
    const bad = [];
    for (const node of document.querySelectorAll("body *")) {
      const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim() !== "");
      if (!own || node.disabled || !node.checkVisibility() || node.closest("svg, script, style")) continue;
      const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) bad.push(`${node.tagName} ${node.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
    }
    return bad;
  });
  assert.deepEqual(failures, [], `contrast, ${where}`);
}

async function isReadableEverywhere() {
  for (const [name, width, colorScheme] of [["running", 390, "light"], ["several", 390, "dark"], ["fine", 390, "light"], ["running", 1400, "dark"], ["several", 1400, "light"], ["stale", 1400, "dark"]]) {
    const phone = width < 500;
    const page = await open(name, { viewport: { width, height: phone ? 844 : 900 }, isMobile: phone, hasTouch: phone, colorScheme });
    assert.ok(await fits(page), `${name}: ${width} pixels need no scrolling sideways`);
    await hasContrast(page, `${name}, ${colorScheme}`);
    await shoot(page, `${name}-${width}-${colorScheme}`);
    if (colorScheme === "dark") assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(246, 247, 249)");
    await page.close();
  }
  const page = await open("running");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the jobs");
  const unnamed = await page.evaluate(() => [...document.querySelectorAll("button, input, select")]
    .filter((control) => (control.labels?.[0]?.textContent ?? control.textContent).trim() === "").length);
  assert.equal(unnamed, 0, "every control has a name");
  await page.close();
}

let failed = 0;
for (const test of [showsWhatIsGoingOn, saysFirstWhatMatters, plotsLagAgainstTheRpo, takesOrders, isNotHarmedByNames, staysUsableWithManyTables,
  keepsThePictureWhenTheServerFails, showsTheNewestAnswerWhicheverComesLast, tellsProblemsAndNothing, isReadableEverywhere]) {
  try {
    await test();
    assert.deepEqual(troubles.splice(0), []);
    console.log(`ok ${test.name}`);
  } catch (error) {
    failed += 1;
    failing = false;
    console.log(`failed ${test.name}: ${error.stack}`);
  }
}
await browser.close();
server.close();
server.closeAllConnections();
process.exit(failed === 0 ? 0 : 1);
