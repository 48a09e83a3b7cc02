"""Which classifiers of a run are told apart by their macro F1, for the leaderboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.rng import stream
from scoring.metrics.macro_f1 import METRIC
from scoring.pairs import Joint, holm, merge_joints, resample_joint
from scoring.states import CONFUSION
from scoring.tally import Given, Plan, Tally

__all__ = ["MOST", "TIED_BY", "joint_given", "merge_given", "tie_groups", "ties"]

TIED_BY = "macro_f1"

MOST = 12
"""Classifiers beyond which pairs are not tested while scoring: `compare` does chosen ones."""

Held = dict[tuple[int, int, int], Joint]


def joint_given(tallies: Sequence[Tally], plans: Sequence[Plan]) -> Held:
    """Joint counts of what each pair of classifiers of one scope gave the objects of one part."""
    if not 2 <= len(tallies) <= MOST:
        return {}
    return {
        (i, j, a): _joint(tallies[i].given[a], tallies[j].given[a])
        for i, j in combinations(range(len(tallies)), 2)
        if plans[i].layout.scope == plans[j].layout.scope
        for a in range(len(tallies[0].given))
    }


def merge_given(pieces: Sequence[Held]) -> Held:
    """The joint counts of several parts."""
    return {key: merge_joints([p[key] for p in pieces]) for key in pieces[0]}


def _joint(a: Given, b: Given) -> Joint:
    if len(a.object_id) != len(b.object_id) or (a.object_id != b.object_id).any():
        # Objects that one of them did not answer are left out under `missing = "exclude"`.
        _, of_a, of_b = np.intersect1d(a.object_id, b.object_id, return_indices=True)
        a, b = (Given(g.object_id[k], g.true[k], g.cell[k]) for g, k in ((a, of_a), (b, of_b)))
    none = np.zeros(len(a.true))
    return merge_joints([Joint(a.true, a.cell, b.cell, np.ones(len(a.true), np.int64), none, none)])


def ties(held: Held, labels: Sequence[str], plans: Sequence[Plan]) -> list[dict[str, Any]]:
    """Paired differences of macro F1 at every point, adjusted (Holm) for the pairs of a point."""
    found = []
    for a, point in enumerate(plans[0].points if held else ()):
        rows = [_difference(held[i, j, a], (i, j), a, labels, plans) for i, j, at in held if at == a]
        defined = [r for r in rows if r["p"] is not None]
        for row, p in zip(defined, holm([r["p"] for r in defined]), strict=True):
            row["holm"] = p
            if p < 1 - plans[0].spec.confidence:
                row["better"] = row["a"] if row["difference"] > 0 else row["b"]
        found += [{"point": point.key, **row} for row in rows]
    return found


def _difference(
    cells: Joint, sides: tuple[int, int], a: int, labels: Sequence[str], plans: Sequence[Plan]
) -> dict[str, Any]:
    one, other = (plans[k] for k in sides)
    spec = one.spec
    # the least p of n resamples is 2 / (n + 1): Holm over many pairs could never find a difference
    n = max(spec.resamples, int(np.ceil(4 * comb(len(labels), 2) / (1 - spec.confidence))))
    rng = stream(spec.seed, "ties", labels[sides[0]], labels[sides[1]], one.points[a].key)
    drawn = resample_joint(CONFUSION, cells, (one.layout, other.layout), rng=rng, n=n)
    samples: NDArray = METRIC.value(drawn[0]) - METRIC.value(drawn[1])
    samples = samples[~np.isnan(samples)]
    row: dict[str, Any] = {"a": labels[sides[0]], "b": labels[sides[1]], "metric": TIED_BY}
    if not len(samples):
        return {**row, "difference": None, "low": None, "high": None, "p": None, "holm": None, "better": ""}
    tail = (1 - spec.confidence) / 2
    low, middle, high = np.quantile(samples, [tail, 0.5, 1 - tail]).tolist()
    beyond = int(min((samples <= 0).sum(), (samples >= 0).sum()))
    p = min(1.0, 2 * (1 + beyond) / (len(samples) + 1))
    return {**row, "difference": middle, "low": low, "high": high, "p": p, "holm": p, "better": ""}


def tie_groups(labels: Sequence[str], pairs: Sequence[Mapping[str, Any]]) -> list[int]:
    """The group of each classifier of a list ordered best first: 1, 1, 2 ..

    A classifier opens a group unless it is not told apart from the first of the group before.
    """
    apart = {frozenset((p["a"], p["b"])) for p in pairs if p["better"]}
    groups: list[int] = []
    first = ""
    for label in labels:
        if not groups:
            groups, first = [1], label
        elif frozenset((first, label)) in apart:
            groups.append(groups[-1] + 1)
            first = label
        else:
            groups.append(groups[-1])
    return groups
