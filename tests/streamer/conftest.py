"""Fixtures of the streamer's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from brokerbench.store import Folder
from streamer.alerts import prepare
from tests.streamer.runs import make_run


@pytest.fixture
def run(tmp_path: Path) -> Folder:
    """A small run."""
    return make_run(tmp_path / "run")


@pytest.fixture
def stream_run(run: Folder) -> Folder:
    """A small run with its stream prepared."""
    prepare(run)
    return run
