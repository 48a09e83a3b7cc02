"""The answer in force for each object at each point of its life.

As-of, never interpolated: at a point the answer in force is the last one, by the time of the
observation that it answers, at or before the point. Answers to one observation are ordered by when
the transport took them, then by alert id, so the order of rows never matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import AccountingError
from brokerbench.tables import NO_TIME, Classifications, Ledger, Objects
from brokerbench.taxonomy import ELASTICC2
from scoring.axes import AXES, Point, axis_numbers
from scoring.join import match

__all__ = [
    "Sent", "as_received", "eligible", "in_force", "in_force_plain", "is_transient", "sent", "with_answers",
]  # fmt: skip

DAY_TOLERANCE = 1e-9
"""Days that a time may exceed a limit by: MJD in float64 carries 7e-12 d."""


@dataclass(frozen=True)
class Sent:
    """One part's ledger joined to its truth: n objects that had alerts, m alerts."""

    object_id: NDArray[np.int64]  # [n]
    class_id: NDArray[np.int32]  # [n]
    truth_row: NDArray[np.int64]  # [n], row of the part's Objects
    reach: NDArray[np.float64]  # [X, n], how far each object goes on each of AXES; -inf: it has no such axis
    first: NDArray[np.float64]  # [X, n], where its first and last alert lie on each of AXES
    final: NDArray[np.float64]
    alert_id: NDArray[np.int64]  # [m]
    object: NDArray[np.int64]  # [m], row in object_id
    mjd: NDArray[np.float64]  # [m]
    sent: NDArray[np.int64]  # [m], us UTC
    coordinate: NDArray[np.float64]  # [X, m], where each alert lies on each of AXES
    stretch: NDArray[np.float64]  # [n], 1 + z, 1 where there is no redshift
    groups: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)  # [n] of each slice


def sent(truth: Objects, ledger: Ledger, *, where: str) -> Sent:
    """The alerts of one part with their objects.

    Raises AccountingError where the ledger holds an object without truth, or an alert twice.
    """
    truth_row = match(truth.object_id, ledger.object_id)
    if (truth_row < 0).any():
        stray = ledger.object_id[truth_row < 0][0]
        raise AccountingError(f"{where}: expected objects of the run's truth, got {stray} in the ledger")
    if (match(ledger.alert_id, ledger.alert_id) != np.arange(len(ledger))).any():
        raise AccountingError(f"{where}: expected each alert once in the ledger, got one twice")
    counts = np.bincount(truth_row, minlength=len(truth))
    rows = np.flatnonzero(counts)
    of_alert = (np.cumsum(counts > 0) - 1)[truth_row]
    alerts = np.bincount(of_alert, minlength=len(rows)).astype(np.float64)
    coordinate = _coordinates(truth, ledger, rows, of_alert, alerts)
    first, final = np.full((2, len(AXES), len(rows)), np.inf)
    final *= -1
    _ends(of_alert, coordinate, first, final)
    reach = np.full((len(AXES), len(rows)), np.inf)
    reach[AXES.index("detection")] = alerts
    for axis in ("phase", "rest_phase"):
        reach[AXES.index(axis), ~is_transient(truth.class_id[rows])] = -np.inf
    return Sent(
        object_id=truth.object_id[rows],
        class_id=truth.class_id[rows],
        truth_row=rows,
        reach=reach,
        first=first,
        final=final,
        alert_id=ledger.alert_id,
        object=of_alert,
        mjd=ledger.mjd,
        sent=ledger.sent,
        coordinate=coordinate,
        stretch=1.0 + np.nan_to_num(truth.z[rows].astype(np.float64)),
    )


@numba.njit(cache=True, nogil=True)
def _ends(of_alert, coordinate, first, final):  # type: ignore[no-untyped-def]
    """The least and the greatest coordinate of each object on each axis."""
    for x in range(len(coordinate)):
        for k in range(len(of_alert)):
            o, at = of_alert[k], coordinate[x, k]
            if at < first[x, o] or np.isnan(at):  # an object without a peak has no place on its axis
                first[x, o] = at
            if at > final[x, o] or np.isnan(at):
                final[x, o] = at


def _coordinates(
    truth: Objects, ledger: Ledger, rows: NDArray[np.int64], of_alert: NDArray[np.int64], alerts: NDArray
) -> NDArray[np.float64]:
    """Where each alert lies on each of AXES, f8[X, m]; 0 on "answer", which each classifier fills."""
    first = np.full(len(rows), np.inf)
    np.minimum.at(first, of_alert, ledger.mjd)
    phase = ledger.mjd - truth.t0[rows][of_alert]
    stretch = 1.0 + np.nan_to_num(truth.z[rows][of_alert].astype(np.float64))
    by_axis = {
        "last": np.zeros(len(ledger)),
        "detection": ledger.detection.astype(np.float64),
        "days": ledger.mjd - first[of_alert],
        "answer": np.zeros(len(ledger)),
        "phase": phase,
        "rest_phase": phase / stretch,
        "date": ledger.mjd,
        "fraction": ledger.detection / alerts[of_alert],
    }
    return np.stack([by_axis[axis] for axis in AXES])


def is_transient(class_id: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Whether each class is Non-Recurring: only those have a peak."""
    return np.isin(class_id, (2200, *ELASTICC2.descendants(2200)))


def with_answers(alerts: Sent, answers: Classifications, row: NDArray[np.int64]) -> Sent:
    """The same alerts with the axis "answer" filled: the number of each answer of its object."""
    used = np.flatnonzero(row >= 0)
    of = alerts.object[row[used]]
    order = np.lexsort((alerts.alert_id[row[used]], answers.published[used], alerts.mjd[row[used]], of))
    counts = np.bincount(of, minlength=len(alerts.object_id))
    number = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts) + 1.0
    axis = AXES.index("answer")
    coordinate, reach = alerts.coordinate.copy(), alerts.reach.copy()
    coordinate[axis] = np.inf
    coordinate[axis, row[used][order]] = number
    reach[axis] = counts
    return replace(alerts, coordinate=coordinate, reach=reach)


def as_received(alerts: Sent, answers: Classifications, row: NDArray[np.int64]) -> Sent:
    """The same alerts where their answers were at hand: the latency later on the axes that are times.

    A latency is the transport's, published less sent, in seconds of the clock whatever the speed at
    which the stream was played; a negative one counts as none, and so does an answer without a time.
    """
    used = np.flatnonzero((row >= 0) & (answers.published != NO_TIME))
    alert = row[used]
    days = np.maximum(answers.published[used] - alerts.sent[alert], 0) / 86_400e6
    coordinate = alerts.coordinate.copy()
    for axis in ("days", "phase", "date"):
        coordinate[AXES.index(axis), alert] += days
    coordinate[AXES.index("rest_phase"), alert] += days / alerts.stretch[alerts.object[alert]]
    return replace(alerts, coordinate=coordinate)


def eligible(alerts: Sent, points: tuple[Point, ...], *, denominator: str = "all") -> NDArray[np.bool_]:
    """Whether each object reaches each point, bool[n, A]: an object of 2 alerts has no third.

    denominator: "active" asks in addition that the point lies between the object's first and last
    alert. ("answered" is for whoever knows the answers.)
    """
    axis, limit = axis_numbers(points)
    finite = np.isfinite(limit)[:, None]
    reached = (alerts.reach[axis] >= np.where(finite, limit[:, None], 0.0)).T
    if denominator != "active":
        return reached
    begun = alerts.first[axis] <= limit[:, None] + DAY_TOLERANCE
    going = alerts.final[axis] >= np.where(finite, limit[:, None], -np.inf) - DAY_TOLERANCE
    return reached & (begun & going).T


def in_force(
    alerts: Sent, answers: Classifications, *, row: NDArray[np.int64], points: tuple[Point, ...]
) -> NDArray[np.int64]:
    """Row of the answer in force, i8[n, A], -1 for none.

    row: i8[k], the alert that each answer belongs to; -1 where the answer does not count (late).
    """
    axis, limit = axis_numbers(points)
    best = np.full((len(alerts.object_id), len(points)), -1, np.int64)
    _in_force(
        row,
        answers.published,
        alerts.object,
        alerts.mjd,
        alerts.alert_id,
        alerts.coordinate,
        axis,
        limit,
        best,
    )
    return best


def in_force_plain(
    alerts: Sent, answers: Classifications, *, row: NDArray[np.int64], points: tuple[Point, ...]
) -> NDArray[np.int64]:
    """What `in_force` returns, one object and point after the other."""
    axis, limit = axis_numbers(points)
    best = np.full((len(alerts.object_id), len(points)), -1, np.int64)
    for item in range(len(alerts.object_id)):
        mine = [k for k in range(len(answers)) if row[k] >= 0 and alerts.object[row[k]] == item]
        mine.sort(key=lambda k: (alerts.mjd[row[k]], answers.published[k], alerts.alert_id[row[k]]))
        for a in range(len(points)):
            for k in mine:
                if alerts.coordinate[axis[a], row[k]] <= limit[a] + DAY_TOLERANCE:
                    best[item, a] = k
    return best


@numba.njit(cache=True, nogil=True)
def _in_force(row, published, item, mjd, alert_id, coordinate, axis, limit, best):  # type: ignore[no-untyped-def]
    for k in range(len(row)):
        alert = row[k]
        if alert < 0:
            continue
        of = item[alert]
        for a in range(len(axis)):
            if coordinate[axis[a], alert] > limit[a] + DAY_TOLERANCE:
                continue
            held = best[of, a]
            if held >= 0:
                other = row[held]
                if mjd[other] > mjd[alert]:
                    continue
                if mjd[other] == mjd[alert]:
                    if published[held] > published[k]:
                        continue
                    if published[held] == published[k] and alert_id[other] > alert_id[alert]:
                        continue
            best[of, a] = k
