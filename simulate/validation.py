"""What a run looks like, as numbers and as a page: noise, redshifts, depths, detections, leaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.store import Folder
from brokerbench.tables import LightCurves, Objects, TrueFluxes, Visits
from simulate import rates
from simulate.leaks import columns_without_physics, leak_score
from simulate.registries import SOURCES
from simulate.survey import triggered
from simulate.svg import histogram

__all__ = ["SourceSummary", "page", "pulls", "redshift_test", "summarise"]

Array = NDArray[np.float64]
LEVELS = (5, 25, 50, 75, 95)


@dataclass(frozen=True, eq=False)
class SourceSummary:
    """One class of a run. Arrays hold a value a triggered object; drawn_z a value an object."""

    name: str
    objects: int
    drawn_z: Array
    z: Array
    snr_max: Array
    visits: Array
    detections: Array


def summarise(run: Folder) -> list[SourceSummary]:
    """A summary of each class of a run, in the order of its populations."""
    manifest = run.manifest
    mjd = run.read("visits", "all", Visits).mjd
    blocks: dict[int, list[tuple[Array, ...]]] = {}
    for part in run.parts:
        truth = run.read("truth/objects", part, Objects)
        curves = run.read("light_curves", part, LightCurves)
        n = len(truth)
        row = np.repeat(np.arange(n), np.diff(curves.offsets))
        snr = np.zeros(n)
        np.maximum.at(snr, row, np.nan_to_num(np.abs(curves.flux / curves.flux_err)))
        found = np.bincount(row[curves.detected], minlength=n)
        counts, hits = np.diff(curves.offsets).astype("f8"), found.astype("f8")
        block = (truth.z.astype("f8"), snr, counts, hits, triggered(manifest, curves, mjd).astype("f8"))
        blocks.setdefault(int(part[:2]), []).append(block)
    summaries = []
    for number, pieces in sorted(blocks.items()):
        columns: list[Array] = [np.concatenate(column) for column in zip(*pieces, strict=True)]
        z, snr, visits, detections = columns[:4]
        fired = columns[4] > 0
        summaries.append(
            SourceSummary(
                str(manifest["sources"][number]),
                len(z),
                z,
                z[fired],
                snr[fired],
                visits[fired],
                detections[fired],
            )
        )
    return summaries


def pulls(run: Folder) -> list[tuple[str, float, float, int]]:
    """Band, mean and standard deviation of (measured - true) / error, and their number, for each band."""
    band = run.read("visits", "all", Visits).band
    names = run.manifest["bands"]
    sums = np.zeros((3, len(names)))
    for part in run.parts:
        curves = run.read("light_curves", part, LightCurves)
        truth = run.read("truth/light_curves", part, TrueFluxes)
        pull = (curves.flux - truth.flux) / curves.flux_err
        good = np.isfinite(pull)
        for power in range(3):
            here = band[curves.visit[good]]
            sums[power] += np.bincount(here, pull[good].astype("f8") ** power, len(names))
    count = np.maximum(sums[0], 1)
    mean = sums[1] / count
    spread = np.sqrt(np.maximum(sums[2] / count - mean**2, 0))
    return [
        (name, float(mean[b]), float(spread[b]), int(sums[0][b]))
        for b, name in enumerate(names)
        if sums[0][b]
    ]


def redshift_test(run: Folder, number: int, z: Array) -> float:
    """p-value (Kolmogorov-Smirnov) that redshifts f8[n] follow the rate that their class states.

    Raises InputError for a run that was not simulated.
    """
    from scipy import stats

    manifest = run.manifest
    if manifest.get("origin") != "simulation":
        raise InputError(
            f"{run.path}: expected a simulated run, got one with origin {manifest.get('origin')}"
        )
    population = manifest["config"]["population"][number]
    source = SOURCES[population["source"]]
    low, high = population["redshift"] or source.redshift
    nodes, cumulative = rates._shells(source.population, (low, high))
    test = stats.kstest(z, lambda x: np.interp(x, nodes, cumulative / cumulative[-1]))
    return float(test.pvalue)


def page(run: Folder) -> str:
    """A Markdown page with tables and inline SVG figures; nothing in it depends on the clock."""
    manifest = run.manifest
    lines = [f"# Validation of {manifest['name']}", "", *_survey(run), "", *_noise(run), ""]
    summaries = summarise(run)
    lines += ["## Classes", "", "5, 25, 50, 75 and 95 % of the objects that triggered.", ""]
    lines += [
        "| class | objects | triggered | z | S/N max | visits | detections |",
        "|---|---|---|---|---|---|---|",
    ]
    for s in summaries:
        cells = [_quantiles(v) for v in (s.z, s.snr_max, s.visits, s.detections)]
        lines.append(f"| {s.name} | {s.objects} | {len(s.snr_max)} | {' | '.join(cells)} |")
    lines.append("")
    if manifest.get("origin") == "simulation":
        lines += ["## Redshifts", "", "Drawn (bars) against the class's rate (line).", ""]
        for number, s in enumerate(summaries):
            if np.isfinite(s.drawn_z).any():
                lines += _redshifts(run, number, s)
        leak = leak_score(*columns_without_physics(run), seed=1)
        lines += [
            "## Leaks",
            "",
            f"Boosted trees on {leak.objects} objects guess the class from ids, places, seasons and digits "
            f"with accuracy {leak.accuracy:.3f}; chance is {leak.chance:.3f} ({leak.sigma:+.1f} sigma).",
            "",
        ]
    return "\n".join(lines)


def _survey(run: Folder) -> list[str]:
    visits = run.read("visits", "all", Visits)
    lines = ["## Survey", "", f"{len(visits)} visits, {np.ptp(visits.mjd) / 365.25:.2f} years.", ""]
    lines += ["| band | visits | m5 25 / 50 / 75 % | seeing median |", "|---|---|---|---|"]
    for b, name in enumerate(run.manifest["bands"]):
        here = visits.band == b
        if here.any():
            depth = " / ".join(f"{x:.2f}" for x in np.percentile(visits.m5[here], (25, 50, 75)))
            lines.append(f"| {name} | {here.sum()} | {depth} | {np.median(visits.seeing[here]):.2f} |")
    return lines


def _noise(run: Folder) -> list[str]:
    lines = [
        "## Noise",
        "",
        "Pulls (measured - true) / error.",
        "",
        "| band | mean | sigma | n |",
        "|---|---|---|---|",
    ]
    lines += [f"| {name} | {mean:+.4f} | {sigma:.4f} | {n} |" for name, mean, sigma, n in pulls(run)]
    return lines


def _redshifts(run: Folder, number: int, summary: SourceSummary) -> list[str]:
    z = summary.drawn_z[np.isfinite(summary.drawn_z)]
    population = run.manifest["config"]["population"][number]
    source: Any = SOURCES[population["source"]]
    low, high = population["redshift"] or source.redshift
    nodes, cumulative = rates._shells(source.population, (low, high))
    edges = np.linspace(low, high, 31)
    expected = np.diff(np.interp(edges, nodes, cumulative)) / cumulative[-1] * len(z)
    figure = histogram(np.histogram(z, edges)[0], expected, edges, label=f"{summary.name}: z")
    return [f"{summary.name}: p = {redshift_test(run, number, z):.3f}", "", figure, ""]


def _quantiles(values: Array) -> str:
    good = values[np.isfinite(values)]
    return " ".join(f"{x:.3g}" for x in np.percentile(good, LEVELS)) if len(good) else "-"
