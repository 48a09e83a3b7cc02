"""The whole history of answers to each object, in one pass: when it became right, how it wavered."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.kernels import source_stamp
from brokerbench.tables import Classifications
from scoring.axes import AXES
from scoring.snapshot import SUM_TOLERANCE, Layout
from scoring.timeline import Sent
from scoring.tree import branches, column_distances, lineage

__all__ = ["CONFIDENT", "History", "histories", "histories_plain"]

CONFIDENT = 0.75
"""Probability of the true class that counts as confident, and of any class as a decision."""

_SOURCE = source_stamp("scoring.snapshot")


@dataclass(frozen=True)
class History:
    """n objects; days since the first alert. NaN: it never happened, `end` is when watching ended.

    stable: from when on the true class was named for good. confident: first answer that gave the
    true class 0.75. end: last alert. flips: changes of the named class. jump: mean total variation
    distance, 0 .. 1, between answers that follow each other, 0 for a single one; move: likewise the
    Wasserstein-1 distance on the class tree, edges. away: mean over answers of the Wasserstein-1
    distance to the truth on the tree; NaN without an answer. decided: fraction of the object's days
    that passed before any class had 0.75 (1: never, the last answer counts); right: whether the class
    then named is the true one.
    """

    stable: NDArray[np.float64]
    confident: NDArray[np.float64]
    end: NDArray[np.float64]
    flips: NDArray[np.float64]
    jump: NDArray[np.float64]
    decided: NDArray[np.float64]
    move: NDArray[np.float64]
    away: NDArray[np.float64]
    right: NDArray[np.bool_]

    def take(self, rows: NDArray) -> History:
        """The histories of some objects."""
        return History(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


def histories(
    alerts: Sent,
    answers: Classifications,
    *,
    row: NDArray[np.int64],
    target: NDArray[np.int64],
    layout: Layout,
) -> History:
    """The history of each object of a part.

    row: i8[k], the alert that each answer belongs to, -1 for one that does not count; target: i8[n],
    column of each object's true class, -1 for a class that is not scored. Probabilities that sum to
    less than 1 leave the rest to Residual, others are divided by their sum.
    """
    n = len(alerts.object_id)
    of_alert = np.full(len(alerts.alert_id), -1, np.int64)
    used = np.flatnonzero(row >= 0)
    of_alert[row[used]] = used
    order = _by_object(alerts.object, n)
    if (np.diff(alerts.mjd) < 0).any():
        order = np.lexsort((alerts.alert_id, alerts.mjd, alerts.object))
    order = order[of_alert[order] >= 0]
    # Rows are gathered first: the walk would wait for each of them.
    probability = answers.probability[of_alert[order]]
    days = alerts.coordinate[AXES.index("days")][order]
    out = np.full((8, n), np.nan)
    right = np.zeros(n, np.bool_)
    out[2] = alerts.final[AXES.index("days")]
    tree = (*branches(layout.columns), column_distances(layout.columns).astype(np.float64))
    columns = layout.own, layout.residual, len(layout.columns), layout.tie
    _walk(probability, alerts.object[order], days, target, columns, tree, out, right)
    return _named(out, right)


def _named(out: NDArray[np.float64], right: NDArray[np.bool_]) -> History:
    names = ("stable", "confident", "end", "flips", "jump", "decided", "move", "away")
    return History(**dict(zip(names, out, strict=True)), right=right)


def histories_plain(
    alerts: Sent,
    answers: Classifications,
    *,
    row: NDArray[np.int64],
    target: NDArray[np.int64],
    layout: Layout,
) -> History:
    """What `histories` returns, object by object."""
    n = len(alerts.object_id)
    days = alerts.coordinate[AXES.index("days")]
    end = alerts.final[AXES.index("days")]
    out = np.full((8, n), np.nan)
    out[2], out[3], out[4], out[5], out[6] = end, 0.0, 0.0, 1.0, 0.0
    subtrees = {node for c in layout.columns for node in lineage(c)}
    right = np.zeros(n, bool)
    for item in range(n):
        mine = [k for k in range(len(answers)) if row[k] >= 0 and alerts.object[row[k]] == item]
        mine.sort(key=lambda k: (alerts.mjd[row[k]], alerts.alert_id[row[k]]))
        vectors = []
        for k in mine:
            p = np.zeros(len(layout.columns))
            np.add.at(p, layout.own, answers.probability[k])
            total = p.sum()
            if total < 1 - SUM_TOLERANCE:
                p[layout.residual] += 1 - total
            else:
                p /= total
            vectors.append(p)
        if not mine:
            continue
        when = [days[row[k]] for k in mine]
        named = [
            int(p.argmax()) if layout.tie < 0 or (p == p.max()).sum() == 1 else layout.tie for p in vectors
        ]
        out[3, item] = sum(a != b for a, b in zip(named, named[1:], strict=False))
        steps = [0.5 * np.abs(a - b).sum() for a, b in zip(vectors, vectors[1:], strict=False)]
        out[4, item] = np.mean(steps) if steps else 0.0
        # On a tree, mass flows along each edge in one direction: as much as the subtree gains or loses.
        below = [[p[[n in lineage(c) for c in layout.columns]].sum() for n in subtrees] for p in vectors]
        moved = [np.abs(np.subtract(a, b)).sum() for a, b in zip(below, below[1:], strict=False)]
        out[6, item] = np.mean(moved) if moved else 0.0
        if target[item] >= 0:
            out[7, item] = np.mean([p @ column_distances(layout.columns)[target[item]] for p in vectors])
        for i in range(len(mine)):
            if all(c == target[item] for c in named[i:]):
                out[0, item] = when[i]
                break
        sure = [i for i, p in enumerate(vectors) if target[item] >= 0 and p[target[item]] >= CONFIDENT]
        if sure:
            out[1, item] = when[sure[0]]
        decided = [i for i, p in enumerate(vectors) if p.max() >= CONFIDENT]
        i = decided[0] if decided else len(mine) - 1
        if decided:
            out[5, item] = when[i] / end[item] if end[item] > 0 else 0.0
        right[item] = named[i] == target[item]
    return _named(out, right)


@numba.njit(cache=True, nogil=True)
def _by_object(item, n):  # type: ignore[no-untyped-def]
    """Rows of each object one after the other, in the order of rows: a counting sort."""
    start = np.zeros(n + 1, np.int64)
    for o in item:
        start[o + 1] += 1
    for o in range(n):
        start[o + 1] += start[o]
    order = np.empty(len(item), np.int64)
    for i in range(len(item)):
        order[start[item[i]]] = i
        start[item[i]] += 1
    return order


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "nsz", "contract"})
def _dot(a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for c in range(len(a)):
        total += a[c] * b[c]
    return total


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "nsz", "contract"})
def _step(now, before, scale, node_of, parent, flow):  # type: ignore[no-untyped-def]
    """Scale `now`, move it to `before`; the sum of absolute differences, and what flowed along the tree."""
    step, moved = 0.0, 0.0
    for n in range(len(flow)):
        flow[n] = 0.0
    for c in range(len(now)):
        p = now[c] * scale
        step += abs(p - before[c])
        if node_of[c] >= 0:
            flow[node_of[c]] += p - before[c]
        before[c] = p
    for n in range(len(flow)):
        moved += abs(flow[n])
        if parent[n] >= 0:
            flow[parent[n]] += flow[n]
    return step, moved


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _walk(  # type: ignore[no-untyped-def]
    probability, item, days, target, columns, tree, out, right, source=_SOURCE
):
    own, residual, n_columns, tie = columns
    node_of, parent, distance = tree
    now, before, flow = np.zeros(n_columns), np.zeros(n_columns), np.zeros(len(parent))
    for o in range(out.shape[1]):
        out[3, o], out[4, o], out[5, o], out[6, o] = 0.0, 0.0, 1.0, 0.0
    last, answers, named_before = -1, 0, -1
    decided = False
    for k in range(len(item)):
        o = item[k]
        if o != last:
            last, answers, named_before, decided = o, 0, -1, False
        total = 0.0
        for c in range(n_columns):
            now[c] = 0.0
        for c in range(len(own)):
            p = np.float64(probability[k, c])
            now[own[c]] += p
            total += p
        scale = 1.0
        if total < 1.0 - SUM_TOLERANCE:
            now[residual] += 1.0 - total
        else:
            scale = 1.0 / total
        named, largest = 0, now[0]
        for c in range(1, n_columns):
            if now[c] > largest:
                named, largest = c, now[c]
        if tie >= 0:
            for c in range(named + 1, n_columns):
                if now[c] == largest:
                    named = tie
                    break
        largest *= scale
        of_truth = now[target[o]] * scale if target[o] >= 0 else 0.0
        if target[o] >= 0:
            off = _dot(now, distance[target[o]]) * scale
            out[7, o] = off if answers == 0 else out[7, o] + (off - out[7, o]) / (answers + 1)
        step, moved = _step(now, before, scale, node_of, parent, flow)
        day = days[k]
        if answers > 0:
            out[4, o] += (0.5 * step - out[4, o]) / answers  # running mean over steps
            out[6, o] += (moved - out[6, o]) / answers
            if named != named_before:
                out[3, o] += 1.0
        if named == target[o]:
            if np.isnan(out[0, o]):
                out[0, o] = day
        else:
            out[0, o] = np.nan
        if of_truth >= CONFIDENT and np.isnan(out[1, o]):
            out[1, o] = day
        if not decided:
            right[o] = named == target[o]
            if largest >= CONFIDENT:
                decided = True
                out[5, o] = day / out[2, o] if out[2, o] > 0.0 else 0.0
        named_before = named
        answers += 1
