"""Synthetic runs for the tests of scoring."""

from __future__ import annotations

from pathlib import Path

import pytest

from brokerbench.store import Folder
from tests.scoring.runs import Answering, Survey, answer, guessing, write_run


@pytest.fixture
def played(tmp_path: Path) -> Folder:
    """A run of two parts, not answered yet."""
    return write_run(tmp_path / "run", Survey())


@pytest.fixture(scope="session")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A run answered by two classifiers; read only."""
    run = write_run(tmp_path_factory.mktemp("answered") / "run", Survey(objects=300, parts=3))
    classes = (2332, 2222, 2224, 2323, 2220, 200)
    answer(run, Answering("good", classes, guessing(classes, 3.0), answered=0.9))
    answer(run, Answering("poor", classes[:4], guessing(classes[:4], 0.3), delay_s=30.0))
    return run
