"""What a follow-up programme of fixed size would have picked: the most probable objects of each night."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.tables import Classifications
from scoring.join import match
from scoring.ranks import hash_ids
from scoring.snapshot import Layout, Nightly, Snapshot, snapshot
from scoring.spec import Scoring
from scoring.states import Arrays, Statistics
from scoring.timeline import Sent

__all__ = ["NIGHTLY", "NightlyPicks", "answers_by_night", "night_of", "picks", "picks_plain"]

NOON = 0.67
"""Fraction of a UTC day at which a night begins: noon on Cerro Pachon."""


def night_of(mjd: NDArray[np.float64]) -> NDArray[np.int64]:
    """The night of each time, i8 of the same shape, counted from noon to noon."""
    return np.floor(mjd - NOON).astype(np.int64)


def answers_by_night(
    alerts: Sent, answers: Classifications, seen: Snapshot, *, row: NDArray[np.int64], spec: Scoring
) -> Nightly:
    """The last answer of each night to each object of a snapshot.

    row: i8[k], the alert that each answer belongs to, -1 for one that does not count. Probabilities
    are normalised as `spec` says.
    """
    place = match(seen.object_id, alerts.object_id)  # row of each object in the snapshot
    of = np.where(row >= 0, place[alerts.object[row]], -1)
    used = np.flatnonzero(of >= 0)
    night = night_of(alerts.mjd[row[used]])
    key = night * len(seen.true) + of[used]
    order = np.argsort(key, kind="stable")
    last = _last_of_each(
        key[order], row[used][order], used[order], answers.published, alerts.mjd, alerts.alert_id
    )
    item, when = of[last], night_of(alerts.mjd[row[last]])
    given, _ = snapshot(
        answers.probability,
        last,
        objects=(np.arange(len(last)), seen.true[item]),
        layout=seen.layout,
        spec=msgspec.structs.replace(spec, missing="exclude"),
    )
    kept = given.object_id
    score = given.probability[:, seen.layout.target].astype(np.float32)
    return Nightly(spec.budget, when[kept], item[kept], score)


@numba.njit(cache=True, nogil=True)
def _last_of_each(key, row, answer, published, mjd, alert_id):  # type: ignore[no-untyped-def]
    """The answer in force at the end of each run of equal keys, by the rule of scoring.timeline."""
    out = np.empty(len(key), np.int64)
    n = 0
    for i in range(len(key)):
        if i == 0 or key[i] != key[i - 1]:
            out[n] = answer[i]
            held = i
            n += 1
            continue
        later = mjd[row[i]] > mjd[row[held]]
        if mjd[row[i]] == mjd[row[held]]:
            a, b = published[answer[i]], published[answer[held]]
            later = a > b or (a == b and alert_id[row[i]] > alert_id[row[held]])
        if later:
            out[n - 1] = answer[i]
            held = i
    return out[:n]


@dataclass(frozen=True)
class NightlyPicks:
    """Objects that were among the B most probable of a class on any night; B is `Scoring.budget`.

    Every night and class has a list of its own: the objects answered that night by their last answer,
    most probable first, equal ones by the hash of their id; an object of probability 0 is on no list.
    An object that is on several nights' lists counts once. The lists of a union are those of the union
    of lists, so that parts add up exactly; memory grows with the nights, not with the alerts.

    Statistics: ``own`` and ``other`` i8[..., T], distinct objects picked for each class that are and are
    not of it; ``objects`` i8[..., T], objects of the class.
    """

    name: str = "nightly"

    def count(self, snapshot: Snapshot) -> Arrays:
        """The answers of one snapshot that are on any list, and how many objects there are."""
        if snapshot.nightly is None:
            raise ValueError(
                "expected a snapshot with the answers of each night; the last one alone has them"
            )
        given = snapshot.nightly
        return _pruned(
            {
                "night": given.night,
                "hash": hash_ids(snapshot.object_id)[given.row],
                "true": snapshot.true[given.row],
                "score": given.probability,
                "objects": np.bincount(snapshot.true, minlength=len(snapshot.layout.truth)).astype(np.int64),
                "budget": np.array(given.budget),
            }
        )

    def merge(self, pieces: Sequence[Arrays]) -> Arrays:
        """The answers of all pieces that are on any list."""
        joined = {k: np.concatenate([p[k] for p in pieces]) for k in ("night", "hash", "true", "score")}
        joined["objects"] = np.sum([p["objects"] for p in pieces], axis=0)
        return _pruned({**joined, "budget": pieces[0]["budget"]})

    def statistics(self, layout: Layout, arrays: Arrays) -> Statistics:
        """Distinct objects picked for each class."""
        own, other = self._counted(layout, arrays)
        return Statistics(layout, {"own": own, "other": other, "objects": arrays["objects"]})

    def resample(self, layout: Layout, arrays: Arrays, *, rng: np.random.Generator, n: int) -> Statistics:
        """n resamples with the lists as they were: own and other objects are drawn picked or not."""
        own, other = self._counted(layout, arrays)
        objects = arrays["objects"]
        rest = objects.sum() - objects
        shape = (n, len(objects))
        drawn = {
            "own": rng.binomial(objects, own / np.maximum(objects, 1), shape),
            "other": rng.binomial(rest, other / np.maximum(rest, 1), shape),
            "objects": np.broadcast_to(objects, shape),
        }
        return Statistics(layout, drawn)

    @staticmethod
    def _counted(layout: Layout, arrays: Arrays) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        picked = _picked(arrays)
        found = np.zeros((2, len(layout.truth)), np.int64)
        for c in range(len(layout.truth)):
            mine = np.flatnonzero(picked[:, c])
            _, first = np.unique(arrays["hash"][mine], return_index=True)
            right = int((arrays["true"][mine[first]] == c).sum())
            found[:, c] = right, len(first) - right
        return found[0], found[1]


NIGHTLY = NightlyPicks()


def _picked(arrays: Arrays) -> NDArray[np.bool_]:
    return picks(arrays["night"], arrays["hash"], arrays["score"], budget=int(arrays["budget"]))


def _pruned(arrays: dict[str, NDArray]) -> dict[str, NDArray]:
    kept = _picked(arrays).any(1)
    return {k: v if k in ("objects", "budget") else v[kept] for k, v in arrays.items()}


def picks(
    night: NDArray[np.int64], hashes: NDArray[np.uint64], score: NDArray[np.float32], *, budget: int
) -> NDArray[np.bool_]:
    """Whether each answer is among the `budget` greatest scores of its night, bool[k, T], by class.

    score: f4[k, T]. Of equal scores those of the smaller hash; a score of 0 never is.
    """
    order = np.argsort(night, kind="stable")
    out = np.zeros(score.shape, np.bool_)
    _pick(night, order, hashes, np.ascontiguousarray(score), budget, out)
    return out


def picks_plain(
    night: NDArray[np.int64], hashes: NDArray[np.uint64], score: NDArray[np.float32], *, budget: int
) -> NDArray[np.bool_]:
    """What `picks` returns, sorting each night's list."""
    out = np.zeros(score.shape, bool)
    for one in set(night.tolist()):
        for c in range(score.shape[1]):
            mine = [i for i in range(len(night)) if night[i] == one and score[i, c] > 0]
            mine.sort(key=lambda i: (-score[i, c], int(hashes[i])))  # noqa: B023
            out[mine[:budget], c] = True
    return out


@numba.njit(cache=True, nogil=True)
def _pick(night, order, hashes, score, budget, out):  # type: ignore[no-untyped-def]
    n, start = len(order), 0
    while start < n:
        end = start
        while end < n and night[order[end]] == night[order[start]]:
            end += 1
        for c in range(score.shape[1]):
            if end - start <= budget:
                for q in range(start, end):
                    out[order[q], c] = score[order[q], c] > 0.0
                continue
            values = np.empty(end - start, np.float32)
            for q in range(start, end):
                values[q - start] = score[order[q], c]
            least = np.partition(values, len(values) - budget)[len(values) - budget]
            above = 0
            for v in values:
                if v > least:
                    above += 1
            tied = np.sort(hashes[order[start:end]][values == least])
            limit = tied[budget - above - 1]
            for q in range(start, end):
                k = order[q]
                v = score[k, c]
                out[k, c] = v > 0.0 and (v > least or (v == least and hashes[k] <= limit))
        start = end
