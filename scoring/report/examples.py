"""A few light curves with what each classifier said while they went on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.store import Folder
from brokerbench.tables import BANDS, LightCurves, Objects, Visits
from scoring.join import match
from scoring.report.payload import rounded
from scoring.scope import scoped
from scoring.sources import Answers, RunParts, find_answers, open_run
from scoring.timeline import Sent

__all__ = ["examples"]

PARTS_READ = 40
SHOWN_CLASSES = 8
QUANTILE = 0.8
"""Which object stands for its class: the one at this quantile of the number of alerts."""


def examples(
    run: Folder, truth: Sequence[int], *, scopes: Mapping[str, Sequence[int]] | None = None, each: int = 2
) -> list[dict[str, Any]]:
    """Objects of each class of `truth` with light curve and histories of probability.

    At most `each` a class, from the first parts that hold the class; an empty list where the run
    keeps no light curves. The choice depends on the run alone, not on any answer. scopes: as scored,
    for the labels.
    """
    if not (run.path / "light_curves").is_dir():
        return []
    parts = open_run(run)
    visits = run.read("visits", "all", Visits)
    answers = scoped(find_answers(run, parts.parts), scopes or {})
    bands = tuple(run.manifest.get("bands", BANDS))
    wanted = dict.fromkeys(truth, each)
    shown: list[dict[str, Any]] = []
    for part in _first_parts(parts.parts):
        alerts = parts.sent(part)
        rows = _stand_ins(alerts, wanted)
        if len(rows):
            shown += _of_part(parts, part, alerts, rows=rows, answers=answers, visits=visits, bands=bands)
        if not any(wanted.values()):
            break
    return sorted(shown, key=lambda e: e["class_id"])


def _first_parts(parts: Sequence[str]) -> list[str]:
    """Parts with the first chunk of every population first: PP-CCCCC sorted by chunk."""
    return sorted(parts, key=lambda p: (p[3:], p[:2]))[:PARTS_READ]


def _stand_ins(alerts: Sent, wanted: dict[int, int]) -> NDArray[np.int64]:
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
    return np.array(picked, np.int64)


def _of_part(
    parts: RunParts,
    part: str,
    alerts: Sent,
    *,
    rows: NDArray[np.int64],
    answers: Sequence[Answers],
    visits: Visits,
    bands: Sequence[str],
) -> list[dict[str, Any]]:
    curves = parts.run.read("light_curves", part, LightCurves)
    truth: Objects = parts.truth(part)
    if len(curves) != len(truth):
        raise InputError(
            f"{parts.run.file('light_curves', part)}: expected {len(truth)} light curves, one an object, "
            f"got {len(curves)}"
        )
    tables = [(a, a.part(part)) for a in answers]
    shown = []
    for row in rows.tolist():
        item = int(alerts.truth_row[row])
        span = slice(int(curves.offsets[item]), int(curves.offsets[item + 1]))
        seen = np.isfinite(curves.flux[span])
        visit = curves.visit[span][seen]
        order = np.argsort(visits.mjd[visit], kind="stable")
        shown.append(
            {
                "object_id": str(int(alerts.object_id[row])),
                "class_id": int(alerts.class_id[row]),
                "z": rounded([truth.z[item]])[0],
                "alerts": int((alerts.object == row).sum()),
                "bands": list(bands),
                "mjd": [round(t, 4) for t in visits.mjd[visit][order].tolist()],
                "band": visits.band[visit][order].tolist(),
                "flux": rounded(curves.flux[span][seen][order]),
                "flux_err": rounded(curves.flux_err[span][seen][order]),
                "detected": curves.detected[span][seen][order].astype(int).tolist(),
                "said": {a.label: _history(a, t.alert_id, t.probability, alerts, row) for a, t in tables},
            }
        )
    return shown


def _history(
    answers: Answers,
    alert_id: NDArray[np.int64],
    probability: NDArray[np.float32],
    alerts: Sent,
    row: int,
) -> dict[str, Any]:
    """Times and probabilities of one object: its classes of largest probability, the rest in one."""
    of_alert = match(alerts.alert_id, alert_id)
    mine = np.flatnonzero(alerts.object[of_alert] == row)
    mine = mine[np.argsort(alerts.mjd[of_alert[mine]], kind="stable")]
    p = probability[mine]
    top = np.sort(np.argsort(-p.max(0, initial=0.0), kind="stable")[:SHOWN_CLASSES])
    return {
        "mjd": [round(t, 4) for t in alerts.mjd[of_alert[mine]].tolist()],
        "classes": [answers.classes[k] for k in top.tolist()],
        "p": [rounded(p[:, k]) for k in top.tolist()],
    }
