// --- single objects: the light curve, and the answers in force below it
const objectOption = k => el("option", { value: k }, `${className(data.examples[k].class_id)} · ${data.examples[k].object_id} · ${data.examples[k].alerts} alerts`);
// Any object of the page: those of the classes stand in the list, others join it once they are asked for.
function openCurve(id, label) {
  const k = byId.get(id), list = $("curve-object");
  if (![...list.options].some(o => Number(o.value) === k)) list.append(objectOption(k));
  list.value = k;
  $("curve-classifier").value = label;
  drawCurve();
  $("curves").scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  list.focus({ preventScroll: true });
}
function drawCurve() {
  const e = data.examples[Number($("curve-object").value)], label = $("curve-classifier").value, said = e.said[label], traces = [];
  e.bands.forEach((band, b) => {
    for (const detected of [1, 0]) {
      const at = e.mjd.map((_, k) => k).filter(k => e.band[k] === b && e.detected[k] === detected);
      if (!at.length) continue;
      const colour = BAND_INK[band] || ink(b);
      traces.push({ x: at.map(k => e.mjd[k]), y: at.map(k => e.flux[k]), error_y: { type: "data", array: at.map(k => e.flux_err[k]), width: 0, thickness: 1, color: fade(colour, detected ? .8 : .3) }, name: band, legendgroup: band,
        showlegend: detected === 1 || !e.mjd.some((_, k) => e.band[k] === b && e.detected[k] === 1), mode: "markers", xaxis: "x", yaxis: "y",
        marker: { symbol: BAND_SYMBOL[band] || "circle", size: detected ? 8 : 5, color: detected ? colour : fade(colour, .35), line: { width: detected ? .8 : 0, color: "#16202c" } },
        hovertemplate: `${band} %{y:.4g} nJy<br>MJD %{x:.3f}${detected ? ", detected" : ""}<extra></extra>` });
    }
  });
  const end = Math.max(...e.mjd, ...said.mjd), first = Math.min(...e.mjd), [from, to] = spanOf(e), pad = .015 * (to - from || 1), cut = from > first || to < end;
  said.classes.forEach((id, k) => {
    const truth = id === e.class_id, colour = truth ? "#000000" : ink(k + (k >= 4 ? 1 : 0));
    traces.push({ x: [...said.mjd, end], y: [...said.p[k], said.p[k][said.p[k].length - 1]], name: `${className(id)}${truth ? " (true)" : ""}`, legend: "legend2", mode: "lines+markers", xaxis: "x", yaxis: "y2",
      line: { shape: "hv", color: colour, width: truth ? 4 : 1.8, dash: truth ? "solid" : dash(k + 1) }, marker: { symbol: symbol(k), size: said.mjd.map(() => truth ? 7 : 5).concat([0]) },
      hovertemplate: `${className(id)} %{y:.3f}<br>MJD %{x:.3f}<extra></extra>` });
  });
  Plotly.react("curve-plot", traces, layoutOf({
    xaxis: axisOf("MJD (TAI)", { anchor: "y2", tickformat: ".0f", range: cut ? [from - pad, to + pad] : [first - pad, end + pad] }), yaxis: axisOf("difference flux (nJy)", { domain: [.44, 1] }), yaxis2: axisOf("probability", { domain: [0, .36], range: [-.03, 1.05] }),
    legend: { orientation: "h", y: 1.01, yanchor: "bottom", x: 0 }, legend2: { orientation: "h", y: .365, yanchor: "bottom", x: 0 }, margin: { l: 76, r: 16, t: 40, b: 48 } }), CONFIG);
  $("curve-note").textContent = `Object ${e.object_id}, true class ${className(e.class_id)}${e.z === null ? "" : `, redshift ${e.z}`}, ${e.alerts} alerts. ` +
    (said.mjd.length ? `Large symbols are detections${cut ? "; a double click shows all of the survey" : ""}. Below, ${label}'s answers, each in force until the next.` : `${label} never answered it.`);
}
function startCurves() {
  if (!data.examples.length) { $("curve-controls").hidden = true; $("curve-plot").replaceChildren(el("p", { class: "empty" }, "This run keeps no light curves.")); $("curve-plot").style.height = "auto"; return; }
  data.examples.forEach((e, k) => { if (!e.cell) $("curve-object").append(objectOption(k)); });
  options($("curve-classifier"), leaders, x => x, leaders[0]);
  $("curve-object").addEventListener("change", drawCurve);
  $("curve-classifier").addEventListener("change", drawCurve);
  drawCurve();
}

setAxis(axes[0]);
drawTime();
drawLatency();
drawNights();
startSlices();
startCurves();
document.documentElement.dataset.ready = "true";
