// --- confusion matrix: a table, so that it can be read, copied, tabbed through and printed
const NORMS = [["truth", "by truth"], ["prediction", "by prediction"], ["count", "counts"]];
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
  const most = Math.max(1, ...cells.map(c => c[2]));
  const many = columns.length > 12;
  $("matrix").classList.toggle("compact", many);
  const head = el("tr", {}, el("th", { class: "axis-title", scope: "col" }, "true ↓  given →"), ...columns.map(p =>
    el("th", { scope: "col", class: classes.includes(p) || p !== columns[classes.length] ? null : "gap" }, el("span", { class: "name" }, className(p)), el("br"), el("span", { class: "n" }, integer(columnSum(p))))));
  const body = classes.map(t => {
    const line = el("tr", {}, el("th", { scope: "row" }, className(t), " ", el("span", { class: "n" }, integer(rowSum(t)))));
    columns.forEach((p, k) => {
      const n = at(t, p), whole = state.norm === "truth" ? rowSum(t) : state.norm === "prediction" ? columnSum(p) : most;
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
  const words = { truth: "Fraction of each true class (rows sum to 1): completeness on the diagonal.", prediction: "Fraction of each given class (columns sum to 1): purity on the diagonal.", count: "Objects." };
  $("matrix").replaceChildren(el("caption", {}, words[state.norm]), el("thead", {}, head), el("tbody", {}, ...body));
  const total = classes.reduce((s, t) => s + rowSum(t), 0), right = classes.reduce((s, t) => s + at(t, t), 0);
  $("confusion-note").textContent = `${label}, ${point().label}: ${integer(total)} objects, ${integer(right)} on the diagonal (${percent(right, total)}).`;
}
function showMembers(label, t, p, n) {
  const c = data.classifiers[labels.indexOf(label)], ids = ((c.members[point().key] || {})[`${t},${p}`]) || [], box = $("members");
  box.replaceChildren(`${label}, ${point().label}: true ${className(t)}, given ${className(p)}, ${integer(ids.length)} of ${integer(n)} objects: `);
  ids.forEach((id, k) => {
    const at = data.examples.findIndex(e => e.object_id === id);
    if (k) box.append(", ");
    box.append(at < 0 ? el("code", {}, id) : el("a", { href: "#curves", onclick: () => { $("curve-object").value = at; $("curve-classifier").value = label; drawCurve(); } }, id));
  });
}
onPoint(drawMatrix);
onPoint(() => { $("members").textContent = "Choose a cell to see some of its objects."; });
