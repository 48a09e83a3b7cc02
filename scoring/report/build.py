"""Scores as one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path

from brokerbench.store import Folder

__all__ = ["write_report"]


def write_report(run: Folder, out: Path, *, scores: Path | None = None) -> Path:
    """The path of the HTML page made of a run's scores (RUN/scores where `scores` is None)."""
    raise NotImplementedError
