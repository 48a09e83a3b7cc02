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
from scoring.tally import Plan, Tally

__all__ = ["confusion_table", "score_table", "table_of"]


@dataclass(frozen=True)
class _Values:
    """One metric at one point: value, low, high f8[1] or f8[T]."""

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def score_table(label: str, counted: Tally, *, plan: Plan, metrics: Mapping[str, Metric]) -> Scores:
    """Every metric at every point for one classifier, in the order of metrics, points, classes."""
    found: dict[tuple[int, str], _Values] = {}
    for a in range(len(plan.points)):
        for state in plan.states:
            seen, drawn = _statistics(counted, state, plan, a=a, label=label)
            for name, metric in metrics.items():
                if metric.state.name == state.name:
                    found[a, name] = _values(metric, seen, drawn, plan.spec.confidence)
    rows: list[dict[str, object]] = []
    for name, metric in metrics.items():
        for a, point in enumerate(plan.points):
            n = _objects(counted, metric, a)
            for c in range(len(found[a, name].value)):
                rows.append(
                    {
                        "classifier": label,
                        "metric": name,
                        "version": metric.version,
                        "axis": point.axis,
                        "at": point.at,
                        "slice": "all",
                        "class_id": plan.layout.truth[c] if metric.per_class else -1,
                        "value": found[a, name].value[c],
                        "low": found[a, name].low[c],
                        "high": found[a, name].high[c],
                        "n": n[c] if metric.per_class else n.sum(),
                        "missing": metric.undefined if np.isnan(found[a, name].value[c]) else "",
                    }
                )
    return table_of(Scores, rows)


def confusion_table(label: str, counted: Tally, plan: Plan) -> Confusion:
    """The cells of the confusion matrix at every point: every true class by every class that occurs."""
    names = np.array([*plan.layout.columns, -1], np.int32)
    rows: list[dict[str, object]] = []
    for a, point in enumerate(plan.points):
        cells = counted.arrays[a, "confusion", "cells"]
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
    counted: Tally, state: State, plan: Plan, *, a: int, label: str
) -> tuple[Statistics, Statistics | None]:
    arrays = {key[2]: value for key, value in counted.arrays.items() if key[:2] == (a, state.name)}
    seen = state.statistics(plan.layout, arrays)
    if not plan.spec.intervals:
        return seen, None
    rng = stream(plan.spec.seed, "bootstrap", label, plan.points[a].key, state.name)
    return seen, state.resample(plan.layout, arrays, rng=rng, n=plan.spec.resamples)


def _values(metric: Metric, seen: Statistics, drawn: Statistics | None, confidence: float) -> _Values:
    value = np.atleast_1d(metric.value(seen))
    if drawn is None:
        absent = np.full(len(value), np.nan)
        return _Values(value, absent, absent)
    samples = metric.value(drawn).reshape(-1, len(value))
    tail = (1 - confidence) / 2
    ends = np.full((2, len(value)), np.nan)
    for c in range(len(value)):
        # Resamples without any object of a rare class say nothing of it.
        defined = samples[~np.isnan(samples[:, c]), c]
        if len(defined) and not np.isnan(value[c]):
            ends[:, c] = np.quantile(defined, [tail, 1 - tail])
    return _Values(value, ends[0], ends[1])


def _objects(counted: Tally, metric: Metric, a: int) -> NDArray[np.int64]:
    """Objects of each true class that a metric rests on, i8[T]."""
    cells = counted.arrays[a, CONFUSION.name, "cells"]
    return (cells[:, :-1] if metric.answered_only else cells).sum(-1)
