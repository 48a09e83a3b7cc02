"""One part of one classifier as arrays of counts that add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import AccountingError
from brokerbench.tables import NO_TIME, Classifications
from scoring import latency
from scoring.axes import Point
from scoring.history import histories
from scoring.join import match
from scoring.latency import Latencies
from scoring.nightly import NIGHTLY, answers_by_night, night_of
from scoring.picks import numbered
from scoring.snapshot import Layout, Snapshot, snapshot
from scoring.spec import Scoring
from scoring.states import CONFUSION, State
from scoring.timeline import Sent, as_received, eligible, in_force, with_answers

ALL = "all"
"""The slice of every object."""

__all__ = [
    "ALL",
    "Counted",
    "Given",
    "Plan",
    "Tally",
    "class_rows",
    "merge",
    "tally",
    "used_rows",
    "with_history",
]

Key = tuple[int, str, str, str]  # point, slice, state, array


@dataclass(frozen=True)
class Plan:
    """What is counted for one classifier."""

    spec: Scoring
    points: tuple[Point, ...]
    states: tuple[State, ...]
    layout: Layout
    slices: tuple[tuple[str, int, str], ...] = ()  # slice, group, label
    slice_points: tuple[int, ...] = ()
    slice_states: tuple[State, ...] = ()
    history_states: tuple[State, ...] = ()  # at the last point alone


@dataclass(frozen=True)
class Counted:
    """Messages of one classifier in some parts."""

    sent: int
    on_time: int
    late: int
    missing: int


@dataclass(frozen=True)
class Given:
    """What each of n objects was given at one point."""

    object_id: NDArray[np.int64]
    true: NDArray[np.int64]
    cell: NDArray[np.int64]  # column, one beyond the last for no answer


@dataclass(frozen=True)
class Tally:
    """Everything counted of one classifier in some parts; `merge` adds two."""

    arrays: Mapping[Key, NDArray]
    counted: Counted
    defects: NDArray[np.int64]  # [A, 4], answers in force with each of snapshot.DEFECTS
    unanswered: NDArray[np.int64]  # [A], objects that reach the point without an answer
    given: tuple[Given, ...]  # per point, for pairs; empty once merged
    members: NDArray[np.int64]  # [k, 4], point, true class, column, id of up to SHOWN objects of each cell
    nights: NDArray[np.int64]  # [k, 3], night, alerts sent, alerts answered in time
    objects: int  # alerted objects of scored classes
    ever_answered: int  # those of them with an answer on time
    latencies: Latencies


def tally(alerts: Sent, answers: Classifications, plan: Plan, *, where: str) -> Tally:
    """The counts of one part.

    Raises AccountingError where an answer belongs to no alert of the part, or an alert has two.
    """
    row, delay, in_time = _arrivals(alerts, answers, plan.spec, where)
    used = np.where(in_time, row, -1)
    alerts, best = placed(alerts, answers, plan.spec, row=used, points=plan.points)
    true = class_rows(alerts.class_id, plan.layout)
    reached = eligible(alerts, plan.points, denominator=plan.spec.denominator) & (true >= 0)[:, None]
    if plan.spec.denominator == "answered":
        reached &= best >= 0
    arrays: dict[Key, NDArray] = {}
    defects, given = [], []
    for a in range(len(plan.points)):
        objects = np.flatnonzero(reached[:, a])
        seen, faults = snapshot(
            answers.probability,
            best[objects, a],
            objects=(alerts.object_id[objects], true[objects]),
            layout=plan.layout,
            spec=plan.spec,
        )
        defects.append(faults)
        given.append(Given(seen.object_id, seen.true, CONFUSION.cell(seen, np.zeros(0))))
        _count(arrays, (a, ALL), seen, plan.states)
        if plan.history_states and plan.points[a].axis == "last":
            whole = with_history(seen, alerts, answers, plan, row=used)
            _count(arrays, (a, ALL), whole, plan.history_states)
        if a in plan.slice_points:
            of = match(alerts.object_id, seen.object_id)
            for name, group, label in plan.slices:
                some = seen.take(alerts.groups[name][of] == group)
                _count(arrays, (a, label), some, plan.slice_states)
    on_time = int(in_time.sum())
    answered = np.zeros(len(true), bool)
    answered[alerts.object[row[in_time]]] = True
    return Tally(
        arrays=arrays,
        counted=Counted(len(alerts.alert_id), on_time, len(row) - on_time, len(alerts.alert_id) - len(row)),
        defects=np.array(defects, np.int64).reshape(len(plan.points), -1),
        unanswered=(reached & (best < 0)).sum(0).astype(np.int64),
        given=tuple(given),
        members=_members(given),
        nights=_nights(alerts, row[in_time]),
        objects=int((true >= 0).sum()),
        ever_answered=int((answered & (true >= 0)).sum()),
        latencies=latency.count_latencies(delay),
    )


def _count(arrays: dict[Key, NDArray], at: tuple[int, str], seen: Snapshot, states: Sequence[State]) -> None:
    """Add the arrays of a snapshot under their keys."""
    for state in states:
        for name, array in state.count(seen).items():
            arrays[(*at, state.name, name)] = array


def with_history(
    seen: Snapshot, alerts: Sent, answers: Classifications, plan: Plan, *, row: NDArray[np.int64]
) -> Snapshot:
    """The snapshot with the whole history of each object, and the answers of each night where needed.

    row: i8[k], the alert that each answer belongs to, -1 for one that does not count.
    """
    true = class_rows(alerts.class_id, plan.layout)
    target = np.where(true >= 0, plan.layout.target[np.maximum(true, 0)], -1)
    history = histories(alerts, answers, row=row, target=target, layout=plan.layout)
    seen = replace(seen, history=history.take(match(alerts.object_id, seen.object_id)))
    if NIGHTLY not in plan.history_states:
        return seen
    return replace(seen, nightly=answers_by_night(alerts, answers, seen, row=row, spec=plan.spec))


SHOWN = 6
"""Objects of a cell of a confusion matrix that are named, the first in the order of parts."""


def _members(given: Sequence[Given]) -> NDArray[np.int64]:
    rows = [np.stack([np.full(len(g.true), a), g.true, g.cell, g.object_id], 1) for a, g in enumerate(given)]
    return _first_of_each(np.concatenate(rows).astype(np.int64))


def _first_of_each(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Up to SHOWN rows of each cell, in the order in which they came."""
    key = (rows[:, 0] << 40) + (rows[:, 1] << 20) + rows[:, 2]
    order = np.argsort(key, kind="stable")
    sorted_ = rows[order]
    new = np.ones(len(rows), bool)
    new[1:] = np.diff(key[order]) != 0
    starts = np.flatnonzero(new)
    place = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    return sorted_[place < SHOWN]


def _nights(alerts: Sent, answered: NDArray[np.int64]) -> NDArray[np.int64]:
    night = night_of(alerts.mjd)
    one = np.ones(len(night), np.int64)
    got = np.bincount(answered, minlength=len(night))
    return _added_nights(np.stack([night, one, got], 1))


def _added_nights(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same counts with each night once, in order."""
    nights, of = numbered(rows[:, 0])
    sums = [np.bincount(of, weights=rows[:, k], minlength=len(nights)) for k in (1, 2)]
    return np.stack([nights, *sums], 1).astype(np.int64)


def merge(tallies: Sequence[Tally], plan: Plan) -> Tally:
    """The sum of tallies of the same plan, in the order given."""
    return Tally(
        arrays=_merged([t.arrays for t in tallies], plan),
        counted=Counted(
            sent=sum(t.counted.sent for t in tallies),
            on_time=sum(t.counted.on_time for t in tallies),
            late=sum(t.counted.late for t in tallies),
            missing=sum(t.counted.missing for t in tallies),
        ),
        defects=np.sum([t.defects for t in tallies], axis=0),
        unanswered=np.sum([t.unanswered for t in tallies], axis=0),
        given=(),
        members=_first_of_each(np.concatenate([t.members for t in tallies])),
        nights=_added_nights(np.concatenate([t.nights for t in tallies])),
        objects=sum(t.objects for t in tallies),
        ever_answered=sum(t.ever_answered for t in tallies),
        latencies=latency.total([t.latencies for t in tallies]),
    )


def _merged(parts: Sequence[Mapping[Key, NDArray]], plan: Plan) -> dict[Key, NDArray]:
    arrays: dict[Key, NDArray] = {}
    every, last = (
        tuple(range(len(plan.points))),
        tuple(a for a, p in enumerate(plan.points) if p.axis == "last"),
    )
    groups = [(ALL, plan.states, every), (ALL, plan.history_states, last)]
    groups += [(label, plan.slice_states, plan.slice_points) for _, _, label in plan.slices]
    for slice_, states, points in groups:
        for state in states:
            for a in points:
                names = [key[3] for key in parts[0] if key[:3] == (a, slice_, state.name)]
                pieces = [{name: part[a, slice_, state.name, name] for name in names} for part in parts]
                merged = state.merge(pieces)
                arrays |= {(a, slice_, state.name, name): merged[name] for name in names}
    return arrays


def placed(
    alerts: Sent,
    answers: Classifications,
    spec: Scoring,
    *,
    row: NDArray[np.int64],
    points: tuple[Point, ...],
) -> tuple[Sent, NDArray[np.int64]]:
    """The alerts with what a classifier's answers add to their axes, and the answer in force, i8[n, A].

    row: i8[k], the alert that each answer belongs to, -1 for one that does not count.
    """
    if spec.answers:
        alerts = with_answers(alerts, answers, row)
    at_hand = as_received(alerts, answers, row) if spec.as_of == "received" else alerts
    return alerts, in_force(at_hand, answers, row=row, points=points)


def used_rows(alerts: Sent, answers: Classifications, spec: Scoring, *, where: str) -> NDArray[np.int64]:
    """The alert that each answer belongs to, i8[k], -1 for one that is late."""
    row, _, in_time = _arrivals(alerts, answers, spec, where)
    return np.where(in_time, row, -1)


def _arrivals(
    alerts: Sent, answers: Classifications, spec: Scoring, where: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Alert of each answer, the latencies in us of those with a time, and whether each was in time."""
    row = _rows(alerts, answers, where)
    timed = answers.published != NO_TIME
    delay = np.where(timed, answers.published, 0) - np.where(timed, alerts.sent[row], 0)
    if spec.deadline_s is None:
        return row, delay[timed], np.ones(len(row), bool)
    # Submitted in a file without times: nothing says that it was late.
    return row, delay[timed], ~timed | (delay <= round(spec.deadline_s * 1e6))


def _rows(alerts: Sent, answers: Classifications, where: str) -> NDArray[np.int64]:
    row = match(alerts.alert_id, answers.alert_id)
    if (row < 0).any():
        stray = answers.alert_id[row < 0][0]
        raise AccountingError(f"{where}: expected answers to alerts of this part, got one to {stray}")
    twice = np.bincount(row, minlength=1) > 1
    if twice.any():
        alert = alerts.alert_id[np.argmax(twice)]
        raise AccountingError(f"{where}: expected one accepted answer an alert, got two to {alert}")
    return row


def class_rows(class_id: NDArray[np.int32], layout: Layout) -> NDArray[np.int64]:
    """Index into layout.truth, i8[n], -1 for a class that is not scored."""
    row = match(np.array(layout.of_run.truth, np.int64), class_id.astype(np.int64))
    return row if layout.row is None else np.where(row < 0, -1, layout.row[row])
