"""The figures of the report as files for papers: SVG, PDF or PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from brokerbench.errors import ConfigError, InputError
from brokerbench.store import Folder
from scoring.report.payload import payload

__all__ = ["FORMATS", "write_figures"]

FORMATS = ("svg", "pdf", "png")
INKS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00", "#7A5195")
DASHES = ("-", "--", ":", "-.")
SYMBOLS = "osD^XP*v"


def write_figures(scores: Folder, out: Path, *, form: str = "svg") -> list[Path]:
    """Paths of the figures of a folder of scores, written into the folder `out`.

    Macro F1 in time, latencies, calibration, and a confusion matrix for each classifier. Colours as
    in the report (Okabe & Ito 2008). ConfigError for another form, InputError without matplotlib.
    """
    if form not in FORMATS:
        raise ConfigError(f"figures: expected {', '.join(FORMATS)}, got {form!r}")
    try:
        import matplotlib
    except ImportError as error:
        raise InputError(
            "figures: expected matplotlib, got none; pip install brokerbench[figures]"
        ) from error
    # Text stays text, and bytes do not depend on the day.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "brokerbench", "font.size": 9}):
        shown = payload(scores)
        out.mkdir(parents=True, exist_ok=True)
        drawn = [
            ("in-time", _in_time(shown)),
            ("latency", _latency(shown)),
            ("calibration", _calibration(shown)),
        ]
        for k, c in enumerate(shown["classifiers"]):
            drawn.append((f"confusion-{k + 1}-{c['folder']}", _confusion(shown, c["label"])))
        paths = []
        for name, figure in drawn:
            paths.append(out / f"{name}.{form}")
            undated = {"Date": None} if form == "svg" else {"CreationDate": None} if form == "pdf" else None
            figure.savefig(paths[-1], bbox_inches="tight", dpi=200, metadata=undated)
        return paths


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _style(i: int) -> dict[str, Any]:
    return {
        "color": INKS[i % len(INKS)],
        "linestyle": DASHES[i % len(DASHES)],
        "marker": SYMBOLS[i % len(SYMBOLS)],
    }


def _in_time(shown: dict[str, Any]) -> Any:
    from matplotlib.figure import Figure

    metric = "macro_f1" if "macro_f1" in shown["values"] else next(iter(shown["values"]))
    kinds = [a for a in ("detection", "days") if any(p["axis"] == a for p in shown["points"])] or ["last"]
    figure = Figure(figsize=(3.2 * len(kinds), 2.9), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(kinds), sharey=True))
    for panel, kind in zip(panels, kinds, strict=True):
        keys = [p for p in shown["points"] if p["axis"] == kind and kind != "last"]
        keys += [p for p in shown["points"] if p["axis"] == "last"]
        for i, c in enumerate(shown["classifiers"]):
            rows = [shown["values"][metric][c["label"]].get(p["key"], [None] * 3) for p in keys]
            value, low, high = (np.array([r[k] for r in rows], float) for k in range(3))
            panel.plot(range(len(keys)), value, label=c["label"], markersize=5, **_style(i))
            panel.fill_between(
                range(len(keys)), low, high, color=INKS[i % len(INKS)], alpha=0.15, linewidth=0
            )
        panel.set_xticks(range(len(keys)), ["last" if p["at"] is None else f"{p['at']:g}" for p in keys])
        panel.set_xlabel({"days": "days since the first alert", "detection": "n-th detection"}.get(kind, ""))
        panel.set_ylim(0, 1.02)
    panels[0].set_ylabel(shown["metrics"][metric]["title"])
    panels[-1].legend(frameon=False)
    return figure


def _latency(shown: dict[str, Any]) -> Any:
    figure, axes = _figure(4.5, 3.0)
    for i, c in enumerate(shown["classifiers"]):
        of = c["latency"]
        share = np.array(of["counts"], float) / max(of["n"], 1)
        style = {k: v for k, v in _style(i).items() if k != "marker"}
        axes.stairs(share, 10.0 ** np.array(of["log10_edges"]), label=c["label"], **style)
    axes.set_xscale("log")
    axes.set_xlabel("latency (s)")
    axes.set_ylabel("fraction of answers")
    axes.legend(frameon=False)
    return figure


def _calibration(shown: dict[str, Any]) -> Any:
    figure, axes = _figure(3.6, 3.4)
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
    for i, c in enumerate(shown["classifiers"]):
        of = c["reliability"].get("last")
        if of:
            axes.plot(of["stated"], of["right"], label=c["label"], markersize=4, **_style(i))
    axes.set_xlabel("stated probability")
    axes.set_ylabel("fraction right")
    axes.set_aspect("equal")
    axes.legend(frameon=False)
    return figure


def _confusion(shown: dict[str, Any], label: str) -> Any:
    cells = shown["confusion"].get(label, {}).get("last", [])
    truth = shown["classes"]
    given = [
        *truth,
        *sorted({p for _, p, _ in cells} - {*truth, -1}),
        *([-1] if any(p == -1 for _, p, _ in cells) else []),
    ]
    counts = np.zeros((len(truth), len(given)))
    for t, p, n in cells:
        counts[truth.index(t), given.index(p)] = n
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    size = 0.32 * len(given) + 1.4
    figure, axes = _figure(size, 0.32 * len(truth) + 1.2)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    names = [*(shown["names"].get(str(c), "no answer") for c in given)]
    axes.set_xticks(range(len(given)), names, rotation=90)
    axes.set_yticks(range(len(truth)), [shown["names"][str(c)] for c in truth])
    for t, p in zip(*np.nonzero(share >= 0.005), strict=True):
        axes.text(
            p,
            t,
            f"{share[t, p]:.2f}"[1 if share[t, p] < 0.995 else 0 :],
            ha="center",
            va="center",
            fontsize=6,
            color="white" if share[t, p] > 0.55 else "black",
        )
    axes.set_xlabel("given")
    axes.set_ylabel("true")
    axes.set_title(label)
    return figure
