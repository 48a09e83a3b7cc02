"""Merged counts as rows of the tables Scores and Confusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brokerbench.rng import stream
from brokerbench.tables import Confusion, Scores, columns
from scoring.metric import Metric
from scoring.states import CONFUSION, State, Statistics
from scoring.tally import ALL, Plan, Tally

__all__ = ["clopper_pearson", "confusion_table", "quantiles", "score_table", "table_of"]


@dataclass(frozen=True)
class _Values:
    """One metric at one point: value, low, high f8[1] or f8[T]."""

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def score_table(label: str, counted: Tally, *, plan: Plan, metrics: Mapping[str, Metric]) -> Scores:
    """Every metric at every point for one classifier: metrics, points, classes; then slices likewise."""
    rows = _rows(label, counted, ALL, plan=plan, metrics=metrics)
    sliced = {n: m for n, m in metrics.items() if n in plan.spec.slice_metrics and not m.history}
    for _, _, slice_ in plan.slices:
        rows += _rows(label, counted, slice_, plan=plan, metrics=sliced)
    return table_of(Scores, rows)


def _rows(
    label: str, counted: Tally, slice_: str, *, plan: Plan, metrics: Mapping[str, Metric]
) -> list[dict[str, object]]:
    points = range(len(plan.points)) if slice_ == ALL else plan.slice_points
    if slice_ != ALL and not any(counted.arrays[a, slice_, "confusion", "cells"].any() for a in points):
        return []  # a subset that the run does not have
    found: dict[tuple[int, str], _Values] = {}
    states = {m.state.name: m.state for m in metrics.values()}
    for a in points:
        for state in states.values():
            if not any(_applies(m, a, plan) for m in metrics.values() if m.state.name == state.name):
                continue
            seen, drawn = _statistics(counted, state, plan, at=(a, slice_), label=label)
            for name, metric in metrics.items():
                if metric.state.name == state.name and _applies(metric, a, plan):
                    found[a, name] = _values(metric, seen, drawn, plan.spec.confidence)
    return [
        {
            "classifier": label,
            "metric": name,
            "version": metric.version,
            "axis": plan.points[a].axis,
            "at": plan.points[a].at,
            "slice": slice_,
            "class_id": plan.layout.truth[c] if metric.per_class else -1,
            "value": found[a, name].value[c],
            "low": found[a, name].low[c],
            "high": found[a, name].high[c],
            "n": n[c] if metric.per_class else n.sum(),
            "missing": metric.undefined if np.isnan(found[a, name].value[c]) else "",
        }
        for name, metric in metrics.items()
        for a in points
        if _applies(metric, a, plan)
        for n in [_objects(counted, metric, (a, slice_))]
        for c in range(len(found[a, name].value))
    ]


def _applies(metric: Metric, a: int, plan: Plan) -> bool:
    return not metric.history or plan.points[a].axis == "last"


def confusion_table(label: str, counted: Tally, plan: Plan) -> Confusion:
    """The cells of the confusion matrix at every point: every true class by every class that occurs."""
    names = np.array([*plan.layout.columns, -1], np.int32)
    rows: list[dict[str, object]] = []
    for a, point in enumerate(plan.points):
        cells = counted.arrays[a, ALL, "confusion", "cells"]
        for t, c in zip(*np.nonzero(cells), strict=True):
            rows.append(
                {
                    "classifier": label,
                    "axis": point.axis,
                    "at": point.at,
                    "true_id": plan.layout.truth[t],
                    "predicted_id": names[c],
                    "count": cells[t, c],
                }
            )
    return table_of(Confusion, rows)


def table_of(kind: type, rows: Sequence[Mapping[str, object]]):  # type: ignore[no-untyped-def]
    """A table of plain columns from rows as dicts."""
    return kind(**{c.name: np.array([r[c.name] for r in rows], c.dtype) for c in columns(kind)})


def _statistics(
    counted: Tally, state: State, plan: Plan, *, at: tuple[int, str], label: str
) -> tuple[Statistics, Statistics | None]:
    arrays = {key[3]: value for key, value in counted.arrays.items() if key[:3] == (*at, state.name)}
    seen = state.statistics(plan.layout, arrays)
    if not plan.spec.intervals:
        return seen, None
    rng = stream(plan.spec.seed, "bootstrap", label, plan.points[at[0]].key, at[1], state.name)
    return seen, state.resample(plan.layout, arrays, rng=rng, n=plan.spec.resamples)


def _values(metric: Metric, seen: Statistics, drawn: Statistics | None, confidence: float) -> _Values:
    value = np.atleast_1d(metric.value(seen))
    if drawn is None:
        absent = np.full(len(value), np.nan)
        return _Values(value, absent, absent)
    tail = (1 - confidence) / 2
    if metric.successes is not None:
        return _Values(value, *clopper_pearson(*metric.successes(seen), tail=tail))
    ends = quantiles(metric.value(drawn).reshape(-1, len(value)), (tail, 1 - tail))
    ends[:, np.isnan(value)] = np.nan
    return _Values(value, ends[0], ends[1])


def quantiles(samples: NDArray[np.float64], at: Sequence[float]) -> NDArray[np.float64]:
    """Quantiles of each column of f8[B, T], linear between samples, f8[len(at), T].

    NaN does not count: resamples without any object of a rare class say nothing of it. NaN where
    nothing else is there.
    """
    ordered = np.sort(samples, axis=0)  # NaN last
    n = (~np.isnan(samples)).sum(0)
    place = np.asarray(at)[:, None] * np.maximum(n - 1, 0)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(n - 1, 0))
    low, high = (np.take_along_axis(ordered, k, 0) for k in (below, above))
    return low + (high - low) * (place - below)


def clopper_pearson(
    successes: NDArray[np.int64], trials: NDArray[np.int64], *, tail: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ends of the exact interval of proportions, f8 of the same shape; NaN for no trial."""
    from scipy.stats import beta

    k, n = np.asarray(successes, float), np.asarray(trials, float)
    with np.errstate(invalid="ignore"):
        low = np.where(k > 0, beta.ppf(tail, k, n - k + 1), 0.0)
        high = np.where(k < n, beta.ppf(1 - tail, k + 1, n - k), 1.0)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def _objects(counted: Tally, metric: Metric, at: tuple[int, str]) -> NDArray[np.int64]:
    """Objects of each true class that a metric rests on, i8[T]."""
    cells = counted.arrays[(*at, CONFUSION.name, "cells")]
    return (cells[:, :-1] if metric.answered_only else cells).sum(-1)
