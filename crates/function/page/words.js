// Numbers, times and states in words.

const NUMBER = new Intl.NumberFormat("en");

function count(n) {
  return n === null || n === undefined ? "–" : NUMBER.format(n);
}

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  let value = n;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

// Two units at most: nobody needs the seconds of a day.
function duration(ms) {
  if (ms === null || ms === undefined) return "unknown";
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts = [
    [Math.floor(seconds / 86400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(" ");
}

function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

function moment(ms) {
  return new Date(ms).toLocaleString();
}

// Each state: its mark, its word, its colour. The word alone says everything.
const JOB_STATES = {
  new: ["○", "new", "busy"],
  running: ["▶", "copying", "busy"],
  complete: ["✓", "up to date", "good"],
  failed: ["✕", "held", "bad"],
  stopped: ["◔", "between steps", "busy"],
  paused: ["❚❚", "paused", "warn"],
  unreadable: ["✕", "state unreadable", "bad"],
};

const TABLE_STATES = {
  waiting: ["○", "waiting", ""],
  starting: ["▶", "starting", "busy"],
  planning: ["▶", "planning", "busy"],
  planned: ["▶", "copying", "busy"],
  completed: ["✓", "up to date", "good"],
  held: ["✕", "held", "bad"],
};

function stateOf(known, state) {
  return Object.hasOwn(known, state) ? known[state] : ["?", String(state), ""];
}
