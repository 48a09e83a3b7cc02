// --- figures
const FONT = { family: "system-ui, Segoe UI, Roboto, DejaVu Sans, sans-serif", size: 13, color: "#16202c" };
const CONFIG = { displaylogo: false, responsive: true, modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "resetScale2d"]], toImageButtonOptions: { format: "svg" } };
const layoutOf = extra => ({ font: FONT, margin: { l: 64, r: 16, t: 34, b: 48 }, paper_bgcolor: "#fff", plot_bgcolor: "#fff", hovermode: "closest",
  legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, ...extra });
const axisOf = (text, extra) => ({ title: { text, standoff: 8 }, gridcolor: "#e6ebf0", zeroline: false, linecolor: "#8593a1", ticks: "outside", tickcolor: "#8593a1", ...extra });
function fade(hex, alpha) { const n = parseInt(hex.slice(1), 16); return `rgba(${n >> 16},${(n >> 8) & 255},${n & 255},${alpha})`; }

const AXIS_TITLES = { detection: "n-th detection", days: "days since the first alert", answer: "n-th answer", phase: "days from the true peak", rest_phase: "rest-frame days from the true peak", fraction: "fraction of the alerts", date: "MJD" };
function drawTime() {
  const m = $("time-metric").value, about = data.metrics[m], traces = [];
  const layout = layoutOf({ showlegend: true });
  const shown = axes.filter(a => a !== "last"), width = .96 / Math.max(1, shown.length);
  shown.forEach((axis, k) => {
    const steps = stepsOf(axis), names = steps.map(tick), id = k ? String(k + 1) : "";
    layout[`xaxis${id}`] = axisOf(AXIS_TITLES[axis], { type: "category", categoryorder: "array", categoryarray: names, domain: [k * (width + .04), k * (width + .04) + width - .02], anchor: `y${id}` });
    layout[`yaxis${id}`] = axisOf(k ? "" : `${about.title} (${about.direction} is better)`, { anchor: `x${id}`, ...(k ? { matches: "y", showticklabels: false } : {}), ...(about.high !== null && about.high <= 1 && about.low >= 0 ? { range: [0, 1.02] } : { rangemode: "tozero" }) });
    labels.forEach((label, i) => {
      const vs = steps.map(p => ((data.values[m] || {})[label] || {})[p.key] || [null, null, null, 0, ""]);
      const axesOf = { xaxis: `x${id}`, yaxis: `y${id}`, legendgroup: label };
      if (vs.some(v => v[1] !== null)) {
        const ok = names.map((_, j) => j).filter(j => vs[j][1] !== null && vs[j][2] !== null);
        traces.push({ ...axesOf, x: [...ok.map(j => names[j]), ...ok.map(j => names[j]).reverse()], y: [...ok.map(j => vs[j][2]), ...ok.map(j => vs[j][1]).reverse()], fill: "toself", fillcolor: fade(ink(i), .16), line: { width: 0 }, mode: "lines", hoverinfo: "skip", showlegend: false });
      }
      traces.push({ ...axesOf, x: names, y: vs.map(v => v[0]), customdata: vs.map(v => [v[1], v[2], v[3]]), name: label, showlegend: k === 0, mode: "lines+markers",
        line: { color: ink(i), dash: dash(i), width: 2.2 }, marker: { symbol: symbol(i), size: 9 },
        hovertemplate: `${label.replaceAll("<", "&lt;")}<br>%{x}: <b>%{y:.4f}</b><br>%{customdata[0]:.4f} to %{customdata[1]:.4f}<br>n = %{customdata[2]:,}<extra></extra>` });
    });
  });
  Plotly.react("time-plot", traces, layout, CONFIG);
}
options($("time-metric"), overall, m => data.metrics[m].title, state.metric);
$("time-metric").addEventListener("change", drawTime);

const DECADES = { "-3": "1 ms", "-2": "10 ms", "-1": "0.1 s", 0: "1 s", 1: "10 s", 2: "100 s", 3: "17 min", 4: "2.8 h", 5: "28 h", 6: "12 d", 7: "116 d" };
function drawLatency() {
  let low = Infinity, high = -Infinity;
  const traces = data.classifiers.map((c, i) => {
    const edges = c.latency.log10_edges, counts = c.latency.counts, n = c.latency.n || 1, x = [], y = [];
    counts.forEach((k, j) => { if (k) { low = Math.min(low, edges[j]); high = Math.max(high, edges[j + 1]); } });
    counts.forEach((k, j) => { x.push(edges[j]); y.push(k / n); });
    x.push(edges[edges.length - 1]); y.push(0);
    return { x, y, name: c.label, mode: "lines", line: { shape: "hv", color: ink(i), dash: dash(i), width: 2.2 }, fill: "tozeroy", fillcolor: fade(ink(i), .1), hovertemplate: "%{y:.1%} of answers<extra>%{fullData.name}</extra>" };
  });
  if (!isFinite(low)) { $("latency-plot").replaceChildren(el("p", { class: "empty" }, "No answer, no latency.")); return; }
  const ticks = Object.keys(DECADES).map(Number).sort((a, b) => a - b);
  Plotly.react("latency-plot", traces, layoutOf({ xaxis: axisOf("latency", { range: [low - .5, high + .5], tickvals: ticks, ticktext: ticks.map(t => DECADES[t]) }), yaxis: axisOf("fraction of answers", { tickformat: ".0%", rangemode: "tozero" }), showlegend: true }), CONFIG);
}
// --- calibration: the answers in force at the chosen point
function drawCalibration() {
  const traces = [{ x: [0, 1], y: [0, 1], mode: "lines", line: { color: "#8593a1", width: 1, dash: "dot" }, hoverinfo: "skip", showlegend: false }];
  data.classifiers.forEach((c, i) => {
    const r = (c.reliability || {})[point().key];
    if (!r) return;
    const most = Math.max(...r.n, 1);
    traces.push({ x: r.stated, y: r.right, customdata: r.n, name: c.label, mode: "lines+markers", line: { color: ink(i), dash: dash(i), width: 1.6 },
      marker: { symbol: symbol(i), size: r.n.map(n => 6 + 12 * Math.sqrt(n / most)), color: fade(ink(i), .75), line: { color: "#fff", width: 1 } },
      hovertemplate: "stated %{x:.3f}, right %{y:.3f}<br>%{customdata:,} objects<extra>%{fullData.name}</extra>" });
  });
  Plotly.react("calibration-plot", traces, layoutOf({ xaxis: axisOf("stated probability of the named class", { range: [0, 1.03], constrain: "domain" }), yaxis: axisOf("fraction right", { range: [0, 1.03] }), showlegend: true }), CONFIG);
}
if (data.classifiers.some(c => Object.keys(c.reliability || {}).length)) onPoint(drawCalibration); else $("calibration").hidden = true;

// --- subsets: one small panel each
function drawSlices() {
  const titles = Object.keys(data.slices), m = $("slice-metric").value, traces = [], layout = layoutOf({ showlegend: true, height: 400 });
  const key = Object.keys(data.slices[titles[0]])[0], width = 1 / titles.length, about = data.metrics[m];
  titles.forEach((title, k) => {
    const id = k ? String(k + 1) : "", of = (data.slices[title][key] || {})[m] || {};
    layout[`xaxis${id}`] = axisOf(title, { type: "category", domain: [k * width, (k + 1) * width - .03], anchor: `y${id}`, tickangle: -30, automargin: true });
    layout[`yaxis${id}`] = axisOf(k ? "" : about.title, { anchor: `x${id}`, ...(k ? { matches: "y", showticklabels: false } : {}), ...(about.high !== null && about.high <= 1 && about.low >= 0 ? { range: [0, 1.03] } : { rangemode: "tozero" }) });
    labels.forEach((label, i) => {
      const rows = of[label] || [];
      traces.push({ x: rows.map(r => r[0]), y: rows.map(r => r[1]), customdata: rows.map(r => r[4]), xaxis: `x${id}`, yaxis: `y${id}`, name: label, legendgroup: label, showlegend: k === 0, mode: "lines+markers",
        error_y: { type: "data", symmetric: false, array: rows.map(r => r[3] === null ? 0 : r[3] - r[1]), arrayminus: rows.map(r => r[2] === null ? 0 : r[1] - r[2]), width: 3, thickness: 1.2 },
        line: { color: ink(i), dash: dash(i), width: 1.4 }, marker: { symbol: symbol(i), size: 8 }, hovertemplate: "%{x}: <b>%{y:.4f}</b><br>n = %{customdata:,}<extra>%{fullData.name}</extra>" });
    });
  });
  Plotly.react("slice-plot", traces, layout, CONFIG);
  const at = data.points.find(p => p.key === key);
  $("slice-note").textContent = `At the ${at ? at.label : key}. Bars are intervals over the objects of a subset; a subset without a class leaves that class out of macro scores.`;
}
function startSlices() {
  const titles = Object.keys(data.slices || {});
  if (!titles.length) { $("slices").hidden = true; return; }
  const metrics = Object.keys(Object.values(data.slices[titles[0]])[0]);
  options($("slice-metric"), metrics, m => data.metrics[m].title, metrics[0]);
  $("slice-metric").addEventListener("change", drawSlices);
  drawSlices();
}

// --- histories and nights
(function drawHistories() {
  const metrics = metricNames.filter(m => data.metrics[m].history && !data.metrics[m].per_class);
  if (!metrics.length) { $("history").hidden = true; return; }
  const head = el("tr", {}, el("th", { scope: "col" }, "Classifier"), el("th", { scope: "col" }, ""), ...metrics.map(m => el("th", { scope: "col" }, `${data.metrics[m].title} ${data.metrics[m].direction === "higher" ? "↑" : "↓"}`)));
  const body = labels.map((label, i) => el("tr", {}, el("th", { scope: "row" }, swatch(i), label), el("td", {}), ...metrics.map(m => {
    const v = ((data.values[m] || {})[label] || {}).last;
    if (!v || v[0] === null) return el("td", { class: "undefined", title: v ? v[4] : "" }, "–");
    return el("td", { title: `n = ${integer(v[3])}` }, number(v[0], 2), v[1] === null ? null : el("span", { class: "pm" }, `${number(v[1], 2)} – ${number(v[2], 2)}`));
  })));
  $("history-table").replaceChildren(el("caption", { class: "sr" }, "Histories"), el("thead", {}, head), el("tbody", {}, ...body));
})();
function drawNights() {
  const traces = data.classifiers.map((c, i) => ({ x: c.nights.map(r => r[0]), y: c.nights.map(r => r[2] / r[1]), customdata: c.nights.map(r => r[1]), name: c.label, mode: "lines+markers",
    line: { color: ink(i), dash: dash(i), width: 1.4 }, marker: { symbol: symbol(i), size: 5 }, hovertemplate: "night %{x}: %{y:.1%} of %{customdata:,} alerts<extra>%{fullData.name}</extra>" }));
  Plotly.react("nights-plot", traces, layoutOf({ xaxis: axisOf("night (MJD at its noon)", { tickformat: "d" }), yaxis: axisOf("answered in time", { tickformat: ".0%", range: [0, 1.05] }), showlegend: true }), CONFIG);
}
(function drawLatencyTable() {
  const percents = data.classifiers[0].latency.percentiles.map(p => p.percent);
  const head = el("tr", {}, el("th", { scope: "col" }, "Classifier"), el("th", { scope: "col" }, "Answers"), ...percents.map(p => el("th", { scope: "col" }, p === 50 ? "median" : `${p} %`)), el("th", { scope: "col" }, "greatest"), el("th", { scope: "col" }, "negative"),
    ...data.classifiers[0].latency.within.map(w => el("th", { scope: "col", title: "of all alerts sent" }, `in ${seconds(w.seconds)}`)));
  const body = data.classifiers.map((c, i) => el("tr", {}, el("th", { scope: "row" }, swatch(i), c.label), el("td", { class: "left" }, integer(c.latency.n)),
    ...c.latency.percentiles.map(p => el("td", { title: `interval ${seconds(p.low)} to ${p.high === null ? "beyond the sample" : seconds(p.high)}` }, seconds(p.value))),
    el("td", {}, seconds(c.latency.high)), el("td", { class: c.latency.negative ? "bad" : null }, integer(c.latency.negative)),
    ...c.latency.within.map(w => el("td", {}, percent(w.answers, c.accounting.sent)))));
  $("latency-table").replaceChildren(el("caption", { class: "sr" }, "Percentiles of latency"), el("thead", {}, head), el("tbody", {}, ...body));
})();
