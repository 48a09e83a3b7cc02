"""Light curves of single objects with what each classifier said while they went on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.ids import ROW_BITS, unpermute
from brokerbench.store import Folder
from brokerbench.tables import BANDS, LightCurves, Objects, Visits
from scoring.join import match
from scoring.report.payload import rounded
from scoring.scope import scoped
from scoring.sources import Answers, RunParts, find_answers, open_run
from scoring.timeline import Sent

__all__ = ["BYTES", "cell_members", "examples"]

PARTS_READ = 40
SHOWN_CLASSES = 8
SHOWN_POINTS = 400
"""Points of a light curve: all detections, and as many of the others as there is room for."""

QUANTILE = 0.8
"""Which object stands for its class: the one at this quantile of the number of alerts."""

BYTES = 6_000_000
"""Of the page, for light curves: with plotly.js and the tables it stays below 15 MB."""


def examples(
    run: Folder,
    truth: Sequence[int],
    *,
    scopes: Mapping[str, Sequence[int]] | None = None,
    members: Iterable[int] = (),
    limit: int = BYTES,
) -> list[dict[str, Any]]:
    """Objects with light curve and histories of probability, an empty list where the run keeps no curves.

    First two of each class of `truth`, chosen by the number of their alerts and never by an answer;
    then `members`, ids in order of urgency, as long as all together stay below `limit` bytes and few
    parts need to be read. `cell` is true of the latter. scopes: as scored, for the labels.
    """
    if not (run.path / "light_curves").is_dir():
        return []
    parts = open_run(run)
    known = find_answers(run, parts.parts)
    there = {a.folder.path.name for a in known} | {a.label for a in known}
    answers = scoped(known, {name: ids for name, ids in (scopes or {}).items() if name in there})
    visits = run.read("visits", "all", Visits)
    shown = sorted(_of_classes(parts, answers, visits, truth), key=lambda e: e["class_id"])
    left = limit - sum(_size(e) for e in shown)
    had = {e["object_id"] for e in shown}
    wanted = [i for i in dict.fromkeys(members) if str(i) not in had]
    for one in _of_members(parts, answers, visits, wanted):
        left -= _size(one)
        if left < 0:
            break
        shown.append(one)
    return shown


def cell_members(classifiers: Sequence[Mapping[str, Any]], points: Sequence[str]) -> Iterator[int]:
    """Ids of the objects that cells of the confusion matrices name: of each cell one, then the next.

    points: keys, the most looked at first.
    """
    found = [cells for key in points for c in classifiers for cells in c["members"].get(key, {}).values()]
    for k in range(max(map(len, found), default=0)):
        yield from (int(ids[k]) for ids in found if k < len(ids))


def _size(entry: Mapping[str, Any]) -> int:
    return len(json.dumps(entry, separators=(",", ":")))


def _of_classes(
    parts: RunParts, answers: Sequence[Answers], visits: Visits, truth: Sequence[int]
) -> Iterator[dict[str, Any]]:
    wanted = dict.fromkeys(truth, 2)
    # The first chunk of every population comes first: PP-CCCCC sorted by chunk.
    for part in sorted(parts.parts, key=lambda p: (p[3:], p[:2]))[:PARTS_READ]:
        alerts = parts.sent(part)
        rows = _stand_ins(alerts, wanted)
        if len(rows):
            curves = _Curves.read(parts, part, alerts, answers, visits)
            yield from (curves.entry(row, cell=False) for row in rows)
        if not any(wanted.values()):
            return


def _stand_ins(alerts: Sent, wanted: dict[int, int]) -> list[int]:
    counts = np.bincount(alerts.object, minlength=len(alerts.object_id))
    picked: list[int] = []
    for class_id, left in wanted.items():
        mine = np.flatnonzero(alerts.class_id == class_id)
        if not left or not len(mine):
            continue
        ranked = mine[np.argsort(counts[mine], kind="stable")]
        at = min(round(QUANTILE * (len(mine) - 1)), len(mine) - left) if len(mine) > left else 0
        chosen = ranked[at : at + left].tolist()
        wanted[class_id] -= len(chosen)
        picked += chosen
    return picked


def _of_members(
    parts: RunParts, answers: Sequence[Answers], visits: Visits, wanted: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Entries of the wanted objects in their order, but for those beyond the parts that are read."""
    of_part: dict[str, list[int]] = {}
    for item, part in zip(wanted, _parts_of(parts, wanted), strict=True):
        if part and (part in of_part or len(of_part) < PARTS_READ):
            of_part.setdefault(part, []).append(item)
    found: dict[int, dict[str, Any]] = {}
    for part, ids in of_part.items():
        alerts = parts.sent(part)
        curves = _Curves.read(parts, part, alerts, answers, visits)
        rows = match(alerts.object_id, np.array(ids, np.int64))
        found |= {i: curves.entry(r, cell=True) for i, r in zip(ids, rows.tolist(), strict=True) if r >= 0}
    yield from (found[i] for i in wanted if i in found)


def _parts_of(parts: RunParts, ids: Sequence[int]) -> list[str]:
    """The part that each object lies in, by its id (brokerbench.ids); "" for none of the run's."""
    names = {(int(p[:2]) << 20) + int(p[3:]): p for p in parts.parts}
    seed = int(parts.run.manifest.get("seed", 0))
    number = unpermute(seed, "object", np.array(ids, np.int64)) >> ROW_BITS
    return [names.get(n, "") for n in number.tolist()]


@dataclass(frozen=True)
class _Curves:
    """One part's light curves, visits and answers, the latter with their alert and in order of time."""

    alerts: Sent
    truth: Objects
    curves: LightCurves
    visits: Visits
    bands: tuple[str, ...]
    said: tuple[tuple[Answers, NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]], ...]

    @classmethod
    def read(
        cls, parts: RunParts, part: str, alerts: Sent, answers: Sequence[Answers], visits: Visits
    ) -> _Curves:
        curves, truth = parts.run.read("light_curves", part, LightCurves), parts.truth(part)
        if len(curves) != len(truth):
            raise InputError(
                f"{parts.run.file('light_curves', part)}: expected {len(truth)} light curves, one an "
                f"object, got {len(curves)}"
            )
        said = []
        for one in answers:
            table = one.part(part)
            alert = match(alerts.alert_id, table.alert_id)
            order = np.lexsort((alerts.mjd[alert], alerts.object[alert]))
            said.append((one, table.probability[order], alert[order], alerts.object[alert[order]]))
        bands = tuple(parts.run.manifest.get("bands", BANDS))
        return cls(alerts, truth, curves, visits, bands, tuple(said))

    def entry(self, row: int, *, cell: bool) -> dict[str, Any]:
        """One object, by its row of the alerts, as plain dicts and lists."""
        item = int(self.alerts.truth_row[row])
        at = self._points(item)
        visit = self.curves.visit[at]
        return {
            "object_id": str(int(self.alerts.object_id[row])),
            "class_id": int(self.alerts.class_id[row]),
            "cell": cell,
            "z": rounded([self.truth.z[item]])[0],
            "alerts": int((self.alerts.object == row).sum()),
            "bands": list(self.bands),
            "mjd": [round(t, 3) for t in self.visits.mjd[visit].tolist()],
            "band": self.visits.band[visit].tolist(),
            "flux": rounded(self.curves.flux[at]),
            "flux_err": rounded(self.curves.flux_err[at], digits=3),
            "detected": self.curves.detected[at].astype(int).tolist(),
            "said": {one.label: self._history(one, p, a, i, row=row) for one, p, a, i in self.said},
        }

    def _points(self, item: int) -> NDArray[np.int64]:
        """Rows of a light curve in order of time."""
        rows = np.arange(self.curves.offsets[item], self.curves.offsets[item + 1])
        rows = rows[np.isfinite(self.curves.flux[rows])]
        found = self.curves.detected[rows]
        others = rows[~found]
        room = max(SHOWN_POINTS - int(found.sum()), 0)
        if len(others) > room:
            others = others[np.linspace(0, len(others) - 1, room).astype(np.int64)]
        rows = np.concatenate([rows[found], others])
        return rows[np.argsort(self.visits.mjd[self.curves.visit[rows]], kind="stable")]

    def _history(
        self,
        answers: Answers,
        probability: NDArray[np.float32],
        alert: NDArray[np.int64],
        item: NDArray[np.int64],
        *,
        row: int,
    ) -> dict[str, Any]:
        """Times and probabilities of one object: its classes of largest probability."""
        mine = slice(*np.searchsorted(item, [row, row + 1]).tolist())
        p = probability[mine]
        top = np.sort(np.argsort(-p.max(0, initial=0.0), kind="stable")[:SHOWN_CLASSES])
        top = top[p[:, top].max(0, initial=0.0) >= 0.005] if len(p) else top
        return {
            "mjd": [round(t, 3) for t in self.alerts.mjd[alert[mine]].tolist()],
            "classes": [answers.classes[k] for k in top.tolist()],
            "p": [rounded(p[:, k], digits=3) for k in top.tolist()],
        }
