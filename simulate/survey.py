"""Which visit sees which object, where the survey's footprint lies, and what makes a trigger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.tables import LightCurves, Visits

__all__ = ["Epochs", "Sky", "triggered", "triggers"]

Array = NDArray[np.float64]

_PROBES = 8  # points a side that measure the covered part of a cell


@dataclass(frozen=True, eq=False)
class Epochs:
    """The visits that see each object, ragged: offsets i8[n + 1], visit i4[R], in order of time."""

    offsets: NDArray[np.int64]
    visit: NDArray[np.int32]


class Sky:
    """The visits of a survey, indexed by place: cells of about one field radius a side.

    visits: sorted by time. radius: of the circular field of view [deg]. Raises InputError where
    there is no visit, or one without position or time.
    """

    def __init__(self, visits: Visits, radius: float, *, min_visits: int = 1) -> None:
        _check(visits)
        self.visits, self.radius, self.min_visits = visits, radius, min_visits
        self._height = np.radians(max(radius, 0.05))
        rows = int(np.ceil(np.pi / self._height))
        edges = np.linspace(-np.pi / 2, np.pi / 2, rows + 1)
        widest = np.cos(np.minimum(np.abs(edges[:-1]), np.abs(edges[1:])) * (edges[:-1] * edges[1:] > 0))
        self._edges = edges
        self._per_row = np.maximum(1, np.floor(2 * np.pi * widest / self._height)).astype("i8")
        self._first = np.concatenate([[0], np.cumsum(self._per_row)]).astype("i8")
        ra, dec = np.radians(visits.ra), np.radians(visits.dec)
        self._pointing = _unit(ra, dec)
        self._near = np.cos(np.radians(radius))
        self._cell_offsets, self._cell_visits = _index(
            ra % (2 * np.pi), dec, np.radians(radius), edges, self._per_row, self._first
        )
        self._covered, self._cell_area, self.area_deg2, self.visits_per_position = self._measure()

    def match(self, ra: Array, dec: Array, *, span: tuple[Array, Array] | None = None) -> Epochs:
        """The visits whose field of view holds each position. ra, dec: f8[n] deg.

        span: first and last MJD f8[n] of each object; all visits where not given.
        """
        place = _unit(np.radians(ra), np.radians(dec))
        if span is None:
            first, last = np.zeros(len(ra), "i4"), np.full(len(ra), len(self.visits), "i4")
        else:
            first = np.searchsorted(self.visits.mjd, span[0], side="left").astype("i4")
            last = np.searchsorted(self.visits.mjd, span[1], side="right").astype("i4")
        cells = (self._cells_of(ra, dec), self._cell_offsets, self._cell_visits)
        return Epochs(*_match(place, cells, first, last, self._pointing, self._near))

    def positions(self, rng: np.random.Generator, n: int) -> tuple[Array, Array]:
        """Right ascensions and declinations f8[n] deg, uniform over the footprint.

        Every class draws its places here, so that a place says nothing of the class.
        """
        ra, dec = np.empty(n), np.empty(n)
        cumulative = np.cumsum(self._cell_area)
        missing, tries = np.arange(n), 1
        while missing.size:
            draws = rng.random((3, missing.size * tries))
            cells = self._covered[np.searchsorted(cumulative, draws[0] * cumulative[-1], side="right")]
            x, y = self._within(cells, draws[1], draws[2])
            inside = (self._count(x, y) >= self.min_visits).reshape(-1, tries)
            first = np.argmax(inside, axis=1) + np.arange(missing.size) * tries
            ra[missing], dec[missing] = x[first], y[first]
            missing = missing[~inside.any(axis=1)]
            tries = 8  # few are missing now: many tries cost less than many rounds
        return ra, dec

    def _within(self, cells: NDArray[np.int64], x: Array, y: Array) -> tuple[Array, Array]:
        """Places in cells, deg; x, y in 0..1 are uniform in area."""
        row = np.searchsorted(self._first, cells, side="right") - 1
        low, high = np.sin(self._edges[row]), np.sin(self._edges[row + 1])
        dec = np.degrees(np.arcsin(low + y * (high - low)))
        ra = (cells - self._first[row] + x) / self._per_row[row] * 360.0
        return ra, dec

    def _cells_of(self, ra: Array, dec: Array) -> NDArray[np.int64]:
        row = np.clip(
            np.searchsorted(self._edges, np.radians(dec), side="right") - 1, 0, len(self._per_row) - 1
        )
        column = (ra % 360.0) / 360.0 * self._per_row[row]
        return self._first[row] + np.minimum(column.astype("i8"), self._per_row[row] - 1)

    def _count(self, ra: Array, dec: Array) -> NDArray[np.int64]:
        place = _unit(np.radians(ra), np.radians(dec))
        return _count(
            place, self._cells_of(ra, dec), self._cell_offsets, self._cell_visits, self._pointing, self._near
        )

    def _measure(self) -> tuple[NDArray[np.int64], Array, float, float]:
        """Cells that visits reach, their areas [deg2], the footprint's area and its mean visits."""
        cells = np.flatnonzero(np.diff(self._cell_offsets))
        row = np.searchsorted(self._first, cells, side="right") - 1
        area = (np.sin(self._edges[row + 1]) - np.sin(self._edges[row])) * 2 * np.pi / self._per_row[row]
        area = np.degrees(np.degrees(area))
        probe = (np.arange(_PROBES) + 0.5) / _PROBES
        x, y = (p.ravel() for p in np.meshgrid(probe, probe))
        inside, seen = np.empty(len(cells)), np.empty(len(cells))
        for block in np.array_split(np.arange(len(cells)), max(1, len(cells) // 256)):
            at = np.repeat(cells[block], x.size)
            counts = self._count(*self._within(at, np.tile(x, len(block)), np.tile(y, len(block))))
            counts = counts.reshape(len(block), x.size)
            inside[block] = (counts >= self.min_visits).mean(axis=1)
            seen[block] = np.where(counts >= self.min_visits, counts, 0).mean(axis=1)
        covered = float(np.sum(area * inside))
        if covered == 0:
            raise InputError(
                f"survey: expected a footprint with {self.min_visits} visits a position, got none; "
                "lower survey.min_visits or choose another cadence"
            )
        return cells, area, covered, float(np.sum(area * seen) / covered)


def triggers(
    detected: NDArray[np.bool_], mjd: Array, offsets: NDArray[np.int64], *, count: int, gap: float
) -> NDArray[np.bool_]:
    """Whether each object has `count` detections that span at least `gap` days, bool[n].

    detected bool[R], mjd f8[R] in order of time within an object, offsets i8[n + 1].
    """
    return _triggers(detected, mjd, offsets, count, gap)


def triggered(manifest: Mapping[str, Any], curves: LightCurves, mjd: Array) -> NDArray[np.bool_]:
    """Whether each object of a part alerts, bool[n], by what its run's manifest says of a trigger.

    mjd: f8[visits], of the run's visits.
    """
    count, gap = int(manifest.get("min_detections", 2)), float(manifest.get("min_gap_days", 0.0))
    return triggers(curves.detected, mjd[curves.visit], curves.offsets, count=count, gap=gap)


def _check(visits: Visits) -> None:
    if not len(visits):
        raise InputError("survey: expected at least one visit, got none; check the cadence")
    for name in ("mjd", "ra", "dec", "m5"):
        if not np.isfinite(getattr(visits, name)).all():
            raise InputError(
                f"survey: expected a {name} for every visit, got some without; check the cadence"
            )
    if (np.diff(visits.mjd) < 0).any():
        raise InputError("survey: expected visits in order of time, got others; sort the cadence by mjd")


def _unit(ra: Array, dec: Array) -> Array:
    """Unit vectors f8[n, 3] of angles in radians."""
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


@numba.njit(cache=True, nogil=True)
def _index(ra, dec, radius, edges, per_row, first):  # type: ignore[no-untyped-def]
    """Visits that may see each cell: offsets i8[c + 1] and visit rows i4, ascending in a cell."""
    rows = per_row.size
    height = edges[1] - edges[0]
    counts = np.zeros(first[-1] + 1, np.int64)
    visits = np.empty(0, np.int32)
    for fill in range(2):
        for i in range(ra.size):
            low = max(int((dec[i] - radius - edges[0]) / height), 0)
            high = min(int((dec[i] + radius - edges[0]) / height), rows - 1)
            pole = abs(dec[i]) + radius >= np.pi / 2
            half = np.pi if pole else np.arcsin(min(1.0, np.sin(radius) / np.cos(dec[i])))
            for row in range(low, high + 1):
                n = per_row[row]
                start = int(np.floor((ra[i] - half) / (2 * np.pi) * n))
                stop = int(np.floor((ra[i] + half) / (2 * np.pi) * n))
                for column in range(start, min(stop, start + n - 1) + 1):
                    cell = first[row] + column % n
                    if fill:
                        visits[counts[cell]] = i
                    counts[cell] += 1
        if not fill:
            total = 0
            for cell in range(counts.size):
                number = counts[cell]
                counts[cell] = total
                total += number
            visits = np.empty(total, np.int32)
    offsets = np.empty(counts.size, np.int64)
    offsets[0] = 0
    offsets[1:] = counts[:-1]
    return offsets, visits


@numba.njit(cache=True, nogil=True)
def _match(place, cells, first, last, pointing, near):  # type: ignore[no-untyped-def]
    cell, offsets, visits = cells
    start, stop = np.empty(cell.size, np.int64), np.empty(cell.size, np.int64)
    room = 0
    for k in range(cell.size):
        low, high = offsets[cell[k]], offsets[cell[k] + 1]
        start[k] = low + np.searchsorted(visits[low:high], first[k])
        stop[k] = low + np.searchsorted(visits[low:high], last[k])
        room += stop[k] - start[k]
    seen = np.empty(room + 1, np.int32)  # one to spare for the last write
    bounds = np.zeros(cell.size + 1, np.int64)
    n = 0
    for k in range(cell.size):
        x, y, z = place[k, 0], place[k, 1], place[k, 2]
        for j in range(start[k], stop[k]):
            i = visits[j]
            seen[n] = i  # written always, kept by the next line: no branch to mispredict
            n += pointing[i, 0] * x + pointing[i, 1] * y + pointing[i, 2] * z >= near
        bounds[k + 1] = n
    return bounds, seen[:n].copy()


@numba.njit(cache=True, nogil=True)
def _count(place, cell, offsets, visits, pointing, near):  # type: ignore[no-untyped-def]
    counts = np.zeros(cell.size, np.int64)
    for k in range(cell.size):
        x, y, z = place[k, 0], place[k, 1], place[k, 2]
        for j in range(offsets[cell[k]], offsets[cell[k] + 1]):
            i = visits[j]
            counts[k] += pointing[i, 0] * x + pointing[i, 1] * y + pointing[i, 2] * z >= near
    return counts


@numba.njit(cache=True, nogil=True)
def _triggers(detected, mjd, offsets, count, gap):  # type: ignore[no-untyped-def]
    fired = np.zeros(offsets.size - 1, np.bool_)
    for k in range(fired.size):
        number, start = 0, 0.0
        for i in range(offsets[k], offsets[k + 1]):
            if detected[i]:
                number += 1
                if number == 1:
                    start = mjd[i]
                if number >= count and mjd[i] - start >= gap:
                    fired[k] = True
                    break
    return fired
