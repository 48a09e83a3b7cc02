"use strict";
// The page's state, the controls that change it, and the tables that follow it.
const data = JSON.parse(document.getElementById("payload").textContent);
const labels = data.classifiers.map(c => c.label);
// Okabe & Ito (2008), told apart by dash and symbol too.
const INKS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00", "#7A5195"];
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "x", "cross", "star", "triangle-down"];
// Rubin band colours (RTN-045), told apart by symbol too.
const BAND_INK = { u: "#0c71ff", g: "#49be61", r: "#c61c00", i: "#ffc200", z: "#f341a2", y: "#5d0000" };
const BAND_SYMBOL = { u: "circle", g: "triangle-up", r: "triangle-down", i: "square", z: "star", y: "pentagon" };
const ink = i => INKS[i % INKS.length], dash = i => DASHES[i % DASHES.length], symbol = i => SYMBOLS[i % SYMBOLS.length];

const state = { axis: null, step: 0, metric: null, norm: "truth", listeners: [] };
const $ = id => document.getElementById(id);

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes || {})) {
    if (k.startsWith("on")) node.addEventListener(k.slice(2), v);
    else if (v !== null && v !== undefined && v !== false) node.setAttribute(k, v === true ? "" : v);
  }
  for (const child of children) if (child !== null && child !== undefined) node.append(child);
  return node;
}
function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attributes || {})) node.setAttribute(k, v);
  node.append(...children);
  return node;
}

const className = id => id === -1 ? "no answer" : (data.names[id] || String(id));
const metricNames = Object.keys(data.metrics);
const overall = metricNames.filter(m => !data.metrics[m].per_class && !data.metrics[m].history);
const perClass = metricNames.filter(m => data.metrics[m].per_class);
const integer = n => n.toLocaleString("en-US");
const percent = (a, b) => b ? `${(100 * a / b).toFixed(a === b || a === 0 ? 0 : 1)} %` : "–";
function number(v, digits = 3) { return v === null || v === undefined ? "–" : v.toFixed(digits); }
function seconds(s) {
  if (s === null || s === undefined) return "–";
  if (s < 1e-3) return `${(s * 1e6).toPrecision(3)} µs`;
  if (s < 1) return `${Number((s * 1e3).toPrecision(3))} ms`;
  if (s < 120) return `${Number(s.toPrecision(3))} s`;
  if (s < 7200) return `${Number((s / 60).toPrecision(3))} min`;
  if (s < 172800) return `${Number((s / 3600).toPrecision(3))} h`;
  return `${Number((s / 86400).toPrecision(3))} d`;
}

// --- points in time
const axes = ["detection", "days", "answer", "phase", "rest_phase", "fraction", "date"].filter(a => data.points.some(p => p.axis === a));
if (!axes.length) axes.push("last");
const AXIS_NAMES = { detection: "detections", days: "days", last: "last answer", answer: "answers", phase: "phase", rest_phase: "rest phase", fraction: "fraction", date: "date" };
const stepsOf = axis => [...data.points.filter(p => p.axis === axis && axis !== "last"), ...data.points.filter(p => p.axis === "last")];
const tick = p => p.axis === "last" ? "last" : ["days", "phase", "rest_phase"].includes(p.axis) ? `${p.at} d` : p.axis === "fraction" ? `${100 * p.at} %` : `${p.at}`;
const point = () => stepsOf(state.axis)[state.step];
const onPoint = f => state.listeners.push(f);
const entry = (metric, label) => ((data.values[metric] || {})[label] || {})[point().key];

function segmented(fieldset, name, options, chosen, change) {
  for (const [value, text] of options) {
    const input = el("input", { type: "radio", name, value, onchange: () => change(value) });
    input.checked = value === chosen;
    fieldset.append(el("label", {}, input, el("span", {}, text)));
  }
}
function setAxis(axis) {
  state.axis = axis;
  const steps = stepsOf(axis);
  state.step = steps.length - 1;
  $("point").max = steps.length - 1;
  $("point").value = state.step;
  $("ticks-shown").replaceChildren(...steps.map(p => el("span", {}, tick(p))));
  refresh();
}
function refresh() {
  $("point-label").textContent = point().label;
  $("point").setAttribute("aria-valuetext", point().label);
  for (const f of state.listeners) f();
}
$("point").addEventListener("input", e => { state.step = Number(e.target.value); refresh(); });
segmented($("axis"), "axis", axes.map(a => [a, AXIS_NAMES[a]]), axes[0], setAxis);

// --- head and foot
const firstBooks = data.classifiers[0].accounting;
$("facts").textContent = `${integer(data.objects)} objects of ${data.classes.length} classes · ${integer(firstBooks.sent)} alerts · ` +
  `${labels.length} classifier${labels.length === 1 ? "" : "s"} · run ${data.run.manifest_sha256.slice(0, 12)}`;
$("foot").textContent = `${data.generator}. Full numbers are in scores.parquet, confusion.parquet and scores.json beside this page.`;

function options(select, values, text, chosen) {
  for (const v of values) select.append(el("option", { value: v, selected: v === chosen }, text(v)));
}
function swatch(i) {
  const dashes = { solid: "", dash: "5 3", dot: "2 2", dashdot: "5 2 2 2", longdash: "8 3", longdashdot: "8 2 2 2" };
  const s = svg("svg", { viewBox: "0 0 24 10", "aria-hidden": "true" },
    svg("line", { x1: 0, y1: 5, x2: 24, y2: 5, stroke: ink(i), "stroke-width": 3, "stroke-dasharray": dashes[dash(i)] }));
  return el("span", { class: "swatch" }, s);
}
function scale(values, metric) {
  const known = values.flatMap(v => [v[0], v[1], v[2]]).filter(x => x !== null);
  const about = data.metrics[metric];
  const low = about.low ?? Math.min(...known), high = about.high !== null && about.high <= 1 ? about.high : Math.max(...known, low + 1e-9) * 1.05;
  return x => (x - low) / (high - low);
}
function rangePlot(v, at, i) {
  const w = 190, h = 22, x = q => 8 + Math.max(0, Math.min(1, at(q))) * (w - 16);
  const parts = [svg("line", { x1: 8, x2: w - 8, y1: h / 2, y2: h / 2, stroke: "#d8dee6" })];
  if (v[1] !== null && v[2] !== null) parts.push(svg("line", { x1: x(v[1]), x2: x(v[2]), y1: h / 2, y2: h / 2, stroke: ink(i), "stroke-width": 2 }), ...[v[1], v[2]].map(q => svg("line", { x1: x(q), x2: x(q), y1: 5, y2: h - 5, stroke: ink(i), "stroke-width": 2 })));
  if (v[0] !== null) parts.push(svg("circle", { cx: x(v[0]), cy: h / 2, r: 3.6, fill: ink(i) }));
  return svg("svg", { class: "range", viewBox: `0 0 ${w} ${h}`, role: "img", "aria-label": v[1] === null ? number(v[0]) : `${number(v[0])}, interval ${number(v[1])} to ${number(v[2])}` }, ...parts);
}
function valueCell(v, extra) {
  if (!v || v[0] === null) return el("td", { class: `undefined ${extra || ""}`, title: v ? v[4] : "not scored" }, "–");
  return el("td", { class: extra || null, title: v[1] === null ? `n = ${integer(v[3])}` : `${number(v[1], 4)} to ${number(v[2], 4)}, n = ${integer(v[3])}` }, number(v[0]));
}

// --- leaderboard
state.metric = overall.includes("macro_f1") ? "macro_f1" : overall[0];
const HEADLINES = ["macro_f1", "accuracy", "log_loss", "brier"];
const headlines = () => [...new Set([state.metric, ...HEADLINES])].filter(m => overall.includes(m)).slice(0, 5);
function orderBy(metric) { state.metric = metric; $("board-metric").value = metric; drawBoard(); }
function ranked() {
  const sign = data.metrics[state.metric].direction === "higher" ? -1 : 1;
  const rows = labels.map((label, i) => ({ label, i, v: entry(state.metric, label) || [null, null, null, 0, "not scored"] }));
  const scope = i => (data.classifiers[i].scope || []).join();
  rows.sort((a, b) => (scope(a.i) < scope(b.i) ? -1 : scope(a.i) > scope(b.i) ? 1 : 0) || (a.v[0] === null) - (b.v[0] === null) || sign * (a.v[0] - b.v[0]) || (a.label < b.label ? -1 : 1));
  rows.forEach((r, k) => { r.rank = r.v[0] === null ? "–" : k && scope(rows[k - 1].i) === scope(r.i) && rows[k - 1].v[0] === r.v[0] ? rows[k - 1].rank : k + 1 - rows.findIndex(q => scope(q.i) === scope(r.i)); });
  return rows;
}
function classesHere() {
  const whole = labels.find((_, i) => !(data.classifiers[i].scope || []).length) || labels[0];
  const cells = (data.confusion[whole] || {})[point().key] || [];
  return new Set(cells.map(c => c[0])).size;
}
function tieGroups(rows) {
  const pairs = (data.pairs || []).filter(p => p.point === point().key && p.metric === state.metric);
  if (!pairs.length) return null;
  const apart = new Set(pairs.filter(p => p.better).flatMap(p => [`${p.a}\n${p.b}`, `${p.b}\n${p.a}`]));
  const scope = r => (data.classifiers[r.i].scope || []).join();
  let first = null, group = 0;
  return rows.map(r => { if (first === null || scope(first) !== scope(r) || apart.has(`${first.label}\n${r.label}`)) { group += 1; first = r; } return group; });
}
function drawBoard() {
  const rows = ranked(), at = scale(rows.map(r => r.v), state.metric), about = data.metrics[state.metric];
  const head = el("tr", {}, el("th", { scope: "col" }, "#"), el("th", { scope: "col" }, "Classifier"));
  head.append(el("th", { scope: "col", class: "left" }, `${about.title}, ${Math.round(100 * data.spec.confidence)} % interval`));
  for (const m of headlines()) {
    const chosen = m === state.metric, arrow = data.metrics[m].direction === "higher" ? "↑" : "↓";
    head.append(el("th", { scope: "col", "aria-sort": chosen ? (arrow === "↑" ? "descending" : "ascending") : null },
      el("button", { type: "button", title: `order by ${data.metrics[m].title} (${data.metrics[m].direction} is better)`, onclick: () => orderBy(m) }, `${data.metrics[m].title} ${arrow}`)));
  }
  for (const name of ["Answered", "Median latency"]) head.append(el("th", { scope: "col" }, name));
  const groups = tieGroups(rows);
  const body = rows.map((r, k) => {
    const tied = groups && (groups[k] === groups[k - 1] || groups[k] === groups[k + 1]);
    const c = data.classifiers[r.i], books = c.accounting, line = el("tr", { class: groups && k && groups[k] !== groups[k - 1] ? "apart" : null }, el("td", { title: tied ? "not told apart from the first of its group" : null }, `${r.rank}${tied ? " =" : ""}`), el("th", { scope: "row" }, swatch(r.i), r.label));
    line.append(el("td", { class: "left" }, rangePlot(r.v, at, r.i)));
    for (const m of headlines()) line.append(valueCell(entry(m, r.label), m === state.metric ? "by" : null));
    line.append(el("td", { title: `${integer(books.on_time)} of ${integer(books.sent)} alerts on time` }, percent(books.on_time, books.sent)));
    line.append(el("td", {}, seconds((c.latency.percentiles.find(p => p.percent === 50) || {}).value)));
    return line;
  });
  $("board").replaceChildren(el("caption", { class: "sr" }, "Leaderboard"), el("thead", {}, head), el("tbody", {}, ...body));
  const best = rows[0];
  $("leaderboard-lead").textContent = best.v[0] === null ? `Nothing is defined here: ${best.v[4]}.` :
    `${best.label} leads with ${about.title} ${number(best.v[0])}` + (best.v[1] === null ? "" : ` (${number(best.v[1])} to ${number(best.v[2])})`) + `, ${point().label}.`;
  const missing = rows.map(r => `${r.label}: ${integer(data.classifiers[r.i].unanswered[point().key])}`).join("; ");
  $("leaderboard-note").textContent = `${integer(best.v[3])} of ${integer(data.objects)} objects reach this point, of ${classesHere()} of ${data.classes.length} classes. ` +
    `Objects without an answer here: ${missing}; they count as “${data.spec.missing}” in losses and as not recovered in recall. ` +
    (groups ? `A line divides groups that the paired bootstrap tells apart (macro F1, adjusted for the number of pairs); “=” marks ties within a group.` : "Intervals of single classifiers that overlap are no test of their difference.");
}
options($("board-metric"), overall, m => data.metrics[m].title, state.metric);
$("board-metric").addEventListener("change", e => orderBy(e.target.value));
onPoint(drawBoard);

// --- classes
function drawClasses() {
  const m = $("class-metric").value;
  const head = el("tr", {}, el("th", { scope: "col" }, "Class"), el("th", { scope: "col" }, "Objects"), ...labels.map((l, i) => el("th", { scope: "col", class: "left" }, swatch(i), l)));
  // A partial classifier has true classes of its own: those of its scope, and the rest.
  const shown = [...new Set([...data.classes, ...data.classifiers.flatMap(c => c.truth || [])])];
  const body = shown.map(id => {
    const first = labels.map(l => (entry(m, l) || {})[id]).find(v => v);
    const line = el("tr", {}, el("th", { scope: "row" }, `${className(id)} `, el("span", { class: "pm" }, String(id))), el("td", {}, first ? integer(first[3]) : "–"));
    labels.forEach((label, i) => {
      const v = (entry(m, label) || {})[id];
      const cell = el("td", { class: "left" });
      if (!v || v[0] === null) cell.append(el("span", { class: "undefined", title: v ? v[4] : "" }, `– ${v ? v[4] : ""}`));
      else { cell.append(rangePlot(v, x => x, i)); cell.append(number(v[0])); if (v[1] !== null) cell.append(el("span", { class: "pm" }, `${number(v[1], 2)} – ${number(v[2], 2)}`)); }
      line.append(cell);
    });
    return line;
  });
  $("class-table").replaceChildren(el("caption", { class: "sr" }, "Scores class by class"), el("thead", {}, head), el("tbody", {}, ...body));
}
options($("class-metric"), perClass, m => data.metrics[m].title, "f1");
$("class-metric").addEventListener("change", drawClasses);
if (perClass.length) onPoint(drawClasses); else $("classes").hidden = true;

// --- accounting
(function drawBooks() {
  const columns = ["sent", "on_time", "late", "missing", "received", "accepted", "duplicate", "orphan", "invalid", "malformed"];
  const head = el("tr", {}, el("th", { scope: "col" }, "Classifier"), el("th", { scope: "col" }, "Alerts"), ...columns.map(c => el("th", { scope: "col" }, c.replace("_", " "))), el("th", { scope: "col" }, "Balance"));
  const body = data.classifiers.map((c, i) => {
    const b = c.accounting, share = n => `width:${b.sent ? 100 * n / b.sent : 0}%`;
    const bar = el("span", { class: "stack", role: "img", "aria-label": `${percent(b.on_time, b.sent)} on time, ${percent(b.late, b.sent)} late, ${percent(b.missing, b.sent)} missing`, title: "on time, late, missing" });
    [["#0072B2", b.on_time], ["#E69F00", b.late], ["#ffffff", b.missing]].forEach(([colour, n]) => { const part = el("i"); part.style.cssText = `background:${colour};${share(n)}`; bar.append(part); });
    const balanced = b.sent === b.on_time + b.late + b.missing && b.received === b.accepted + b.duplicate + b.orphan + b.invalid + b.malformed;
    return el("tr", {}, el("th", { scope: "row" }, swatch(i), c.label), el("td", {}, bar), ...columns.map(k => el("td", {}, integer(b[k]))), el("td", { class: balanced ? null : "bad" }, balanced ? "✓ balanced" : "✗ off"));
  });
  $("books").replaceChildren(el("caption", { class: "sr" }, "Accounting"), el("thead", {}, head), el("tbody", {}, ...body));
})();

// --- provenance
function facts(title, pairs) {
  const rows = pairs.filter(([, v]) => v !== null && v !== undefined && v !== "" && !(Array.isArray(v) && !v.length)).map(([k, v]) => el("tr", {}, el("th", { scope: "row" }, k), el("td", {}, typeof v === "object" ? JSON.stringify(v) : String(v))));
  return el("div", {}, el("h3", {}, title), el("table", { class: "facts-table" }, el("tbody", {}, ...rows)));
}
(function drawProvenance() {
  const box = $("provenance-tables");
  box.append(facts("Run", Object.entries(data.run)));
  box.append(facts("Policies", Object.entries(data.spec).map(([k, v]) => [k, v === null ? "none" : v])));
  box.append(facts("Metrics", metricNames.map(m => [data.metrics[m].title, `${m} version ${data.metrics[m].version}`])));
  for (const c of data.classifiers) {
    const last = Object.entries(c.defects.last || {}).filter(([, n]) => n).map(([k, n]) => `${k.replaceAll("_", " ")}: ${n}`);
    box.append(facts(c.label, [["broker", c.broker], ["version", c.version], ["parameters", c.params], ["classes", c.classes.map(className).join(", ")],
      ["scope", (c.scope || []).length ? `${c.scope.map(className).join(", ")} against the rest, declared by the ${c.scope_from === "scoring" ? "scoring specification" : "submission"}` : c.scope_fault ? `none: ${c.scope_fault}` : ""],
      ["answers", c.manifest_sha256], ["objects answered", `${integer(c.objects.answered)} of ${integer(c.objects.sent)}`], ["faults in last answers", last.join("; ") || "none"]]));
  }
})();
