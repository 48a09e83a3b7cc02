"""Rates of the simulation, on one core."""

from __future__ import annotations

import resource
import shutil
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulate import CadenceChoice, Population, Simulation, Survey, generate
from simulate.chunk import make_chunk
from simulate.generate import Plan, plan

MIX = ("sn_ia", "rr_lyrae", "agn", "kilonova")


def simulation(count: int, *, years: float = 3.0, sources: tuple[str, ...] = MIX) -> Simulation:
    """As many objects of each class over a wide survey."""
    return Simulation(
        name="bench",
        seed=1,
        survey=Survey(cadence=CadenceChoice(use="synthetic_wfd", options={"years": years, "fields": 60})),
        population=[Population(source=source, count=count) for source in sources],
    )


@pytest.fixture(scope="module")
def warm() -> Plan:
    """A plan whose tables are built and whose kernels are compiled."""
    made = plan(simulation(4096))
    for stage in made.stages:
        make_chunk(stage, 9, 8)
    return made


def note(benchmark: Any, unit: str, number: float) -> None:
    benchmark.extra_info["rate"] = number / benchmark.stats.stats.min
    benchmark.extra_info["unit"] = unit
    benchmark.extra_info["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_the_four_class_mix_in_memory(benchmark: Any, warm: Plan) -> None:
    benchmark.pedantic(lambda: [make_chunk(s, 0, 4096) for s in warm.stages], rounds=3)
    note(benchmark, "objects/s", 4 * 4096)
    benchmark.extra_info["points_per_object"] = warm.stages[0].sky.visits_per_position


@pytest.mark.parametrize("number", range(4), ids=MIX)
def test_one_class(benchmark: Any, warm: Plan, number: int) -> None:
    stage = warm.stages[number]
    rows = len(make_chunk(stage, 0, 4096).truth.flux)
    benchmark.pedantic(lambda: make_chunk(stage, 0, 4096), rounds=3)
    note(benchmark, "points/s", rows)


def test_the_four_class_mix_into_a_run(benchmark: Any, warm: Plan, tmp_path: Path) -> None:
    names = count()

    def go() -> None:
        path = tmp_path / str(next(names))
        generate(simulation(4096), path)
        shutil.rmtree(path)

    benchmark.pedantic(go, rounds=2)
    note(benchmark, "objects/s with Parquet, plan and hashes", 4 * 4096)


def test_matching_objects_with_visits(benchmark: Any, warm: Plan) -> None:
    sky = warm.stages[0].sky
    ra, dec = sky.positions(np.random.default_rng(1), 4096)
    benchmark(lambda: sky.match(ra, dec))
    note(benchmark, "objects/s", 4096)
