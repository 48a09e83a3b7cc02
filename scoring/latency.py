"""Latencies as mergeable counts: percentiles at any scale in fixed memory.

Latencies are whole microseconds. Counts are kept in cells that are exact below 2048 us and 1/2048
wide (relative) above, so that a percentile is right to 0.05 %, for any number of messages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["CELLS", "PERCENTILES", "Latencies", "cell_floor", "cell_of", "count_latencies"]

_BITS = 11
_LINEAR = 1 << _BITS
_OCTAVES = 63 - _BITS
CELLS = _LINEAR * (_OCTAVES + 1)

PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)

DEADLINES = (60.0, 600.0, 3600.0, 43200.0)
"""Seconds: Rubin's minute, ten minutes, an hour, half a day (the end of the night)."""

DECADES = (-3, 7)
DEX = 0.25
"""Histogram for people: log10 of seconds, -3 .. 7 in steps of a quarter."""


@dataclass(frozen=True)
class Latencies:
    """Counts of latencies; those of several are their sum."""

    counts: NDArray[np.int64]  # [CELLS]
    before: NDArray[np.int64]  # [CELLS], of how long before its alert an answer was published
    low: int  # us, least and greatest; meaningless where n is 0
    high: int

    @property
    def negative(self) -> int:
        """Answers published before their alert was sent: two clocks disagree."""
        return int(self.before.sum())

    @property
    def n(self) -> int:
        """Messages."""
        return int(self.counts.sum()) + self.negative

    def __add__(self, other: Latencies) -> Latencies:
        return Latencies(
            self.counts + other.counts,
            self.before + other.before,
            min(self.low, other.low),
            max(self.high, other.high),
        )

    def percentile(self, percent: float) -> float:
        """The nearest-rank percentile in seconds, NaN for no message; negative ones are negative."""
        return self._at_rank(math.ceil(percent / 100 * self.n))

    def interval(self, percent: float, *, confidence: float) -> tuple[float, float]:
        """Distribution-free interval of a percentile, s: order statistics at binomial ranks."""
        if not self.n:
            return math.nan, math.nan
        from scipy.stats import binom

        tail = (1 - confidence) / 2
        low = int(binom.ppf(tail, self.n, percent / 100))
        high = int(binom.ppf(1 - tail, self.n, percent / 100)) + 1
        return self._at_rank(low), self._at_rank(high) if high <= self.n else math.nan

    def _at_rank(self, rank: int) -> float:
        if not self.n:
            return math.nan
        rank = min(max(rank, 1), self.n)
        if rank <= self.negative:  # the most negative comes first
            cell = int(np.searchsorted(np.cumsum(self.before[::-1]), rank))
            return -float(cell_floor(CELLS - 1 - cell)) / 1e6
        cell = int(np.searchsorted(np.cumsum(self.counts), rank - self.negative))
        return min(float(cell_floor(cell)), float(self.high)) / 1e6

    def within(self, seconds: float) -> int:
        """Messages of at most so many seconds, to a cell."""
        return self.negative + int(self.counts[: cell_of(round(seconds * 1e6)) + 1].sum())

    def histogram(self) -> tuple[list[float], list[int]]:
        """Edges (log10 s) and counts, the first and last bin open: sub-millisecond is not hidden."""
        edges = np.arange(DECADES[0], DECADES[1] + DEX / 2, DEX)
        floors = cell_floor(np.arange(CELLS)).astype(float)
        with np.errstate(divide="ignore"):
            at = np.floor((np.log10(floors / 1e6) - DECADES[0]) / DEX + 1e-9)
        at = np.clip(at, 0, len(edges) - 2).astype(int)
        counts = np.bincount(at, weights=self.counts, minlength=len(edges) - 1).astype(int)
        counts[0] += self.negative
        return edges.tolist(), counts.tolist()


def none() -> Latencies:
    """No latency at all: what a sum begins with."""
    limits = np.iinfo(np.int64)
    zero = np.zeros(CELLS, np.int64)
    return Latencies(zero, zero, int(limits.max), int(limits.min))


def count_latencies(micros: NDArray[np.int64]) -> Latencies:
    """The counts of latencies i8[n] in us."""
    if not len(micros):
        return none()
    counts, before = np.zeros((2, CELLS), np.int64)
    _count(micros, counts, before)
    return Latencies(counts, before, int(micros.min()), int(micros.max()))


def total(of: Sequence[Latencies]) -> Latencies:
    """The sum of several."""
    return sum(of, none())


@numba.njit(cache=True, nogil=True)
def cell_of(micros: int) -> int:
    """The cell of one latency >= 0 us."""
    if micros < _LINEAR:
        return micros
    shift = 0
    while (micros >> shift) >= 2 * _LINEAR:
        shift += 1
    return _LINEAR * (shift + 1) + (micros >> shift) - _LINEAR


def cell_floor(cell: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Least latency of each cell, us."""
    cell = np.asarray(cell, np.int64)
    octave, step = cell // _LINEAR, cell % _LINEAR
    shift = np.maximum(octave - 1, 0)
    return np.where(octave == 0, cell, (step + _LINEAR) << shift)


@numba.njit(cache=True, nogil=True)
def _count(micros, counts, before):  # type: ignore[no-untyped-def]
    for m in micros:
        if m < 0:
            before[cell_of(-m)] += 1
        else:
            counts[cell_of(m)] += 1
