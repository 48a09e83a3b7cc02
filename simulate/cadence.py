"""What a cadence file declares, and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.config import Config, decode
from brokerbench.errors import ConfigError, InputError, did_you_mean
from brokerbench.registry import Registry
from brokerbench.tables import Visits

__all__ = ["Cadence", "band_indices", "observe", "table_visits"]

RUBIN_LONGITUDE = -70.7494  # deg


@dataclass(frozen=True)
class Cadence:
    """An observing plan.

    options: its configuration. visits(options, bands, rng) -> Visits in order of time; bands are the
    names of the run's bands, visits in others are left out. reference: what it follows.
    """

    options: type[Config]
    visits: Callable[[Any, Sequence[str], np.random.Generator], Visits]
    reference: str


def observe(
    cadences: Registry, use: str, options: dict[str, Any], bands: Sequence[str], *, rng: np.random.Generator
) -> Visits:
    """The visits of the cadence called `use`, sorted by time.

    Raises UnknownName for an unknown cadence, ConfigError for wrong options, InputError where the
    plan lacks what it must have.
    """
    cadence: Cadence = cadences[use]
    decoded = decode(options, cadence.options, where=f"survey.cadence ({use}).options")
    visits = cadence.visits(decoded, bands, rng)
    if not len(visits):
        raise InputError(f"cadence {use}: expected visits in bands {', '.join(bands)}, got none")
    return visits


def band_indices(names: Sequence[str], bands: Sequence[str]) -> NDArray[np.int8]:
    """Index of each name in `bands`, i1[n], -1 for bands that are not asked for.

    Newer plans write ``g_6`` for a filter, older ones ``Y`` for y.
    """
    known = {band: i for i, band in enumerate(bands)}
    unique, inverse = np.unique(np.asarray(names, dtype=str), return_inverse=True)
    plain = [name.split("_")[0] for name in unique]
    plain = [p if p in known or p.lower() not in known else p.lower() for p in plain]
    return np.array([known.get(p, -1) for p in plain], "i1")[inverse]


def table_visits(columns: dict[str, Any], bands: Sequence[str], *, where: str) -> Visits:
    """Visits from named columns (each field of Visits but visit_id; band as names), sorted by time.

    seeing, sky, airmass and night may be missing. Raises InputError where a column that is needed
    is missing or has values that are not finite.
    """
    needed = ("mjd", "ra", "dec", "band", "exposure", "m5")
    for name in needed:
        if name not in columns:
            raise InputError(f"{where}: expected a column for {name}, got none")
    band = band_indices(columns["band"], bands)
    keep = np.flatnonzero(band >= 0)
    for name in ("mjd", "ra", "dec", "exposure", "m5"):
        bad = ~np.isfinite(np.asarray(columns[name], "f8")[keep])
        if bad.any():
            raise InputError(
                f"{where}: expected a finite {name} in every row, got {bad.sum()} without "
                f"(the first in row {keep[bad][0]}); remove these rows"
            )
    mjd = np.asarray(columns["mjd"], "f8")[keep]
    order = np.argsort(mjd, kind="stable")
    rows = keep[order]

    def of(name: str, dtype: str, absent: float = np.nan) -> NDArray[Any]:
        if name not in columns:
            return np.full(len(rows), absent, dtype)
        return np.asarray(columns[name])[rows].astype(dtype)

    mjd = mjd[order]
    noon = np.floor(mjd + RUBIN_LONGITUDE / 360 - 0.5).astype("i4")
    return Visits(
        visit_id=np.asarray(columns.get("visit_id", np.arange(len(band))))[rows].astype("i8"),
        mjd=mjd,
        ra=of("ra", "f8") % 360.0,
        dec=of("dec", "f8"),
        band=band[rows],
        exposure=of("exposure", "f4"),
        seeing=of("seeing", "f4"),
        m5=of("m5", "f4"),
        sky=of("sky", "f4"),
        airmass=of("airmass", "f4"),
        night=of("night", "i4") if "night" in columns else noon - (noon[0] if len(noon) else 0),
    )


def pick(available: Sequence[str], spellings: Mapping[str, tuple[str, ...]], *, where: str,
         optional: tuple[str, ...] = ()) -> dict[str, str]:  # fmt: skip
    """For each meaning the first spelling that is available. InputError names what is missing."""
    found = {}
    for meaning, names in spellings.items():
        here = [name for name in names if name in available]
        if here:
            found[meaning] = here[0]
        elif meaning not in optional:
            raise InputError(
                f"{where}: expected a column {names[0]!r} ({meaning}), got none; "
                f"{did_you_mean(names[0], available)}"
            )
    return found


def finite_options(where: str, **values: tuple[float, float]) -> None:
    """ConfigError unless each value (value, least) is at least what it must be."""
    for name, (value, least) in values.items():
        if not value >= least:
            raise ConfigError(f"{where}.{name}: expected at least {least:g}, got {value:g}")
