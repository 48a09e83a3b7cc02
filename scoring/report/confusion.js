// --- confusion matrix: a table, so that it can be read, copied, tabbed through and printed
const NORMS = [["truth", "by truth"], ["prediction", "by prediction"], ["all", "of all"], ["count", "counts"]];
const leaders = ranked().map(r => r.label);
options($("confusion-classifier"), leaders, x => x, leaders[0]);
segmented($("norm"), "norm", NORMS, state.norm, v => { state.norm = v; drawMatrix(); });
$("confusion-classifier").addEventListener("change", () => drawMatrix());

// Single-hue scale from white to dark blue: lightness alone carries the value.
function shade(f) {
  const stops = [[255, 255, 255], [198, 219, 239], [107, 174, 214], [33, 113, 181], [8, 48, 107]];
  const x = Math.max(0, Math.min(1, f)) * (stops.length - 1), i = Math.min(Math.floor(x), stops.length - 2), t = x - i;
  return `rgb(${stops[i].map((a, k) => Math.round(a + t * (stops[i + 1][k] - a))).join(",")})`;
}
// The true classes of a classifier: all, or those of its scope and the rest.
const truthOf = label => data.classifiers[labels.indexOf(label)].truth || data.classes;
function columnsOf(label) {
  const seen = new Set(), classes = truthOf(label);
  for (const cells of Object.values(data.confusion[label] || {})) for (const [, p] of cells) seen.add(p);
  const others = [...seen].filter(p => p !== -1 && !classes.includes(p)).sort((a, b) => a - b);
  return [...classes, ...others, ...(seen.has(-1) ? [-1] : [])];
}
function drawMatrix() {
  const label = $("confusion-classifier").value, cells = (data.confusion[label] || {})[point().key] || [], classes = truthOf(label);
  const columns = columnsOf(label), count = new Map(cells.map(([t, p, n]) => [`${t},${p}`, n]));
  const at = (t, p) => count.get(`${t},${p}`) || 0;
  const rowSum = t => columns.reduce((s, p) => s + at(t, p), 0), columnSum = p => classes.reduce((s, t) => s + at(t, p), 0);
  const total = classes.reduce((s, t) => s + rowSum(t), 0), right = classes.reduce((s, t) => s + at(t, t), 0);
  const most = Math.max(1, ...cells.map(c => c[2]));
  const many = columns.length > 12;
  $("matrix").classList.toggle("compact", many);
  const head = el("tr", {}, el("th", { class: "axis-title", scope: "col" }, "true ↓  given →"), ...columns.map(p =>
    el("th", { scope: "col", class: classes.includes(p) || p !== columns[classes.length] ? null : "gap" }, el("span", { class: "name" }, className(p)), el("br"), el("span", { class: "n" }, integer(columnSum(p))))));
  const body = classes.map(t => {
    const line = el("tr", {}, el("th", { scope: "row" }, className(t), " ", el("span", { class: "n" }, integer(rowSum(t)))));
    columns.forEach((p, k) => {
      const n = at(t, p), whole = state.norm === "truth" ? rowSum(t) : state.norm === "prediction" ? columnSum(p) : state.norm === "all" ? total : most;
      const f = whole ? n / whole : null, shown = state.norm === "count" ? integer(n) : f === null ? "–" : n === 0 ? (many ? "" : "0") : many ? (f < .005 ? "·" : f.toFixed(2).replace("0.", ".")) : f < .001 ? "<0.001" : f.toFixed(f >= .0995 ? 2 : 3);
      const cell = el("td", { class: [t === p ? "diagonal" : "", k === classes.length ? "gap" : ""].join(" ").trim() || null,
        title: `true ${className(t)}, given ${className(p)}: ${integer(n)} of ${integer(rowSum(t))} true, of ${integer(columnSum(p))} given` }, shown);
      if (n) cell.replaceChildren(el("button", { type: "button", "aria-label": `true ${className(t)}, given ${className(p)}: ${shown}; show objects`, onclick: () => showMembers(label, t, p, n) }, shown));
      cell.style.background = f === null ? "#f3f6f9" : shade(f);
      cell.style.color = f !== null && f > .55 ? "#fff" : "#16202c";
      if (n === 0) cell.style.color = "#7d8894";
      line.append(cell);
    });
    return line;
  });
  const words = { truth: "Fraction of each true class (rows sum to 1): completeness on the diagonal.", prediction: "Fraction of each given class (columns sum to 1): purity on the diagonal.", all: "Fraction of all objects (all cells sum to 1).", count: "Objects." };
  $("matrix").replaceChildren(el("caption", {}, words[state.norm]), el("thead", {}, head), el("tbody", {}, ...body));
  $("confusion-note").textContent = `${label}, ${point().label}: ${integer(total)} objects, ${integer(right)} on the diagonal (${percent(right, total)}).`;
}
const byId = new Map(data.examples.map((e, k) => [e.object_id, k]));
function showMembers(label, t, p, n) {
  const c = data.classifiers[labels.indexOf(label)], ids = ((c.members[point().key] || {})[`${t},${p}`]) || [], box = $("members");
  const cards = el("div", { class: "cards" });
  for (const id of ids) cards.append(byId.has(id) ? card(data.examples[byId.get(id)], label) : el("span", { class: "card" }, el("code", {}, id)));
  box.replaceChildren(el("p", {}, `${label}, ${point().label}: true ${className(t)}, given ${className(p)}. ${integer(ids.length)} of ${integer(n)} object${n === 1 ? "" : "s"}${ids.some(id => byId.has(id)) ? "; choose one to see its light curve" : ""}.`), cards);
}
// The days around the detections: months of noise before and after say little of a transient.
function spanOf(e) {
  const seen = e.mjd.filter((_, k) => e.detected[k]), all = seen.length ? seen : e.mjd, first = Math.min(...all), last = Math.max(...all);
  const room = Math.max(20, .2 * (last - first));
  return [Math.max(Math.min(...e.mjd), first - room), Math.min(Math.max(...e.mjd), last + room)];
}
// A thumbnail of a light curve, with what was said last.
function card(e, label) {
  const w = 168, h = 62, [low, high] = spanOf(e), wide = high - low || 1;
  const shown = e.mjd.map((_, k) => k).filter(k => e.flux[k] !== null && e.mjd[k] >= low && e.mjd[k] <= high), flux = shown.map(k => e.flux[k]);
  const least = Math.min(0, ...flux), most = Math.max(...flux), tall = most - least || 1;
  const points = shown.map(k => svg("circle", { cx: (6 + (w - 12) * (e.mjd[k] - low) / wide).toFixed(1), cy: (h - 6 - (h - 12) * (e.flux[k] - least) / tall).toFixed(1), r: e.detected[k] ? 2.4 : 1.3,
    fill: BAND_INK[e.bands[e.band[k]]] || "#5a6675", "fill-opacity": e.detected[k] ? .95 : .4 }));
  const said = e.said[label], last = said && said.mjd.length ? said.classes.map((c, k) => [said.p[k][said.p[k].length - 1], c]).sort((a, b) => b[0] - a[0])[0] : null;
  const words = last ? `last ${className(last[1])} ${number(last[0], 2)}` : "no answer";
  return el("button", { type: "button", class: "card", "aria-label": `object ${e.object_id}, ${words}: show its light curve`, onclick: () => openCurve(e.object_id, label) },
    svg("svg", { viewBox: `0 0 ${w} ${h}`, "aria-hidden": "true" }, ...points), el("code", {}, e.object_id), el("span", {}, `${words} · ${e.alerts} alert${e.alerts === 1 ? "" : "s"}`));
}
onPoint(drawMatrix);
onPoint(() => { $("members").replaceChildren(el("p", {}, "Choose a cell to see some of its objects.")); });
