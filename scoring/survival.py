"""Times until something happens, with objects in which it never did: counts and Kaplan-Meier."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from scoring.history import History
from scoring.snapshot import Layout, Snapshot
from scoring.states import Cells, Statistics, losses

__all__ = [
    "CONFIDENCE",
    "DECISION",
    "AWAY",
    "FLIPS",
    "JUMPS",
    "MOVES",
    "STABLE",
    "edges",
    "kaplan_meier_median",
]

BINS = 128
"""Bins of time: the first ends at 0.02 d, each is 8.5 % longer than the one before, to 7,400 d."""


def edges() -> NDArray[np.float64]:
    """Lower ends of the bins, d, f8[128]."""
    step = 0.02 * 1.085 ** np.arange(BINS - 1)
    return np.concatenate([[0.0], np.cumsum(step)])


_EDGES = edges()


def _bin_of(days: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.clip(np.searchsorted(_EDGES, days, side="right") - 1, 0, BINS - 1)


def _history(snapshot: Snapshot) -> History:
    if snapshot.history is None:
        raise ValueError("the last snapshot alone has histories")
    return snapshot.history


def _times(name: str, event: Callable[[History], NDArray[np.float64]]) -> Cells:
    """The state of a time of each object: ``events`` and ``censored`` i8[..., 128], all classes."""

    def cell(snapshot: Snapshot, _: NDArray) -> NDArray[np.int64]:
        history = _history(snapshot)
        when = event(history)
        censored = np.isnan(when)
        return np.where(censored, BINS + _bin_of(history.end), _bin_of(np.nan_to_num(when)))

    def fold(layout: Layout, cells: NDArray, _: NDArray) -> Statistics:
        counts = cells.sum(-2)
        return Statistics(layout, {"events": counts[..., :BINS], "censored": counts[..., BINS:]})

    return Cells(name, width=lambda _: 2 * BINS, cell=cell, fold=fold)


def kaplan_meier_median(events: NDArray[np.int64], censored: NDArray[np.int64]) -> NDArray[np.float64]:
    """Median time in d (lower end of its bin), f8[...]; NaN where survival stays above one half.

    Kaplan & Meier 1958, eq. 2a, on counts [..., 128]; what is censored in a bin was at risk in it.
    """
    at_risk = (events + censored)[..., ::-1].cumsum(-1)[..., ::-1].astype(float)
    share = np.divide(events, at_risk, out=np.zeros(at_risk.shape), where=at_risk > 0)
    below = np.cumprod(1.0 - share, -1) <= 0.5 + 1e-12  # 5/6 * 3/5 is one half but for rounding
    return np.where(below.any(-1), _EDGES[below.argmax(-1)], np.nan)


STABLE = _times("stable", lambda h: h.stable)
CONFIDENCE = _times("confidence", lambda h: h.confident)
FLIPS = losses("flips", lambda s: _history(s).flips, high=50.0)
AWAY = losses("away", lambda s: _history(s).away, high=8.0, answered_only=True)
MOVES = losses("moves", lambda s: _history(s).move, high=8.0)
JUMPS = losses("jumps", lambda s: _history(s).jump, high=1.0)


def _decision_cell(snapshot: Snapshot, _: NDArray) -> NDArray[np.int64]:
    return _history(snapshot).right.astype(np.int64)


DECISION = Cells(
    "decision",
    width=lambda _: 2,
    cell=_decision_cell,
    amount=lambda s: _history(s).decided,
    fold=lambda layout, cells, sums: Statistics(
        layout, {"n": cells.sum((-1, -2)), "right": cells[..., 1].sum(-1), "decided": sums.sum((-1, -2))}
    ),
)
"""Decisions at probability 0.75: ``n``, ``right`` (counts) and ``decided`` (summed fraction), [...]."""
