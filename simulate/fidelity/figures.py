"""Figures of the validation page, as SVG or PNG; matplotlib comes with the extra `figures`."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import ConfigError
from brokerbench.store import atomic_write
from brokerbench.tables import Visits
from simulate.fidelity.comparison import Comparison

__all__ = ["HERE", "THERE", "comparisons", "depths", "new", "numbers", "pulls", "salt3", "save"]

Array = NDArray[np.float64]

HERE, THERE = "#1f5fa8", "#c2491d"
STYLE: Any = {
    "svg.hashsalt": "brokerbench",  # else its ids are random
    "svg.fonttype": "none",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
}


def new(rows: int, columns: int, *, size: tuple[float, float]) -> tuple[Any, Any]:
    """A figure and its axes a[rows, columns] of `size` inches. Raises ConfigError without matplotlib."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise ConfigError(
            "figures: expected the package matplotlib, got none; install brokerbench[figures]"
        ) from error
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(size[0] * columns, size[1] * rows))
        return figure, figure.subplots(rows, columns, squeeze=False)


def save(figure: Any, path: Path) -> None:
    """Write a figure as SVG or PNG by its name, the same bytes at any time."""
    import matplotlib as mpl

    form = path.suffix[1:]
    about = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
    drawn = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(drawn, format=form, metadata=about, dpi=68)
    written = drawn.getvalue()
    if form == "svg":  # a hundredth of a point is enough
        written = re.sub(rb"(\d+\.\d\d)\d+", rb"\1", written)
    with atomic_write(path) as file:
        file.write(written)


def comparisons(made: Sequence[Comparison], path: Path, *, columns: int = 4) -> None:
    """Cumulative distributions of each comparison, ours and theirs, 41 points each."""
    rows = -(-len(made) // columns)
    figure, axes = new(rows, columns, size=(2.4, 1.9))
    share = np.linspace(0, 1, 41)
    for axis, c in zip(axes.flat, made, strict=False):
        for values, colour, label in ((c.here, HERE, "here"), (c.there, THERE, "there")):
            axis.plot(np.quantile(values, share), share, color=colour, lw=1.2, label=label)
        if c.logarithmic and min(c.here.min(), c.there.min()) > 0:
            axis.set_xscale("log")
        axis.set_xlabel(c.quantity, fontsize=7)
        axis.set_title(c.sample, fontsize=7)
        axis.set_ylim(0, 1)
    axes.flat[0].legend(frameon=False)
    for axis in axes.flat[len(made) :]:
        axis.set_visible(False)
    save(figure, path)


def salt3(
    errors: dict[str, tuple[Array, NDArray[np.int8]]], bands: dict[str, Sequence[str]], path: Path
) -> None:
    """Errors of SALT3's tables over the peak, by survey and band: 50, 99 and 100 %."""
    figure, axes = new(1, len(errors), size=(3.2, 2.2))
    for axis, (survey, (error, band)) in zip(axes.flat, errors.items(), strict=True):
        names = bands[survey]
        for level, marker in ((50, "o"), (99, "s"), (100, "^")):
            heights = [np.percentile(error[band == b], level) for b in range(len(names))]
            axis.plot(names, heights, marker, color=HERE, ms=4, label=f"{level} %")
        axis.axhline(1e-3, color=THERE, lw=0.8)
        axis.axhline(2e-4, color=THERE, lw=0.8, ls=":")
        axis.set_yscale("log")
        axis.set_title(f"SALT3 in {survey}: error / peak")
        axis.set_ylim(1e-8, 3e-3)
    axes.flat[0].legend(frameon=False, loc="lower right")
    save(figure, path)


def numbers(z: Array, expected: Array, drawn: Array, path: Path) -> None:
    """Redshifts drawn f8[n] against the integral: expected f8[2, k] per unit z with and without 1/(1+z)."""
    figure, axes = new(1, 1, size=(3.4, 2.3))
    axis = axes[0, 0]
    axis.hist(drawn, bins=60, density=True, color="#b9cde4")
    for curve, style, label in zip(expected, ("-", ":"), ("with 1/(1+z)", "without"), strict=True):
        axis.plot(z, curve / np.trapezoid(curve, z), color=THERE, ls=style, lw=1, label=label)
    axis.set_xlabel("redshift of SN Ia")
    axis.legend(frameon=False)
    save(figure, path)


def pulls(values: Array, path: Path) -> None:
    """Pulls against the unit normal, logarithmic so that tails are seen."""
    figure, axes = new(1, 1, size=(3.4, 2.3))
    axis = axes[0, 0]
    edges = np.linspace(-5, 5, 81)
    middle = 0.5 * (edges[1:] + edges[:-1])
    axis.step(middle, np.histogram(values, edges, density=True)[0], where="mid", color=HERE, lw=1)
    axis.plot(middle, np.exp(-0.5 * middle**2) / np.sqrt(2 * np.pi), color=THERE, lw=0.8)
    axis.set_yscale("log")
    axis.set_ylim(1e-6, 1)
    axis.set_xlabel("(measured - true) / error")
    save(figure, path)


def depths(plans: dict[str, Visits], bands: Sequence[str], path: Path) -> None:
    """5-sigma depths by band and plan: medians, 25 to 75 % as bars."""
    figure, axes = new(1, 1, size=(4.2, 2.3))
    axis = axes[0, 0]
    for k, (name, visits) in enumerate(plans.items()):
        levels = np.array(
            [np.percentile(visits.m5[visits.band == b], (25, 50, 75)) for b in range(len(bands))]
        )
        place = np.arange(len(bands)) + 0.15 * (k - (len(plans) - 1) / 2)
        bar = np.abs(levels[:, [0, 2]] - levels[:, 1:2]).T
        axis.errorbar(place, levels[:, 1], bar, fmt="os^D"[k % 4], ms=3, lw=1, label=name)
    axis.set_xticks(np.arange(len(bands)), bands)
    axis.set_ylabel("5-sigma depth [mag]")
    axis.legend(frameon=False, fontsize=6)
    save(figure, path)
