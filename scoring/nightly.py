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
from scoring.picks import filled, numbered
from scoring.ranks import hash_ids
from scoring.snapshot import Layout, Nightly, Snapshot, snapshot
from scoring.spec import Scoring
from scoring.states import Arrays, Statistics
from scoring.timeline import Sent

__all__ = ["NIGHTLY", "NightlyPicks", "answers_by_night", "last_of_nights", "night_of"]

NOON = 0.67
"""Fraction of a UTC day at which a night begins: noon on Cerro Pachon."""

BLOCK = 4096
"""Answers that are normalised at once: their vectors stay in the cache of a core."""

ROWS = ("night", "hash", "true", "score")
"""Columns of answers that are not on lists yet."""


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
    last = last_of_nights(alerts, answers, row)
    item = place[alerts.object[row[last]]]
    last, item = last[item >= 0], item[item >= 0]
    used = msgspec.structs.replace(spec, missing="exclude")
    kept, score = [np.empty(0, np.int64)], [np.empty((0, len(seen.layout.target)), np.float32)]
    for first in range(0, len(last), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(last)))
        given, _ = snapshot(
            answers.probability,
            last[rows],
            objects=(rows, seen.true[item[rows]]),
            layout=seen.layout,
            spec=used,
        )
        kept.append(given.object_id)
        score.append(np.take(given.probability, seen.layout.target, axis=1).astype(np.float32))
    rows = np.concatenate(kept)
    night = night_of(alerts.mjd[row[last[rows]]])
    return Nightly(spec.budget, night, item[rows], np.concatenate(score))


def last_of_nights(alerts: Sent, answers: Classifications, row: NDArray[np.int64]) -> NDArray[np.int64]:
    """The answer in force at the end of each night of each object, i8[k], by row."""
    of_alert = np.full(len(alerts.alert_id), -1, np.int64)
    used = np.flatnonzero(row >= 0)
    of_alert[row[used]] = used
    _, night = numbered(night_of(alerts.mjd))
    held = np.full(len(alerts.object_id), -1, np.int64)
    order = np.arange(len(night)) if (np.diff(night) >= 0).all() else np.argsort(night, kind="stable")
    last = np.zeros(len(answers), np.bool_)
    _last_of_nights(
        order, night, of_alert, alerts.object, alerts.mjd, answers.published, alerts.alert_id, held, last
    )
    return np.flatnonzero(last)


@numba.njit(cache=True, nogil=True)
def _last_of_nights(  # type: ignore[no-untyped-def]
    order, night, of_alert, item, mjd, published, alert_id, held, last
):
    """By the rule of scoring.timeline; `held`: the alert of each object's night so far."""
    for alert in order:
        answer, former = of_alert[alert], held[item[alert]]
        if answer < 0:
            continue
        if former >= 0 and night[former] == night[alert]:
            if mjd[alert] < mjd[former]:
                continue
            before = of_alert[former]
            if mjd[alert] == mjd[former]:
                if published[answer] < published[before]:
                    continue
                if published[answer] == published[before] and alert_id[alert] < alert_id[former]:
                    continue
            last[before] = False
        held[item[alert]] = alert
        last[answer] = True


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
        """The answers of one snapshot, for `merge` to put on lists, and how many objects there are."""
        if snapshot.nightly is None:
            raise ValueError(
                "expected a snapshot with the answers of each night; the last one alone has them"
            )
        given, classes = snapshot.nightly, len(snapshot.layout.truth)
        return {
            "row_night": given.night,
            "row_hash": hash_ids(snapshot.object_id)[given.row],
            "row_true": snapshot.true[given.row].astype(np.int16),
            "row_score": np.ascontiguousarray(given.probability),
            **filled([], [], classes=classes, budget=given.budget),
            "objects": np.bincount(snapshot.true, minlength=classes).astype(np.int64),
            "budget": np.array(given.budget),
        }

    def merge(self, pieces: Sequence[Arrays]) -> Arrays:
        """The lists of all pieces; answers that are on none are dropped."""
        first = pieces[0]
        rows = [{name: p[f"row_{name}"] for name in ROWS} for p in pieces]
        lists = filled(rows, pieces, classes=len(first["objects"]), budget=int(first["budget"]))
        none = {f"row_{name}": first[f"row_{name}"][:0] for name in ROWS}
        objects = np.sum([p["objects"] for p in pieces], axis=0)
        return {**none, **lists, "objects": objects, "budget": first["budget"]}

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

    def _counted(self, layout: Layout, arrays: Arrays) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        found = np.zeros((2, len(layout.truth)), np.int64)
        for c, (_, true) in enumerate(self.picked(arrays)):
            right = int((true == c).sum())
            found[:, c] = right, len(true) - right
        return found[0], found[1]

    def picked(self, arrays: Arrays) -> list[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        """Hash and true class of each object that was picked for each class, by hash."""
        lists = self.merge([arrays]) if len(arrays["row_night"]) else arrays
        out = []
        for c in range(len(arrays["objects"])):
            on = np.arange(lists["score"].shape[2]) < lists["size"][:, c, None]
            hashes, first = np.unique(lists["hash"][:, c][on], return_index=True)
            out.append((hashes, lists["true"][:, c][on][first].astype(np.int64)))
        return out


NIGHTLY = NightlyPicks()
