"""Nothing but physics tells a class."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import numpy as np
import pytest

from brokerbench.config import decode
from brokerbench.errors import InputError
from brokerbench.store import Folder
from simulate import SOURCES, CadenceChoice, Population, Survey, generate
from simulate.leaks import COLUMNS, columns_without_physics, leak_score
from tests.simulate.scenes import small_simulation

LIMIT = 4.0  # sigma; a fair guess passes it once in 30,000 tests


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """250 objects of each class that needs no file, over half a year."""
    names = [name for name in SOURCES if not (SOURCES[name].needs_files or SOURCES[name].needs_package)]
    survey = Survey(cadence=CadenceChoice(use="synthetic_wfd", options={"years": 0.5, "fields": 6}))
    simulation = small_simulation(
        survey=survey, population=[Population(source=name, count=250) for name in names]
    )
    return generate(simulation, tmp_path_factory.mktemp("leaks") / "run")


def test_classes_cannot_be_told_without_physics(mixed: Folder) -> None:
    table, labels = columns_without_physics(mixed)
    assert table.shape == (len(labels), len(COLUMNS))
    assert len(np.unique(labels)) >= 15
    leak = leak_score(table, labels, seed=1, per_class=250)
    assert leak.sigma < LIMIT, leak


CHALLENGES = sorted((Path(__file__).parents[2] / "challenges").glob("*.toml"))


@pytest.mark.parametrize("file", CHALLENGES, ids=lambda file: file.stem)
def test_no_challenge_tells_its_classes_without_physics(file: Path, tmp_path: Path) -> None:
    """Each challenge's own survey and mix, 300 objects of a population at most."""
    challenge = tomllib.loads(file.read_text())
    population = [decode(one, Population, where=file.name) for one in challenge["population"]]
    few = [msgspec.structs.replace(one, count=300, rate_scale=None) for one in population]
    survey = decode(challenge["survey"], Survey, where=file.name)
    run = generate(small_simulation(survey=survey, population=few), tmp_path / "run")
    leak = leak_score(*columns_without_physics(run), seed=1, per_class=300)
    assert leak.objects >= 600
    assert leak.sigma < LIMIT, leak


def test_there_are_challenges() -> None:
    assert len(CHALLENGES) >= 3


def test_sources_cannot_be_told_either(mixed: Folder) -> None:
    """Finer than classes: a type Ic is not told from a type Ib, nor an orphan from a fast blue transient."""
    table, _ = columns_without_physics(mixed)
    from brokerbench.tables import DiaObjects

    number = {}
    for part in mixed.parts:
        for i in mixed.read("dia_objects", part, DiaObjects).object_id:
            number[int(i)] = int(part[:2])
    sources = np.array([number[int(i)] for i in table[:, 0]], "i4")
    assert leak_score(table, sources, seed=2, per_class=250).sigma < LIMIT


@pytest.mark.parametrize("how", ["order", "visits", "season"])
def test_a_leak_is_found(mixed: Folder, how: str) -> None:
    """The test can fail: ids in order of class, a visit more for one class, another season."""
    table, labels = columns_without_physics(mixed)
    few = np.isin(labels, np.unique(labels)[:4])
    table, labels = table[few], labels[few]
    spoiled = table.copy()
    one = labels == labels[0]
    if how == "order":
        spoiled[:, 0] = np.argsort(np.argsort(labels, kind="stable"), kind="stable")
    elif how == "visits":
        spoiled[one, COLUMNS.index("visits")] += 40
    else:
        spoiled[one, COLUMNS.index("first_visit")] += 30.5
    assert leak_score(table, labels, seed=3, per_class=250).sigma < LIMIT
    assert leak_score(spoiled, labels, seed=3, per_class=250).sigma > LIMIT


def test_too_few_objects_are_refused() -> None:
    with pytest.raises(InputError, match="expected two classes of 20 objects or more, got 1 of 30"):
        leak_score(np.zeros((30, 2)), np.zeros(30, "i4"), seed=1)


def test_a_run_with_objects_that_nobody_saw_is_read(tmp_path: Path) -> None:
    """All places lie in the footprint, so that every object has a visit."""
    table, _ = columns_without_physics(generate(small_simulation(), tmp_path / "run"))
    assert np.isfinite(table).all()
    assert (table[:, COLUMNS.index("visits")] >= 1).all()
