"""Which measurements an alert carries: its object's history when the alert is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.tables import LightCurves, Visits

__all__ = ["FORCED_BEFORE", "Histories", "Trigger", "histories", "since"]

FORCED_BEFORE = 30.0
"""Forced photometry begins so many days before the first detection (ELAsTiCC, DPDD section 3.3)."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Trigger:
    """Which objects send alerts: detected in so many different visits, that span so many days.

    The default is ELAsTiCC's: two visits.
    """

    min_detections: int = 2
    min_gap_days: float = 0.0


@dataclass(frozen=True, eq=False)
class Histories:
    """Alerts of one part and where their history lies, by object, then by time.

    measured i8[m]: items of LightCurves with a finite flux, of objects that pass the trigger.
    sources i8[s]: the detected ones; position i8[s]: where they are among the measured; owner i8[s]: row
    of the object; begin i8[s]: first measured item of the object. Alert k is triggered by source k. Its
    earlier sources are sources[first[k]:k]; its forced photometry is
    measured[forced_start[k]:forced_stop[k]], and `forced` says whether it has any.
    """

    measured: Array
    sources: Array
    position: Array
    begin: Array
    owner: Array
    first: Array
    forced_start: Array
    forced_stop: Array
    forced: Array


def histories(
    light_curves: LightCurves,
    visits: Visits,
    trigger: Trigger = Trigger(),  # noqa: B008  frozen
) -> Histories:
    """The alerts of one part with their histories, in the way of ELAsTiCC.

    An alert for every detection of an object that passes the trigger. No forced photometry in the night
    of the first detection; later, every visit from FORCED_BEFORE days in front of the first detection up
    to the night before the alert's own. Visits without a finite flux are left out.
    """
    visit = light_curves.visit
    owner = np.repeat(np.arange(len(light_curves), dtype="i8"), np.diff(light_curves.offsets))
    mjd = visits.mjd[visit]
    good = np.isfinite(light_curves.flux) & np.isfinite(light_curves.flux_err)
    detected = light_curves.detected & good
    passed = _passes(light_curves, detected, mjd, trigger)
    measured = np.flatnonzero(good & passed[owner])
    if not _in_order(owner[measured], mjd[measured]):
        measured = measured[np.lexsort((mjd[measured], owner[measured]))]

    whose, night, when = owner[measured], visits.night[visit[measured]], mjd[measured]
    at = np.flatnonzero(detected[measured])  # positions of the sources among the measured
    by = whose[at]
    first = np.searchsorted(by, by, "left")
    begin = np.searchsorted(whose, by, "left")
    window = when < when[at[first]][np.searchsorted(by, whose, "left")] - FORCED_BEFORE
    before = np.concatenate([[0], np.cumsum(window)])
    new_night = np.ones(len(measured), "?")
    new_night[1:] = (whose[1:] != whose[:-1]) | (night[1:] != night[:-1])
    night_start = np.maximum.accumulate(np.where(new_night, np.arange(len(measured)), 0))
    end = np.searchsorted(whose, by, "right")
    start = begin + before[end] - before[begin]
    stop = night_start[at]
    forced = night[at] > night[at[first]]
    return Histories(
        measured=measured,
        sources=measured[at],
        position=at,
        begin=begin.astype("i8"),
        owner=by,
        first=first.astype("i8"),
        forced_start=np.where(forced, start, 0).astype("i8"),
        forced_stop=np.where(forced, stop, 0).astype("i8"),
        forced=forced,
    )


def since(times: Array, start: Array, stop: Array, earliest: Array) -> Array:
    """Index of the first of times[start[k]:stop[k]] that is at or after earliest[k], i8[n].

    times: f8[m] d, ascending between start and stop.
    """
    out = np.empty(len(start), "i8")
    _since(times, start, stop, earliest, out)
    return out


@numba.njit(cache=True, nogil=True)
def _since(times: Any, start: Any, stop: Any, earliest: Any, out: Any) -> None:
    for k in range(len(start)):
        low, high = start[k], stop[k]
        while low < high:
            middle = (low + high) // 2
            if times[middle] < earliest[k]:
                low = middle + 1
            else:
                high = middle
        out[k] = low


def _passes(light_curves: LightCurves, detected: Array, mjd: Array, trigger: Trigger) -> Array:
    """Whether each object is detected in enough different visits that span long enough, bool[objects]."""
    objects = len(light_curves)
    at = np.flatnonzero(detected)
    owner = np.searchsorted(light_curves.offsets, at, "right") - 1
    pairs = np.unique(np.stack([owner, light_curves.visit[at].astype("i8")]), axis=1)
    first, last = np.full(objects, np.inf), np.full(objects, -np.inf)
    np.minimum.at(first, owner, mjd[at])
    np.maximum.at(last, owner, mjd[at])
    enough = np.bincount(pairs[0], minlength=objects) >= max(1, trigger.min_detections)
    return enough & (last - first >= trigger.min_gap_days)


def _in_order(owner: Array, mjd: Array) -> bool:
    return bool(((np.diff(mjd) >= 0) | (np.diff(owner) > 0)).all())
