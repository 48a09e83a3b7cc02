"""The table that orders classifiers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from brokerbench.errors import ConfigError, InputError, UnknownName, did_you_mean
from brokerbench.store import Folder, read_table
from brokerbench.tables import Scores
from scoring.axes import Point, find_point
from scoring.ties import tie_groups

__all__ = ["leaderboard", "load_scores", "scored_points"]


def load_scores(scores: Folder) -> tuple[Scores, dict[str, Any]]:
    """The table of scores and what scores.json says. InputError where either cannot be read."""
    file = scores.path / "scores.json"
    try:
        about = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: expected the summary of scores, got a file that cannot be read") from error
    return read_table(scores.path / "scores.parquet", Scores), about


def scored_points(about: Mapping[str, Any]) -> tuple[Point, ...]:
    """The points of a summary, in order."""
    return tuple(Point(p["axis"], math.nan if p["at"] is None else p["at"]) for p in about["points"])


def leaderboard(
    scores: Folder, *, by: str = "macro_f1", axis: str = "last", lineages: bool = False
) -> list[dict[str, Any]]:
    """Rows of rank, group, classifier, lineage, scope, value, low, high, n and missing, the best first.

    by: a metric with one value for all classes. axis: a point as ``last``, ``detection:3`` or
    ``days:8``. Equal values share a rank; an undefined value (None, with its reason in `missing`)
    comes last and has no rank. Raises UnknownName for a metric or ConfigError for a point that was
    not scored.

    `group` joins classifiers that the paired bootstrap does not tell apart from the first of their
    group (scoring.ties); None where it was not made, for another metric or without intervals.
    `lineage` is the classifier without its version: lineages=True keeps the best of each.
    `scope` is that of a partial classifier, () for any other: unlike scopes follow one another, each
    with its own ranks and groups, for their numbers answer different questions.
    """
    table, about = load_scores(scores)
    point = find_point(axis, scored_points(about))
    if by not in about["metrics"]:
        raise UnknownName(
            f"leaderboard: expected a metric that was scored, got {by!r}; "
            f"{did_you_mean(by, about['metrics'])}"
        )
    metric = about["metrics"][by]
    if metric["per_class"]:
        raise ConfigError(
            f"leaderboard: expected a metric over all classes, got {by!r}, which has one a class"
        )
    at = np.isnan(table.at) if math.isnan(point.at) else table.at == point.at
    chosen = np.flatnonzero((table.metric == by) & (table.axis == point.axis) & (table.slice == "all") & at)
    rows = [_row(table, int(i)) for i in chosen]
    sign = -1.0 if metric["direction"] == "higher" else 1.0
    rows.sort(
        key=lambda r: (r["value"] is None, 0.0 if r["value"] is None else sign * r["value"], r["classifier"])
    )
    known = {c["label"]: c for c in about["classifiers"]}
    for row in rows:
        row["lineage"] = _lineage(known[row["classifier"]])
        row["scope"] = tuple(known[row["classifier"]].get("scope", ()))
    if lineages:
        best = {(r["lineage"], r["scope"]): r["classifier"] for r in reversed(rows)}
        rows = [r for r in rows if best[r["lineage"], r["scope"]] == r["classifier"]]
    pairs = [p for p in about.get("pairs", ()) if p["point"] == axis and p["metric"] == by]
    scopes = sorted({r["scope"] for r in rows})
    return [row for s in scopes for row in _ranked([r for r in rows if r["scope"] == s], pairs)]


def _ranked(rows: list[dict[str, Any]], pairs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of one scope, best first, with group and rank."""
    if pairs:
        for row, group in zip(rows, tie_groups([r["classifier"] for r in rows], pairs), strict=True):
            row["group"] = None if row["value"] is None else group
    for i, row in enumerate(rows):
        same = i and row["value"] == rows[i - 1]["value"]
        row["rank"] = None if row["value"] is None else rows[i - 1]["rank"] if same else i + 1
    return rows


def _lineage(classifier: Mapping[str, Any]) -> str:
    return " ".join(str(classifier[k]) for k in ("broker", "name") if classifier.get(k))


def _row(table: Scores, i: int) -> dict[str, Any]:
    numbers = {k: float(getattr(table, k)[i]) for k in ("value", "low", "high")}
    return {
        "rank": None,
        "group": None,
        "classifier": str(table.classifier[i]),
        **{k: v if math.isfinite(v) else None for k, v in numbers.items()},
        "n": int(table.n[i]),
        "missing": str(table.missing[i]),
    }
