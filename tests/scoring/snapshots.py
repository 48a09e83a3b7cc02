"""Snapshots made by hand, and metrics of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scoring.history import History
from scoring.metric import METRICS, Metric
from scoring.snapshot import Layout, Nightly, Snapshot, layout
from scoring.states import Statistics

CLASSES = (2222, 2223, 2224, 2232, 2332)


def layout_of(classes: Sequence[int] = CLASSES, truth: Sequence[int] = CLASSES) -> Layout:
    """A layout with equal frequencies."""
    return layout(classes, truth, np.full(len(truth), 1 / len(truth)))


def snapshot_of(
    true: np.ndarray,
    probability: np.ndarray,
    *,
    layout: Layout,
    epsilon: float = 1e-6,
    ids: np.ndarray | None = None,
) -> Snapshot:
    """A snapshot of true rows i8[n] and probabilities f8[n, K] of the layout's own classes.

    A row of NaN is an object without an answer.
    """
    values = np.zeros((len(true), len(layout.columns)))
    values[:, layout.own] = np.nan_to_num(probability)
    absent = np.isnan(probability).any(1) if len(true) else np.zeros(0, bool)
    predicted = np.where(absent, -1, values.argmax(1)) if len(true) else np.zeros(0, "i8")
    ids = np.arange(len(true)) if ids is None else ids
    true = np.asarray(true, "i8")
    history = _history(true, values, predicted, layout)
    answered = np.flatnonzero(~absent)
    score = values[answered][:, layout.target].astype("f4")
    nightly = Nightly(60, ids[answered] % 3, answered, score)
    return Snapshot(layout, epsilon, ids, true, predicted.astype("i8"), values, history, nightly)


def _history(true: np.ndarray, values: np.ndarray, predicted: np.ndarray, layout: Layout) -> History:
    """Histories that fit a classifier: the more probable the truth, the earlier and steadier."""
    p = values[np.arange(len(true)), layout.target[true]] if len(true) else np.zeros(0)
    right = predicted == layout.target[true]
    late = 40.0 * (1 - p)
    return History(
        stable=np.where(right, late, np.nan),
        confident=np.where(p >= 0.5, late, np.nan),
        end=np.full(len(true), 60.0),
        flips=np.floor(5 * (1 - p)),
        jump=1 - p,
        decided=1 - p,
        move=3 * (1 - p),
        away=np.where(predicted < 0, np.nan, 4 * (1 - p)),
        right=right,
    )


def statistics_of(metric: Metric, *snapshots: Snapshot) -> Statistics:
    """The statistics of the sum of snapshots."""
    arrays = metric.state.merge([metric.state.count(s) for s in snapshots])
    return metric.state.statistics(snapshots[0].layout, arrays)


def value_of(name: str, *snapshots: Snapshot) -> np.ndarray:
    """The metric of the sum of snapshots, f8[1] or f8[T]."""
    metric = METRICS[name]
    return np.atleast_1d(metric.value(statistics_of(metric, *snapshots)))


def mean_value(name: str, snapshot: Snapshot) -> float:
    """The metric, over classes its mean; infinity for a time that never came."""
    values = value_of(name, snapshot)
    if name.startswith("time_to_"):
        return float(np.nan_to_num(values[0], nan=np.inf))
    return float(np.nanmean(values))


def random_case(
    seed: int, n: int, *, absent: float = 0.0, lean: float = 1.5
) -> tuple[np.ndarray, np.ndarray]:
    """True rows and probabilities that lean towards the truth; NaN rows where there is no answer."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, len(CLASSES), n)
    alpha = np.ones((n, len(CLASSES)))
    alpha[np.arange(n), true] += lean
    probability = rng.standard_gamma(alpha)
    probability /= probability.sum(1, keepdims=True)
    probability[rng.random(n) < absent] = np.nan
    return true, probability
