"""Answers of a run, scored against its truth."""

from __future__ import annotations

from pathlib import Path

from brokerbench.store import Folder
from scoring.spec import Scoring

__all__ = ["Scoring", "score"]


def score(run: Folder, *, spec: Scoring, out: Path | None = None, workers: int = 1) -> Folder:
    """The folder of scores of every classifier in a run, at `out` (RUN/scores where None)."""
    raise NotImplementedError
