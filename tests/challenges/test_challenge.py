"""A challenge is one TOML file, strictly read."""

from __future__ import annotations

from pathlib import Path

import pytest

from brokerbench.errors import ConfigError, UnknownName
from challenges.challenge import challenge_names, find_challenge, scaled
from simulate.registries import CADENCES, SOURCES
from streamer.schemas import SCHEMAS

TEXT = (Path(__file__).parents[2] / "challenges" / "demo.toml").read_text()


@pytest.mark.parametrize("name", challenge_names())
def test_every_challenge_names_things_that_exist(name: str) -> None:
    challenge = find_challenge(name)
    assert challenge.name == name
    assert challenge.survey.cadence.use in CADENCES
    assert all(p.source in SOURCES for p in challenge.population)
    assert challenge.stream.schema in SCHEMAS
    assert challenge.summary


def test_there_are_challenges() -> None:
    assert "demo" in challenge_names()


def test_the_training_run_has_other_objects() -> None:
    challenge = find_challenge("demo")
    learn, run = challenge.training_simulation(), challenge.simulation()
    assert learn.seed != run.seed
    assert [p.source for p in learn.population] == [p.source for p in run.population]
    assert learn.population[0].count == run.population[0].count // 2  # type: ignore[operator]


def test_a_population_never_scales_to_nothing() -> None:
    populations = find_challenge("demo").population
    assert all(p.count == 1 for p in scaled(populations, 1e-9))
    with pytest.raises(ConfigError, match="scale: expected a positive number, got 0"):
        scaled(populations, 0)


def test_an_unknown_challenge_is_an_error_with_a_hint() -> None:
    with pytest.raises(UnknownName, match="got 'dmo'; did you mean 'demo'"):
        find_challenge("dmo")


@pytest.mark.parametrize(
    "before, after, message",
    [
        ("count = 3000", "cuont = 3000", r"population\[0\].cuont: expected a known key.*'count'"),
        ("count = 3000", 'count = "many"', r"population\[0\].count: expected int"),
        ("seed = 20260102", "seed = 20260101", "training.seed: expected another seed"),
        ("count = 3000", "count = -1", "expected count of 0 or more, got -1"),
        ("[stream]", "[streams]", "streams: expected a known key.*'stream'"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in TEXT
    file = tmp_path / "c.toml"
    file.write_text(TEXT.replace(before, after, 1))
    with pytest.raises(ConfigError, match=message):
        find_challenge(str(file))
