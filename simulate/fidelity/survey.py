"""Observing plans, noise and leaks: depths and revisits against real plans, pulls against unit normals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.rng import stream
from brokerbench.store import Folder
from brokerbench.tables import LightCurves, TrueFluxes, Visits
from simulate.cadence import observe
from simulate.fidelity.comparison import Comparison
from simulate.generate import generate
from simulate.registries import CADENCES
from simulate.settings import CadenceChoice, Population, Simulation, Survey
from simulate.survey import Sky

__all__ = ["BANDS", "cadences", "depths", "mixed_run", "plan_of", "pull_values", "revisits"]

Array = NDArray[np.float64]

BANDS = ("u", "g", "r", "i", "z", "y")
MIX = ("sn_ia", "sn_ii", "kilonova", "agn", "rr_lyrae", "eclipsing_binary")
REAL = {
    "baseline v2.0, 13 nights": (
        "opsim",
        "02_cadence/lsst_baseline_v2.0_10klines/baseline_10klines_2.0.db",
        {},
    ),
    "Kraken, deep field": (
        "visits_csv",
        "02_cadence/lsst_kraken_twinkles_ddf/SelectedKrakenVisits.csv",
        {"radians": True},
    ),
    "DP1, real": ("ccd_visits", "02_cadence/lightcurvelynx/dp1_ccdvisit_subsampled.parquet", {}),
}
"""Plans of others: reader, file, options."""
MADE_UP = {"years": 3.0, "fields": 100}


def plan_of(use: str, **options: object) -> Visits:
    """The visits of a plan."""
    return observe(CADENCES, use, options, BANDS, rng=stream(7, "cadence"))


def cadences(data: Path) -> dict[str, Visits]:
    """The plans of REAL, and the one made up, by name."""
    plans = {name: plan_of(use, path=str(data / file), **more) for name, (use, file, more) in REAL.items()}
    return plans | {"synthetic_wfd": plan_of("synthetic_wfd", **MADE_UP)}


def depths(plans: dict[str, Visits]) -> list[str]:
    """The lines of a Markdown table: 25, 50 and 75 % of the 5-sigma depths by band."""
    lines = [f"| plan | visits | {' | '.join(BANDS)} |", "|---" * (len(BANDS) + 2) + "|"]
    for name, visits in plans.items():
        cells = []
        for b in range(len(BANDS)):
            m5 = visits.m5[visits.band == b]
            cells.append("/".join(f"{x:.2f}" for x in np.percentile(m5, (25, 50, 75))) if len(m5) else "-")
        lines.append(f"| {name} | {len(visits)} | {' | '.join(cells)} |")
    return lines


def revisits(visits: Visits, *, radius: float, places: int = 300, nights: int = 0) -> tuple[Array, Array]:
    """Gaps between visits of a place in one night [min], and between its nights [d], over random places.

    nights: how many of the first are looked at, all where 0.
    """
    if nights:
        last = visits.mjd[0] + nights
        keep = visits.mjd < last
        visits = Visits(**{name: values[keep] for name, values in visits.as_dict().items()})
    sky = Sky(visits, radius)
    epochs = sky.match(*sky.positions(stream(9, "places"), places))
    row = np.repeat(np.arange(places), np.diff(epochs.offsets))
    gap = np.diff(visits.mjd[epochs.visit])[np.diff(row) == 0]
    return gap[gap < 0.4] * 1440, gap[gap >= 0.4]


def revisit_comparisons(plans: dict[str, Visits]) -> list[Comparison]:
    """Gaps of the made-up plan against baseline v2.0, both over 13 nights, and within a night and beyond."""
    real, ours = plans["baseline v2.0, 13 nights"], plans["synthetic_wfd"]
    theirs, mine = revisits(real, radius=1.75), revisits(ours, radius=1.75)
    name = "synthetic_wfd, baseline v2.0"
    thirteen = mine[1][mine[1] < 13]
    return [
        Comparison.of(name, "minutes between visits in a night", (mine[0], theirs[0]), log=True),
        Comparison.of(name, "days between nights, below 13", (thirteen, theirs[1])),
    ]


def mixed_run(path: Path) -> Folder:
    """A run of six classes, made at `path`, for noise and leaks."""
    survey = Survey(cadence=CadenceChoice(use="synthetic_wfd", options={"years": 1.0, "fields": 30}))
    population = [
        Population(source=name, count=1500, redshift=(0.02, 0.4) if name in ("sn_ia", "sn_ii") else None)
        for name in MIX
    ]
    return generate(Simulation(name="mix", seed=11, survey=survey, population=population), path)


def pull_values(run: Folder) -> Array:
    """(measured - true) / error f8[k] of all measurements of a run."""
    pulls = []
    for part in run.parts:
        curves = run.read("light_curves", part, LightCurves)
        truth = run.read("truth/light_curves", part, TrueFluxes)
        pull = (curves.flux - truth.flux) / curves.flux_err
        pulls.append(pull[np.isfinite(pull)].astype("f8"))
    return np.concatenate(pulls)
