"""Fixtures for a classifier's own tests: `pip install brokerbench` makes them known to pytest.

    def test_my_broker_still_beats_chance(brokerbench_score):
        scores = brokerbench_score("my_broker.py")
        assert scores.value("macro_f1") > 0.5
        assert scores.value("macro_f1", detection=1) > 0.3

The sky is the challenge "ci" (or another one, named on pytest's command line with
``--brokerbench-challenge``); it is simulated once a session, with a fixed seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from brokerbench.errors import UnknownName

if TYPE_CHECKING:
    from brokerbench.store import Folder

__all__ = ["BrokerScores", "brokerbench_run", "brokerbench_score", "brokerbench_training"]


@dataclass(frozen=True)
class BrokerScores:
    """The scores of one broker on one run."""

    run: Path
    table: Any  # scores.parquet as brokerbench.tables.Scores

    def value(self, metric: str, *, detection: int | None = None, days: float | None = None) -> float:
        """A metric over all objects: at the last answer, the n-th detection, or days after the first alert.

        UnknownName where the run was not scored there.
        """
        rows = (self.table.metric == metric) & (self.table.slice == "all") & (self.table.class_id == -1)
        if detection is not None:
            rows &= (self.table.axis == "detection") & (self.table.at == detection)
        elif days is not None:
            rows &= (self.table.axis == "days") & (self.table.at == days)
        else:
            rows &= self.table.axis == "last"
        if rows.sum() != 1:
            raise UnknownName(
                f"scores: expected one value of {metric} there, got {rows.sum()}; "
                f"metrics: {', '.join(sorted(set(self.table.metric)))}"
            )
        return float(self.table.value[rows][0])


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--brokerbench-challenge``."""
    group = parser.getgroup("brokerbench")
    group.addoption(
        "--brokerbench-challenge",
        default="ci",
        help="challenge that the brokerbench fixtures simulate: a name or the path of a .toml file",
    )


@pytest.fixture(scope="session")
def brokerbench_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The challenge's survey, simulated and played to a spool."""
    return _simulated(request, tmp_path_factory, training=False)


@pytest.fixture(scope="session")
def brokerbench_training(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The challenge's training run: other objects, its alerts ready for `labelled_batches`."""
    return _simulated(request, tmp_path_factory, training=True)


@pytest.fixture
def brokerbench_score(
    request: pytest.FixtureRequest, brokerbench_run: Folder, tmp_path: Path
) -> Callable[..., BrokerScores]:
    """A function (broker name or path, model=None) -> BrokerScores on `brokerbench_run`."""
    import shutil

    from brokerbench.store import Folder as StoreFolder
    from brokerbench.store import read_table
    from brokerbench.tables import Scores
    from challenges.challenge import find_challenge
    from challenges.pipeline import Link, run_broker, score_run

    challenge = find_challenge(request.config.getoption("--brokerbench-challenge"))

    def score(broker: str | Path, *, model: Path | None = None) -> BrokerScores:
        copy = tmp_path / f"run-{len(list(tmp_path.glob('run-*')))}"
        shutil.copytree(brokerbench_run.path, copy)
        run = StoreFolder.open(copy, kind="run")
        run_broker(run, str(broker), Link(), model=model)
        scores = score_run(run, Link(), spec=challenge.scoring)
        return BrokerScores(run=copy, table=read_table(scores.path / "scores.parquet", Scores))

    return score


def _simulated(request: pytest.FixtureRequest, factory: pytest.TempPathFactory, *, training: bool) -> Folder:
    from challenges.challenge import find_challenge
    from challenges.pipeline import Link, play_run, prepared
    from simulate.generate import generate

    challenge = find_challenge(request.config.getoption("--brokerbench-challenge"))
    simulation = challenge.training_simulation() if training else challenge.simulation()
    run = generate(simulation, factory.mktemp("brokerbench") / "run")
    prepared(run, challenge.stream)
    if not training:
        play_run(run, Link())
    return run
