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
(function drawLatencyTable() {
  const percents = data.classifiers[0].latency.percentiles.map(p => p.percent);
  const head = el("tr", {}, el("th", { scope: "col" }, "Classifier"), el("th", { scope: "col" }, "Answers"), ...percents.map(p => el("th", { scope: "col" }, p === 50 ? "median" : `${p} %`)), el("th", { scope: "col" }, "greatest"), el("th", { scope: "col" }, "negative"));
  const body = data.classifiers.map((c, i) => el("tr", {}, el("th", { scope: "row" }, swatch(i), c.label), el("td", { class: "left" }, integer(c.latency.n)),
    ...c.latency.percentiles.map(p => el("td", { title: `interval ${seconds(p.low)} to ${p.high === null ? "beyond the sample" : seconds(p.high)}` }, seconds(p.value))),
    el("td", {}, seconds(c.latency.high)), el("td", { class: c.latency.negative ? "bad" : null }, integer(c.latency.negative))));
  $("latency-table").replaceChildren(el("caption", { class: "sr" }, "Percentiles of latency"), el("thead", {}, head), el("tbody", {}, ...body));
})();
