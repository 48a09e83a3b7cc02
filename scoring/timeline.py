"""The answer in force for each object at each point of its life.

As-of, never interpolated: at a point the answer in force is the last one, by the time of the
observation that it answers, at or before the point. Answers to one observation are ordered by when
the transport took them, then by alert id, so the order of rows never matters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import AccountingError
from brokerbench.tables import Classifications, Ledger, Objects
from scoring.axes import Point, axis_numbers
from scoring.join import match

__all__ = ["Sent", "eligible", "in_force", "in_force_plain", "sent"]

DAY_TOLERANCE = 1e-9
"""Days that a time may exceed a limit by: MJD in float64 carries 7e-12 d."""


@dataclass(frozen=True)
class Sent:
    """One part's ledger joined to its truth: n objects that had alerts, m alerts."""

    object_id: NDArray[np.int64]  # [n]
    class_id: NDArray[np.int32]  # [n]
    truth_row: NDArray[np.int64]  # [n], row of the part's Objects
    reach: NDArray[np.float64]  # [3, n], how far each object goes on each of AXES
    alert_id: NDArray[np.int64]  # [m]
    object: NDArray[np.int64]  # [m], row in object_id
    mjd: NDArray[np.float64]  # [m]
    sent: NDArray[np.int64]  # [m], us UTC
    coordinate: NDArray[np.float64]  # [3, m], where each alert lies on each of AXES


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
    rows, of_alert = np.unique(truth_row, return_inverse=True)
    of_alert = of_alert.reshape(-1).astype(np.int64)
    first = np.full(len(rows), np.inf)
    np.minimum.at(first, of_alert, ledger.mjd)
    alerts = np.bincount(of_alert, minlength=len(rows)).astype(np.float64)
    forever = np.full(len(rows), np.inf)
    since = ledger.mjd - first[of_alert]
    return Sent(
        object_id=truth.object_id[rows],
        class_id=truth.class_id[rows],
        truth_row=rows,
        reach=np.stack([forever, alerts, forever]),
        alert_id=ledger.alert_id,
        object=of_alert,
        mjd=ledger.mjd,
        sent=ledger.sent,
        coordinate=np.stack([np.zeros(len(ledger)), ledger.detection.astype(np.float64), since]),
    )


def eligible(alerts: Sent, points: tuple[Point, ...]) -> NDArray[np.bool_]:
    """Whether each object reaches each point, bool[n, A]: an object of 2 alerts has no third."""
    axis, limit = axis_numbers(points)
    return (alerts.reach[axis] >= limit[:, None]).T


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
