"""Subsets of the objects: by redshift, dust, number of alerts, brightness, host, coverage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError, UnknownName, did_you_mean
from brokerbench.store import Folder
from brokerbench.tables import Hosts, LightCurves, Objects, TrueFluxes

__all__ = ["SLICES", "Part", "Slice", "chosen_slices", "groups_of"]

AB_NJY = 31.4
"""AB magnitude of 1 nJy."""


@dataclass(frozen=True)
class Part:
    """The objects of one part that had alerts, and where to read more of them."""

    run: Folder
    name: str
    truth: Objects
    rows: NDArray[np.int64]  # [n], rows of truth
    alerts: NDArray[np.float64]  # [n], number of alerts


@dataclass(frozen=True)
class Slice:
    """A way to divide the objects: value f8[n] of each, cut at rising edges.

    A value in [edges[i], edges[i + 1]) lies in labels[i]; NaN in `none`.
    """

    title: str
    edges: tuple[float, ...]
    labels: tuple[str, ...]
    none: str
    value: Callable[[Part], NDArray[np.float64]]

    def group(self, part: Part) -> NDArray[np.int64]:
        """Index into `all_labels` of each object, i8[n]."""
        value = self.value(part)
        at = np.clip(np.searchsorted(self.edges, value, side="right") - 1, 0, len(self.labels) - 1)
        return np.where(np.isnan(value), len(self.labels), at)

    @property
    def all_labels(self) -> tuple[str, ...]:
        """The labels, that of objects without a value last."""
        return (*self.labels, self.none)


def _between(edges: tuple[float, ...], unit: str = "") -> tuple[str, ...]:
    texts = [f"{e:g}" for e in edges]
    inner = [f"{a} to {b}{unit}" for a, b in zip(texts[1:-1], texts[2:-1], strict=False)]
    return (f"below {texts[1]}{unit}", *inner, f"{texts[-2]}{unit} and above")


def _slice(
    title: str,
    inner: tuple[float, ...],
    none: str,
    value: Callable[[Part], NDArray[np.float64]],
    unit: str = "",
) -> Slice:
    edges = (-np.inf, *inner, np.inf)
    return Slice(title, edges, _between(edges, unit), none, value)


def _peak(part: Part) -> NDArray[np.float64]:
    true = part.run.read("truth/light_curves", part.name, TrueFluxes)
    greatest = _greatest(true.offsets, true.flux.astype(float))[part.rows]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(greatest > 0, AB_NJY - 2.5 * np.log10(greatest), np.nan)


def _snr(part: Part) -> NDArray[np.float64]:
    curves = part.run.read("light_curves", part.name, LightCurves)
    return _greatest(curves.offsets, curves.flux.astype(float) / curves.flux_err)[part.rows]


def _visits(part: Part) -> NDArray[np.float64]:
    curves = part.run.read("light_curves", part.name, LightCurves)
    return np.diff(curves.offsets)[part.rows].astype(float)


def _greatest(offsets: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The greatest value of each object, f8[n], NaN for none."""
    out = np.full(len(offsets) - 1, -np.inf)
    np.maximum.at(out, np.repeat(np.arange(len(out)), np.diff(offsets)), np.nan_to_num(values, nan=-np.inf))
    return np.where(np.isfinite(out), out, np.nan)


SLICES: dict[str, Slice] = {
    "redshift": _slice(
        "redshift", (0.1, 0.2, 0.4, 0.8), "Galactic", lambda p: p.truth.z[p.rows].astype(float)
    ),
    "dust": _slice(
        "Galactic E(B-V)", (0.05, 0.1, 0.3), "unknown", lambda p: p.truth.ebv_mw[p.rows].astype(float)
    ),
    "alerts": _slice("alerts", (2, 5, 10, 20), "unknown", lambda p: p.alerts),
    "peak_mag": _slice("brightest true magnitude", (20, 21, 22, 23, 24), "never above 0", _peak),
    "snr": _slice("greatest S/N", (7, 10, 20, 50), "no visit", _snr),
    "visits": _slice("visits", (50, 150, 500), "no visit", _visits),
    "host": _slice(
        "distance from host",
        (0.5, 1, 2, 4),
        "no host near",
        lambda p: p.run.read("hosts", p.name, Hosts).sep[p.rows].astype(float),
        '"',
    ),
}
"""Ways to divide the objects, by name."""


def chosen_slices(names: list[str]) -> dict[str, Slice]:
    """The slices of the given names. UnknownName with a hint."""
    for name in names:
        if name not in SLICES:
            raise UnknownName(
                f"scoring.slices: expected the name of a slice, got {name!r}; {did_you_mean(name, SLICES)}"
            )
    return {name: SLICES[name] for name in names}


def groups_of(part: Part, slices: Mapping[str, Slice]) -> dict[str, NDArray[np.int64]]:
    """The group of each object in each slice, i8[n].

    Raises InputError where the run does not keep what a slice needs.
    """
    groups = {}
    for name, one in slices.items():
        try:
            groups[name] = one.group(part)
        except InputError as error:
            raise InputError(f"scoring.slices: {name}: {error}; leave this slice out") from error
    return groups
