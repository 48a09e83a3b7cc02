"""The table that orders classifiers."""

from __future__ import annotations

from typing import Any

from brokerbench.store import Folder

__all__ = ["leaderboard"]


def leaderboard(scores: Folder, *, by: str = "macro_f1", axis: str = "last") -> list[dict[str, Any]]:
    """Rows rank, classifier, value, low, high, n, missing, best first. axis: last, detection:3, days:8."""
    raise NotImplementedError
