"""Tables as DESC's TOM made them for ELAsTiCC, to check published numbers. Not for ranking.

Kept apart from the metrics because each has a flaw that the metrics avoid: `best` looks back over all
answers, histograms put p = 1 in a bin of its own, objects without an answer are left out, and what
sums to less than 1 stays so. Definitions: LSSTDESC/tom_desc, elasticc2 (commit cbe7863).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError, UnknownName, did_you_mean
from brokerbench.store import Folder
from brokerbench.tables import Classifications
from scoring.axes import AXES
from scoring.join import match
from scoring.sources import Answers, find_answers, open_run
from scoring.timeline import Sent

__all__ = ["PHASE_BINS", "PROBABILITY_BINS", "TomTables", "tom_tables", "width_bucket"]

PROBABILITY_BINS = 20
PHASE_BINS = (-30.0, 100.0, 5.0)
"""Days from true peak: from, to, step (ELAsTiCC 1)."""


@dataclass(frozen=True)
class TomTables:
    """Tables of one classifier. true: class ids of rows; classes: class ids of columns.

    last, best, nth: i8[T, K], objects by the class of largest probability: of their last answer, of
    the most probable of all answers, of the answer to their n-th alert (nothing where that one was
    not answered). probabilities: i8[T, K, 22], answers by width_bucket(p, 0, 1, 20): below 0, 20
    bins, 1 and above. phases: i8[T, K, 26 + 2, 22], the same by width_bucket of days from true peak.
    mean_probability: f8[T, K, 28], NaN where there is no answer.
    """

    true: tuple[int, ...]
    classes: tuple[int, ...]
    last: NDArray[np.int64]
    best: NDArray[np.int64]
    nth: NDArray[np.int64]
    probabilities: NDArray[np.int64]
    phases: NDArray[np.int64]
    mean_probability: NDArray[np.float64]


def width_bucket(values: NDArray, low: float, high: float, n: int) -> NDArray[np.int64]:
    """PostgreSQL's width_bucket: 0 below low, 1 .. n, n + 1 at high and above, i8 of the same shape."""
    at = np.floor((np.asarray(values, float) - low) / (high - low) * n).astype(np.int64) + 1
    return np.clip(np.where(np.asarray(values) >= high, n + 1, at), 0, n + 1)


def tom_tables(run: Folder, classifier: str, *, nth: int = 1) -> TomTables:
    """The tables of a classifier, by label or folder name. UnknownName where there is none."""
    parts = open_run(run)
    answers = find_answers(run, parts.parts)
    known = {a.folder.path.name: a for a in answers} | {a.label: a for a in answers}
    if classifier not in known:
        hint = did_you_mean(classifier, known)
        raise UnknownName(f"compat: expected a classifier, got {classifier!r}; {hint}")
    if nth < 1:
        raise InputError(f"compat: expected nth of at least 1, got {nth}")
    of = known[classifier]
    true = tuple(sorted(parts.class_counts()))
    shapes = _shapes(len(true), len(of.classes))
    sums = [np.zeros(s) for s in shapes]
    for part in parts.parts:
        for total, one in zip(sums, _of_part(parts.sent(part), of, part, true, nth), strict=True):
            total += one
    last, best, at_nth, probabilities, phases, mean = sums
    n = phases.sum(-1)
    mean = np.divide(mean, n, out=np.full(mean.shape, np.nan), where=n > 0)
    counts = (s.astype(np.int64) for s in (last, best, at_nth, probabilities, phases))
    names = ("last", "best", "nth", "probabilities", "phases")
    whole = dict(zip(names, counts, strict=True))
    return TomTables(true=true, classes=of.classes, mean_probability=mean, **whole)


def _shapes(t: int, k: int) -> list[tuple[int, ...]]:
    low, high, step = PHASE_BINS
    phases, bins = int((high - low) / step) + 2, PROBABILITY_BINS + 2
    return [(t, k), (t, k), (t, k), (t, k, bins), (t, k, phases, bins), (t, k, phases)]


def _of_part(alerts: Sent, of: Answers, part: str, true: tuple[int, ...], nth: int) -> list[NDArray]:
    given: Classifications = of.part(part)
    out = [np.zeros(s) for s in _shapes(len(true), len(of.classes))]
    if not len(given):
        return out
    row = match(alerts.alert_id, given.alert_id)
    item = alerts.object[row]
    t = match(np.array(true, np.int64), alerts.class_id.astype(np.int64))[item]
    p = given.probability.astype(float)
    top = p.argmax(1)

    def count(into: NDArray, which: NDArray[np.int64]) -> None:
        np.add.at(into, (t[which], top[which]), 1)

    order = np.lexsort((given.published, alerts.mjd[row], item))
    count(out[0], order[np.flatnonzero(np.append(np.diff(item[order]) != 0, True))])
    order = np.lexsort((p.max(1), item))
    count(out[1], order[np.flatnonzero(np.append(np.diff(item[order]) != 0, True))])
    count(out[2], np.flatnonzero(alerts.coordinate[AXES.index("detection"), row] == nth))
    low, high, step = PHASE_BINS
    days = alerts.coordinate[AXES.index("phase"), row]
    phase = width_bucket(np.nan_to_num(days), low, high, int((high - low) / step))
    bins = width_bucket(p, 0.0, 1.0, PROBABILITY_BINS)
    k = np.arange(p.shape[1])
    np.add.at(out[3], (t[:, None], k, bins), 1)
    timed = np.flatnonzero(np.isfinite(days))  # PostgreSQL's bucket of no phase is no bucket
    cell = t[timed, None], k, phase[timed, None]
    np.add.at(out[4], (*cell, bins[timed]), 1)
    np.add.at(out[5], cell, p[timed])
    return out
