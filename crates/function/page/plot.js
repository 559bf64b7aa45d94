// Lag over time against the RPO, as an SVG with a table for those who cannot see it.

const PLOT = { height: 190, left: 62, right: 12, top: 14, bottom: 26 };
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800];

// A step between grid lines that gives at most five of them.
function gridStep(topMs) {
  const fitting = STEPS.find((step) => topMs / (step * 1000) <= 5);
  return (fitting ?? Math.ceil(topMs / 5 / 86400000) * 86400) * 1000;
}

function drawLag(figure, report) {
  const samples = (report.history ?? []).filter((sample) => sample.lag_ms !== null && sample.lag_ms !== undefined);
  const open = figure.querySelector("details")?.open ?? false;
  figure.replaceChildren();
  if (samples.length < 2) {
    figure.hidden = true;
    return;
  }
  figure.hidden = false;
  // Drawn as wide as there is room, so that its words keep their size on a phone.
  const width = Math.max(280, figure.clientWidth || 760);
  const rpo = report.rpo_ms ?? 0;
  const highest = Math.max(rpo * 1.15, ...samples.map((sample) => sample.lag_ms), 1000);
  const step = gridStep(highest);
  const top = Math.ceil(highest / step) * step;
  const from = samples[0].at;
  const to = Math.max(samples[samples.length - 1].at, from + 1);
  const x = (at) => PLOT.left + ((at - from) / (to - from)) * (width - PLOT.left - PLOT.right);
  const y = (lag) => PLOT.height - PLOT.bottom - (lag / top) * (PLOT.height - PLOT.top - PLOT.bottom);
  const worst = Math.max(...samples.map((sample) => sample.lag_ms));
  const over = samples.filter((sample) => rpo > 0 && sample.lag_ms > rpo);
  const says =
    `Lag from ${moment(from)} to ${moment(to)}: now ${duration(samples[samples.length - 1].lag_ms)}, ` +
    `at most ${duration(worst)}, RPO ${duration(rpo)}, above it in ${over.length} of ${samples.length} samples.`;
  const svg = shape("svg", { width, height: PLOT.height, viewBox: `0 0 ${width} ${PLOT.height}`, role: "img", "aria-label": says });
  for (let value = 0; value <= top; value += step) {
    svg.append(
      shape("line", { class: "grid", x1: PLOT.left, x2: width - PLOT.right, y1: y(value), y2: y(value) }),
      shape("text", { x: PLOT.left - 6, y: y(value) + 4, "text-anchor": "end" }, duration(value)),
    );
  }
  for (const at of [from, from + (to - from) / 2, to]) {
    const anchor = at === from ? "start" : at === to ? "end" : "middle";
    svg.append(shape("text", { x: x(at), y: PLOT.height - 8, "text-anchor": anchor }, clock(at)));
  }
  const points = samples.map((sample) => `${x(sample.at).toFixed(1)},${y(sample.lag_ms).toFixed(1)}`);
  svg.append(
    shape("polygon", { class: "area", points: [`${x(from)},${y(0)}`, ...points, `${x(to)},${y(0)}`].join(" ") }),
    shape("polyline", { class: "line", points: points.join(" ") }),
  );
  for (const sample of over.slice(-200)) {
    svg.append(shape("circle", { class: "over", cx: x(sample.at), cy: y(sample.lag_ms), r: 3 }));
  }
  if (rpo > 0) {
    svg.append(
      shape("line", { class: "rpo", x1: PLOT.left, x2: width - PLOT.right, y1: y(rpo), y2: y(rpo) }),
      shape("text", { class: "rpo-word", x: width - PLOT.right, y: y(rpo) - 5, "text-anchor": "end" }, `RPO ${duration(rpo)}`),
    );
  }
  const rows = samples.slice(-12).map((sample) =>
    element("tr", {}, element("td", {}, moment(sample.at)), element("td", {}, duration(sample.lag_ms)),
      element("td", {}, rpo > 0 && sample.lag_ms > rpo ? "above the RPO" : "within the RPO")),
  );
  const head = element("tr", {}, ...["Time", "Lag", "Against the RPO"].map((word) => element("th", { scope: "col" }, word)));
  figure.append(
    element("figcaption", {}, "Lag over time"),
    svg,
    element("details", { open }, element("summary", {}, "The newest samples as a table"),
      element("table", { class: "plain" }, element("thead", {}, head), element("tbody", {}, ...rows))),
  );
}
