"""What the page shows, as plain dicts and lists: scores, confusion cells, books, latencies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from brokerbench.store import Folder, read_table
from brokerbench.tables import Confusion, Scores
from scoring.leaderboard import load_scores, scored_points

__all__ = ["payload", "rounded"]

DIGITS = 5
"""Significant digits in the page; the Parquet files keep them all."""


def payload(scores: Folder) -> dict[str, Any]:
    """scores.json with the tables folded in.

    values: metric -> classifier -> point -> [value, low, high, n, reason] or, for a metric of
    classes, class id -> that list. confusion: classifier -> point -> [[true, predicted, count]].
    slices: title -> point -> metric -> classifier -> [[label, value, low, high, n]].
    """
    table, about = load_scores(scores)
    cells = read_table(scores.path / "confusion.parquet", Confusion)
    keys = {(p.axis, None if math.isnan(p.at) else p.at): p.key for p in scored_points(about)}
    return {
        **about,
        "values": _values(table, about, keys),
        "confusion": _confusion(cells, keys),
        "slices": _slices(table, keys),
    }


def rounded(values: Any, digits: int = DIGITS) -> list[float | None]:
    """Numbers with few digits for JSON; None for what is not finite."""
    flat = np.asarray(values, float).tolist()
    return [float(f"{v:.{digits}g}") if math.isfinite(v) else None for v in flat]


def _values(table: Scores, about: dict[str, Any], keys: dict[Any, str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    value, low, high = (rounded(getattr(table, k)) for k in ("value", "low", "high"))
    for i in np.flatnonzero(table.slice == "all").tolist():
        point = _key(table.axis[i], table.at[i], keys)
        metric = str(table.metric[i])
        of = out.setdefault(metric, {}).setdefault(str(table.classifier[i]), {})
        entry = [value[i], low[i], high[i], int(table.n[i]), str(table.missing[i])]
        if about["metrics"][metric]["per_class"]:
            of.setdefault(point, {})[str(int(table.class_id[i]))] = entry
        else:
            of[point] = entry
    return out


def _slices(table: Scores, keys: dict[Any, str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    value, low, high = (rounded(getattr(table, k)) for k in ("value", "low", "high"))
    for i in np.flatnonzero((table.slice != "all") & (table.class_id == -1)).tolist():
        title, label = str(table.slice[i]).split(": ", 1)
        of = out.setdefault(title, {}).setdefault(_key(table.axis[i], table.at[i], keys), {})
        rows = of.setdefault(str(table.metric[i]), {}).setdefault(str(table.classifier[i]), [])
        rows.append([label, value[i], low[i], high[i], int(table.n[i])])
    return out


def _confusion(cells: Confusion, keys: dict[Any, str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for i in range(len(cells)):
        point = _key(cells.axis[i], cells.at[i], keys)
        row = [int(cells.true_id[i]), int(cells.predicted_id[i]), int(cells.count[i])]
        out.setdefault(str(cells.classifier[i]), {}).setdefault(point, []).append(row)
    return out


def _key(axis: str, at: float, keys: dict[Any, str]) -> str:
    return keys[axis, None if math.isnan(at) else at]
