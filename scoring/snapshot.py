"""What a classifier said of each object at one point: probabilities and the class it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.taxonomy import ELASTICC2, NOT_CLASSIFIED, RESIDUAL
from scoring.spec import Scoring

if TYPE_CHECKING:
    from scoring.history import History

__all__ = ["DEFECTS", "Layout", "Nightly", "Snapshot", "layout", "snapshot", "vectors", "vectors_plain"]

SUM_TOLERANCE = 1e-3
"""How far a sum of probabilities may be from 1: 32 float32 terms and text with 4 digits."""

DEFECTS = ("sum_below_1", "sum_above_1", "sum_zero", "not_a_probability")
"""Faults of answers in force that are counted: each answer at most once."""

_MODES = {"residual": 0, "rescale": 1, "reject": 2}


@dataclass(frozen=True)
class Layout:
    """Which column of a probability vector is which class."""

    truth: tuple[int, ...]  # class ids that objects can have, ascending
    columns: tuple[int, ...]  # class ids that can be predicted, ascending
    own: NDArray[np.int64]  # [K], column of each class of the classifier
    target: NDArray[np.int64]  # [T], column of each true class
    prior: NDArray[np.float64]  # [T], class frequencies of the run's objects
    scope: tuple[int, ...] = ()  # of a partial classifier (scoring.scope); empty for any other
    whole: Layout | None = None  # before it was projected to the scope
    row: NDArray[np.int64] | None = None  # [T of whole], row of each true class here
    ties: str = "lowest"  # what equal largest probabilities name: the lowest id, or "residual"

    @property
    def of_run(self) -> Layout:
        """The layout of all true classes, whatever the scope."""
        return self if self.whole is None else self.whole

    @property
    def residual(self) -> int:
        """Column of class 200."""
        return self.columns.index(RESIDUAL)

    @property
    def tie(self) -> int:
        """Column that a tie names; -1 for that of the lowest id."""
        return self.residual if self.ties == "residual" else -1


def layout(classes: Sequence[int], truth: Sequence[int], prior: NDArray[np.float64]) -> Layout:
    """The columns for a classifier of `classes` on objects of the classes `truth`.

    Columns are every class of either, Residual and NotClassified, by ascending id, so that equal
    probabilities go to the lowest id whatever the classifier's own order.
    """
    columns = tuple(sorted({*classes, *truth, RESIDUAL, NOT_CLASSIFIED}))
    at = {c: i for i, c in enumerate(columns)}
    return Layout(
        truth=tuple(truth),
        columns=columns,
        own=np.array([at[c] for c in classes], np.int64),
        target=np.array([at[c] for c in truth], np.int64),
        prior=prior,
    )


@dataclass(frozen=True)
class Nightly:
    """k last answers of a night to an object."""

    budget: int  # objects picked a night and class
    night: NDArray[np.int64]  # [k]
    row: NDArray[np.int64]  # [k], row of the object in the snapshot
    probability: NDArray[np.float32]  # [k, T], of the true classes


@dataclass(frozen=True)
class Snapshot:
    """n objects at one point, those that reach it and count in its denominator."""

    layout: Layout
    epsilon: float
    object_id: NDArray[np.int64]  # [n]
    true: NDArray[np.int64]  # [n], index into layout.truth
    predicted: NDArray[np.int64]  # [n], index into layout.columns, -1 for no answer
    probability: NDArray[np.float64]  # [n, C], rows sum to 1; zeros where there is no answer at all
    history: History | None = None  # at the last point
    nightly: Nightly | None = None  # likewise, where a metric needs it

    def take(self, kept: NDArray[np.bool_]) -> Snapshot:
        """The snapshot of some of the objects; kept: bool[n]."""
        nightly = self.nightly
        if nightly is not None:
            rows = kept[nightly.row]
            place = (np.cumsum(kept) - 1)[nightly.row[rows]]
            nightly = Nightly(nightly.budget, nightly.night[rows], place, nightly.probability[rows])
        return replace(
            self,
            object_id=self.object_id[kept],
            true=self.true[kept],
            predicted=self.predicted[kept],
            probability=self.probability[kept],
            history=None if self.history is None else self.history.take(kept),
            nightly=nightly,
        )

    def true_probability(self) -> NDArray[np.float64]:
        """Probability of the true class, f8[n]."""
        return self.probability[np.arange(len(self.true)), self.layout.target[self.true]]


def snapshot(
    probability: NDArray[np.float32],
    rows: NDArray[np.int64],
    *,
    objects: tuple[NDArray[np.int64], NDArray[np.int64]],
    layout: Layout,
    spec: Scoring,
) -> tuple[Snapshot, NDArray[np.int64]]:
    """The state of n objects, and how many answers have each of DEFECTS, i8[4].

    probability: f4[k, K]; rows: i8[n] row in force, -1 for none; objects: ids i8[n] and true
    classes i8[n] as indices into layout.truth. Objects without an answer are treated as
    `spec.missing` says.
    """
    ids, true = objects
    values, predicted, defects = vectors(probability, rows, layout=layout, normalise=spec.normalise)
    absent = predicted < 0
    if spec.inner == "spread":
        values = _spread(values, layout)
        predicted = np.where(absent, -1, named(values, layout.tie))
    if spec.missing == "exclude":
        ids, true, values, predicted = ids[~absent], true[~absent], values[~absent], predicted[~absent]
    elif spec.missing == "prior" and absent.any():
        values[np.ix_(absent, layout.target)] = layout.prior
    return Snapshot(layout, spec.epsilon, ids, true, predicted, values), defects


def named(values: NDArray[np.float64], tie: int) -> NDArray[np.int64]:
    """Column i8[n] of the largest of each row f8[n, C]; of equal ones the first, or `tie` from 0 on."""
    if not len(values):
        return np.zeros(0, np.int64)
    best = values.argmax(1)
    if tie >= 0:
        best[np.count_nonzero(values == values.max(1, keepdims=True), axis=1) > 1] = tie
    return best


def _spread(values: NDArray[np.float64], layout: Layout) -> NDArray[np.float64]:
    """Probability of inner classes given to the true classes below them, by their frequencies."""
    values = values.copy()
    for column, class_id in enumerate(layout.columns):
        below = set(ELASTICC2.descendants(class_id))
        heirs = [t for t, c in enumerate(layout.truth) if c in below]
        share = layout.prior[heirs]
        if class_id in layout.truth or not share.sum():
            continue
        values[:, layout.target[heirs]] += values[:, [column]] * (share / share.sum())
        values[:, column] = 0.0
    return values


def vectors(
    probability: NDArray[np.float32], rows: NDArray[np.int64], *, layout: Layout, normalise: str
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Normalised probabilities f8[n, C], predicted column i8[n] (-1 for no answer), defects i8[4].

    The predicted class is that of the largest probability; among equals the lowest id, or Residual, as
    the layout says. An answer that cannot be normalised counts as no answer.
    """
    values = np.zeros((len(rows), len(layout.columns)))
    predicted = np.full(len(rows), -1, np.int64)
    defects = np.zeros(len(DEFECTS), np.int64)
    columns = layout.own, layout.residual, layout.tie
    _vectors(probability, rows, columns, _MODES[normalise], values, predicted, defects)
    return values, predicted, defects


def vectors_plain(
    probability: NDArray[np.float32], rows: NDArray[np.int64], *, layout: Layout, normalise: str
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """What `vectors` returns, one object after the other."""
    values = np.zeros((len(rows), len(layout.columns)))
    predicted = np.full(len(rows), -1, np.int64)
    defects = dict.fromkeys(DEFECTS, 0)
    for i, row in enumerate(rows):
        if row < 0:
            continue
        given = probability[row].astype("f8")
        if not (np.isfinite(given) & (given >= 0)).all():
            defects["not_a_probability"] += 1
            continue
        total = sum(given.tolist())
        if total == 0.0:
            defects["sum_zero"] += 1
            if normalise != "residual":
                continue
        elif total < 1 - SUM_TOLERANCE:
            defects["sum_below_1"] += 1
        elif total > 1 + SUM_TOLERANCE:
            defects["sum_above_1"] += 1
        if normalise == "reject" and abs(total - 1) > SUM_TOLERANCE:
            continue
        np.add.at(values[i], layout.own, given)  # classes beyond a scope share a column
        if normalise == "residual" and total < 1 - SUM_TOLERANCE:
            values[i, layout.residual] += 1 - total
        else:
            values[i] /= total
        predicted[i] = int(np.argmax(values[i]))
        if layout.ties == "residual" and np.count_nonzero(values[i] == values[i].max()) > 1:
            predicted[i] = layout.residual
    return values, predicted, np.array(list(defects.values()), np.int64)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _vectors(probability, rows, columns, mode, values, predicted, defects):  # type: ignore[no-untyped-def]
    own, residual, tie = columns
    for i in range(len(rows)):
        if rows[i] < 0:
            continue
        given, out = probability[rows[i]], values[i]
        total, sound = 0.0, True
        for p in given:
            sound &= (p >= 0.0) & (p < np.inf)
            total += np.float64(p)
        if not sound:
            defects[3] += 1
            continue
        off = abs(total - 1.0) > SUM_TOLERANCE
        if total == 0.0:
            defects[2] += 1
        elif off and total < 1.0:
            defects[0] += 1
        elif off:
            defects[1] += 1
        if (mode == 2 and off) or (mode == 1 and total == 0.0):
            continue
        for k in range(len(own)):
            out[own[k]] += np.float64(given[k])
        if mode == 0 and off and total < 1.0:
            out[residual] += 1.0 - total
        else:
            for c in range(len(out)):
                out[c] /= total
        best, most = 0, out[0]
        for c in range(1, len(out)):
            if out[c] > most:
                best, most = c, out[c]
        if tie >= 0:
            for c in range(best + 1, len(out)):
                if out[c] == most:
                    best = tie
                    break
        predicted[i] = best
