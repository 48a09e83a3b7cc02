"""A simulation into a run: one part is a chunk of at most 4,096 objects of one population."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import brokerbench
from brokerbench.config import encode
from brokerbench.errors import BrokerbenchError, ConfigError, InputError
from brokerbench.rng import stream
from brokerbench.store import Folder, write_columns, write_table
from simulate import rates
from simulate.cadence import observe
from simulate.checks import check_files, check_model, check_parameters, check_redshift
from simulate.chunk import Stage, active_span, make_chunk, parameter_units
from simulate.detection import read_efficiency
from simulate.instruments import instrument
from simulate.noise import ZERO_POINT, depth_noise, sky_noise, template_error
from simulate.registries import CADENCES, HOSTS, SOURCES
from simulate.settings import CadenceChoice, Population, Simulation, Survey
from simulate.survey import Sky

__all__ = ["CadenceChoice", "Plan", "Population", "Simulation", "Survey", "generate", "plan", "write_part"]

LARGEST_CHUNK = 4096
LARGEST_ROWS = 4_000_000  # of light curves in a part: bounds memory where visits are many
MAX_CHUNKS = 1 << 20


@dataclass(frozen=True, eq=False)
class Plan:
    """A simulation with its survey observed and its populations counted, ready to be made.

    parts: (name, population, chunk, objects) of each.
    """

    simulation: Simulation
    stages: tuple[Stage, ...]
    counts: tuple[int, ...]
    parts: tuple[tuple[str, int, int, int], ...]

    def about(self) -> dict[str, Any]:
        """What the manifest says of the run as a whole."""
        survey, sky = self.simulation.survey, self.stages[0].sky
        return {
            "kind": "run",
            "origin": "simulation",
            "generator": brokerbench.__version__,
            "name": self.simulation.name,
            "seed": self.simulation.seed,
            "config": encode(self.simulation),
            "sources": [p.source for p in self.simulation.population],
            "classes": [s.source.class_id for s in self.stages],
            "counts": list(self.counts),
            "bands": list(self.stages[0].passbands.names),
            "instrument": survey.instrument,
            "taxonomy": "elasticc2",
            "min_detections": survey.min_detections,
            "min_gap_days": float(survey.min_gap_days),
            "stream_start": float(np.floor(sky.visits.mjd[0])),
            "area_deg2": round(sky.area_deg2, 6),
            "visits_per_position": round(sky.visits_per_position, 6),
        }


def plan(simulation: Simulation) -> Plan:
    """What there is to make. Raises UnknownName, ConfigError or InputError where it cannot be made."""
    survey = simulation.survey
    camera = instrument(survey.instrument)
    bands = survey.bands or camera.bands
    passbands = camera.passbands(tuple(bands))
    rng = stream(simulation.seed, "cadence")
    visits = observe(CADENCES, survey.cadence.use, survey.cadence.options, bands, rng=rng)
    sky = Sky(visits, survey.field_radius_deg or camera.field_radius, min_visits=survey.min_visits)
    noise = depth_noise(visits) if survey.noise == "depth" else sky_noise(visits, bands, camera)
    shared = np.zeros(len(bands), "f4")
    if survey.template_visits:
        shared = template_error(noise, visits.band, len(bands), survey.template_visits)
    efficiency = None
    if survey.detection_efficiency:
        efficiency = read_efficiency(survey.detection_efficiency, tuple(bands))
    saturation = np.array([10 ** (0.4 * (ZERO_POINT - camera.saturation[b])) for b in bands], "f4")
    stages, counts, parts = [], [], []
    size = int(max(1, min(LARGEST_CHUNK, LARGEST_ROWS / max(sky.visits_per_position, 1.0))))
    for number, population in enumerate(simulation.population):
        source = SOURCES[population.source]
        check_files(source, population.source)
        where = f"population[{number}] {population.source!r}"
        check_parameters(population, source, where)
        hosts = None
        if not source.galactic:
            hosts = HOSTS[population.hosts or source.hosts]
            check_redshift(population, source, where)
        elif population.hosts or population.redshift:
            raise ConfigError(f"{where}: expected no hosts and no redshift for a Galactic class, got some")
        if source.needs_files:
            check_model(source, passbands)
        stage = Stage(
            seed=simulation.seed,
            number=number,
            population=population,
            source=source,
            hosts=hosts,
            survey=survey,
            sky=sky,
            passbands=passbands,
            noise=noise,
            template_error=shared,
            saturation=saturation,
            efficiency=efficiency,
        )
        count = _count(stage)
        chunks = -(-count // size)
        if chunks > MAX_CHUNKS:
            raise ConfigError(f"{where}: expected at most {MAX_CHUNKS * size} objects, got {count}")
        for chunk in range(chunks):
            n = min(size, count - chunk * size)
            parts.append((f"{number:02d}-{chunk:05d}", number, chunk, n))
        stages.append(stage)
        counts.append(count)
    return Plan(simulation, tuple(stages), tuple(counts), tuple(parts))


def _count(stage: Stage) -> int:
    """Objects of a population: as asked, or Poisson around what the rate gives."""
    population = stage.population
    if population.count is not None:
        return population.count
    first, last = active_span(stage)
    mean = rates.expected(
        stage.source.population,
        stage.redshift,
        area_deg2=stage.survey.area_deg2 or stage.sky.area_deg2,
        years=(last - first) / 365.25,
    )
    scale = 1.0 if population.rate_scale is None else population.rate_scale
    return int(stream(stage.seed, "count", stage.number).poisson(mean * scale))


def generate(
    simulation: Simulation,
    path: str | Path,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    dask: str | None = None,
) -> Folder:
    """The run at `path`, written part by part (docs/runs.md); its bytes do not depend on `workers`.

    A run that was interrupted goes on at the first missing part. progress: called with (parts done,
    parts in all). dask: address of a Dask scheduler whose workers make the parts in place of processes
    of this machine; they must see `path`. Raises UnknownName, ConfigError or InputError before anything
    is written.
    """
    if workers < 1:
        raise ConfigError(f"workers: expected 1 or more, got {workers}")
    if Path(path).exists():
        raise InputError(f"{path}: expected no such folder yet, got one; choose another name")
    made = plan(simulation)
    if not made.parts:
        raise ConfigError(
            "population: expected at least one object in all, got none; raise a count or rate_scale"
        )
    folder = Folder.begin(path, made.about())
    try:
        if not folder.has("_visits"):
            file = folder.path / "visits" / "all.parquet"
            write_table(file, made.stages[0].sky.visits)
            folder.commit("_visits", [file])
        todo = [part for part in made.parts if not folder.has(part[0])]
        done = len(made.parts) - len(todo)
        written = _on_cluster(made, folder, todo, dask) if dask else _written(made, folder, todo, workers)
        for _ in written:
            done += 1
            if progress:
                progress(done, len(made.parts))
    except BrokenProcessPool as error:
        raise BrokerbenchError(
            f"{path}: expected every worker to finish, got one that was killed; run again to go on"
        ) from error
    return folder.complete()


_PLAN: list[Plan] = []  # of a worker process; set once when it starts


def _enter(made: Plan) -> None:
    _PLAN[:] = [made]


def _write_in_worker(folder: Path, part: tuple[str, int, int, int]) -> str:
    return write_part(_PLAN[0], Folder(folder), part)


def _written(
    made: Plan, folder: Folder, todo: list[tuple[str, int, int, int]], workers: int
) -> Iterator[str]:
    """Names of parts as they are written."""
    if workers == 1 or len(todo) < 2:
        for part in todo:
            yield write_part(made, folder, part)
        return
    # a forked worker shares the visits and the tables of its parent; spawn would copy them
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_enter, initargs=(made,)) as pool:
        waiting = [pool.submit(_write_in_worker, folder.path, part) for part in todo]
        for future in as_completed(waiting):
            yield future.result()


def _on_cluster(
    made: Plan, folder: Folder, todo: list[tuple[str, int, int, int]], address: str
) -> Iterator[str]:
    from simulate.cluster import on_cluster  # it imports this module

    return on_cluster(made.simulation, folder, todo, address)


@threadpool_limits.wrap(limits=1, user_api="blas")  # parts are made side by side, not their products
def write_part(made: Plan, folder: Folder, part: tuple[str, int, int, int]) -> str:
    """The name of a part after its files are written and committed."""
    name, number, chunk, n = part
    stage = made.stages[number]
    result = make_chunk(stage, chunk, n)
    tables = {
        "truth/objects": result.objects,
        "truth/light_curves": result.truth,
        "dia_objects": result.dia_objects,
        "hosts": result.hosts,
        "hosts2": result.hosts2,
        "light_curves": result.light_curves,
    }
    files = []
    for table, values in tables.items():
        files.append(folder.file(table, name))
        write_table(files[-1], values)
    files.append(folder.file("truth/parameters", name))
    write_columns(files[-1], result.parameters, units=parameter_units(stage.source))
    rows = int(result.light_curves.offsets[-1])
    folder.commit(
        name, files, objects=n, rows=rows, triggered=result.triggered, source=stage.population.source
    )
    return name
