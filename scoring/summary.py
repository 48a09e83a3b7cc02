"""What scores.json says beside the scores: run, policies, classifiers, books, latencies, defects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import brokerbench
from brokerbench.config import encode
from brokerbench.store import Folder, file_sha256
from brokerbench.taxonomy import ELASTICC2
from scoring.accounting import Books
from scoring.latency import DEADLINES, PERCENTILES, Latencies
from scoring.reliability import TOP
from scoring.snapshot import DEFECTS
from scoring.sources import Answers, RunParts
from scoring.tally import ALL, Plan, Tally

__all__ = ["summary"]

FORMAT = 1


def summary(
    parts: RunParts,
    answers: Sequence[Answers],
    tallies: Sequence[Tally],
    *,
    plans: Sequence[Plan],
    books: Sequence[Books],
) -> dict[str, Any]:
    """The content of scores.json but for the metrics, as plain dicts and lists without NaN."""
    plan, counted = plans[0], tallies[0]
    whole = plan.layout.of_run
    ids = sorted({*whole.truth, *(c for p in plans for c in p.layout.columns)})
    return {
        "format": FORMAT,
        "generator": f"brokerbench {brokerbench.__version__}",
        "run": _run(parts.run, parts.ledger),
        "spec": encode(plan.spec),
        "classes": [int(c) for c in whole.truth],
        "prior": whole.prior.tolist(),
        "class_counts": {str(c): round(p * counted.objects) for c, p in _prior(plan)},
        "names": {str(c): ELASTICC2.name_of(c) for c in ids},
        "points": [{"key": p.key, "axis": p.axis, "at": finite(p.at), "label": p.label} for p in plan.points],
        "objects": counted.objects,
        "classifiers": [_classifier(*row) for row in zip(answers, tallies, plans, books, strict=True)],
    }


def _prior(plan: Plan) -> list[tuple[int, float]]:
    whole = plan.layout.of_run
    return list(zip(whole.truth, whole.prior.tolist(), strict=True))


def finite(value: float) -> float | None:
    """The value, None where JSON has no word for it."""
    return float(value) if math.isfinite(value) else None


def _run(run: Folder, ledger: Folder) -> dict[str, Any]:
    manifest = run.manifest
    kept = ("name", "origin", "seed", "taxonomy", "sources", "generator", "version")
    return {
        **{k: manifest[k] for k in kept if k in manifest},
        "folder": run.path.name,
        "manifest_sha256": file_sha256(run.path / "manifest.json"),
        "ledger_sha256": file_sha256(ledger.path / "manifest.json"),
    }


def _classifier(answers: Answers, counted: Tally, plan: Plan, books: Books) -> dict[str, Any]:
    return {
        "label": answers.label,
        "folder": answers.folder.path.name,
        **answers.classifier,
        "classes": list(answers.classes),
        "scope": list(answers.scope),
        "scope_from": answers.scope_from,
        "scope_fault": answers.scope_fault,
        "truth": list(plan.layout.truth),
        "manifest_sha256": file_sha256(answers.folder.path / "manifest.json"),
        "accounting": asdict(books),
        "objects": {"sent": counted.objects, "answered": counted.ever_answered},
        "unanswered": {p.key: int(n) for p, n in zip(plan.points, counted.unanswered, strict=True)},
        "defects": {
            p.key: dict(zip(DEFECTS, row, strict=True))
            for p, row in zip(plan.points, counted.defects.tolist(), strict=True)
        },
        "latency": _latency(counted.latencies, plan.spec.confidence),
        "nights": counted.nights.tolist(),
        "members": _members(counted, plan),
        "reliability": _reliability(counted, plan),
        "faults": answers.folder.manifest.get("faults", {}),
    }


def _members(counted: Tally, plan: Plan) -> dict[str, dict[str, list[str]]]:
    """Some objects of each cell of the confusion matrix: point -> "true,given" -> ids as text."""
    names = [*plan.layout.columns, -1]
    found: dict[str, dict[str, list[str]]] = {p.key: {} for p in plan.points}
    for a, t, c, object_id in counted.members.tolist():
        cell = f"{plan.layout.truth[t]},{names[c]}"
        found[plan.points[a].key].setdefault(cell, []).append(str(object_id))
    return found


def _reliability(counted: Tally, plan: Plan) -> dict[str, Any]:
    """Answers, mean confidence and fraction right in each bin of confidence; empty where not counted."""
    found = {}
    for a, point in enumerate(plan.points):
        key = (a, ALL, TOP.name)
        if (*key, "cells") not in counted.arrays:
            return {}
        arrays = {name: counted.arrays[(*key, name)] for name in ("cells", "sums")}
        seen = TOP.statistics(plan.layout, arrays)
        n = seen["n"]
        held = n > 0
        found[point.key] = {
            "n": n[held].tolist(),
            "stated": (seen["stated"][held] / n[held]).round(5).tolist(),
            "right": (seen["hits"][held] / n[held]).round(5).tolist(),
        }
    return found


def _latency(of: Latencies, confidence: float) -> dict[str, Any]:
    edges, counts = of.histogram()
    percentiles = []
    for percent in PERCENTILES:
        low, high = of.interval(percent, confidence=confidence)
        percentiles.append(
            {
                "percent": percent,
                "value": finite(of.percentile(percent)),
                "low": finite(low),
                "high": finite(high),
            }
        )
    return {
        "unit": "s",
        "clock": "published - sent, both from the transport",
        "n": of.n,
        "negative": of.negative,
        "low": of.low / 1e6 if of.n else None,
        "high": of.high / 1e6 if of.n else None,
        "percentiles": percentiles,
        "within": [{"seconds": s, "answers": of.within(s)} for s in DEADLINES],
        "log10_edges": edges,
        "counts": counts,
    }
