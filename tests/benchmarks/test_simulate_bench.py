"""Rates of the simulation, on one core (CPU time where a ratio is stated)."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sncosmo
from astropy.table import Table

from brokerbench.store import Folder
from brokerbench.tables import Visits
from simulate import (
    EXPORTS,
    SOURCES,
    CadenceChoice,
    Population,
    Simulation,
    Survey,
    generate,
    noise,
    templates,
)
from simulate.chunk import make_chunk
from simulate.draws import split_normal
from simulate.export import export
from simulate.fidelity.formulas import bandpass
from simulate.generate import Plan, plan
from simulate.photometry import lsst
from simulate.rates import distance_modulus, redshifts
from simulate.source import Light, Scene
from simulate.sources import sn_ia_salt3
from simulate.survey import Sky

MIX = ("sn_ia", "rr_lyrae", "agn", "kilonova")
ALL = tuple(name for name in SOURCES if not (SOURCES[name].needs_files or SOURCES[name].needs_package))


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
    made = plan(simulation(4096, sources=ALL))
    for stage in made.stages:
        make_chunk(stage, 9, 8)
    return made


def note(benchmark: Any, unit: str, number: float, **more: Any) -> None:
    benchmark.extra_info["rate"] = number / benchmark.stats.stats.min
    benchmark.extra_info["unit"] = unit
    benchmark.extra_info["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    benchmark.extra_info.update(more)


def cpu(work: Callable[[], Any], rounds: int) -> float:
    """Least CPU seconds of several rounds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def test_the_four_class_mix_in_memory(benchmark: Any, warm: Plan) -> None:
    stages = [s for s in warm.stages if s.population.source in MIX]
    benchmark.pedantic(lambda: [make_chunk(s, 0, 4096) for s in stages], rounds=3)
    note(benchmark, "objects/s", 4 * 4096, points_per_object=round(stages[0].sky.visits_per_position, 1))


def test_every_class_in_memory(benchmark: Any, warm: Plan) -> None:
    benchmark.pedantic(lambda: [make_chunk(s, 0, 1024) for s in warm.stages], rounds=2)
    note(benchmark, "objects/s", len(warm.stages) * 1024)


@pytest.mark.parametrize("name", ALL)
def test_one_class(benchmark: Any, warm: Plan, name: str) -> None:
    """Points a second, and time a point over that of SN Ia in the same run (issue: at most 20)."""
    stage = warm.stages[ALL.index(name)]
    standard = warm.stages[ALL.index("sn_ia")]
    rows = len(make_chunk(stage, 0, 2048).truth.flux)
    benchmark.pedantic(lambda: make_chunk(stage, 0, 2048), rounds=3)
    ours, theirs = (cpu(lambda s=s: make_chunk(s, 0, 2048), 2) for s in (stage, standard))  # type: ignore[misc]
    note(benchmark, "points/s", rows, ratio=ours / theirs, against="time of SN Ia")


def test_the_four_class_mix_into_a_run(benchmark: Any, warm: Plan, tmp_path: Path) -> None:
    names = count()

    def go() -> None:
        path = tmp_path / str(next(names))
        generate(simulation(4096), path)
        shutil.rmtree(path)

    benchmark.pedantic(go, rounds=2)
    note(benchmark, "objects/s with plan, Parquet and hashes", 4 * 4096)


def test_two_workers(benchmark: Any, tmp_path: Path) -> None:
    """Wall time of one worker over that of two (issue: at least 1.8 on two idle cores)."""
    each = 10 * 4096
    command = [sys.executable, "-m", "tests.benchmarks.two_workers", str(tmp_path / "run"), str(each)]
    done = benchmark.pedantic(
        lambda: subprocess.run(command, capture_output=True, text=True, check=True), rounds=1
    )
    taken = json.loads(done.stdout)
    one, two = min(taken["1"]), min(taken["2"])
    about = {"ratio": one / two, "against": "one worker, wall time", "rate": 4 * each / two}
    benchmark.extra_info.update(about, unit="objects/s with two workers")


def test_matching_objects_with_visits(benchmark: Any, warm: Plan) -> None:
    sky = warm.stages[0].sky
    ra, dec = sky.positions(np.random.default_rng(1), 4096)
    benchmark(lambda: sky.match(ra, dec))
    note(benchmark, "objects/s", 4096)


@pytest.mark.parametrize("name", sorted(EXPORTS))
def test_export(benchmark: Any, tmp_path: Path, name: str) -> None:
    run = generate(simulation(600, years=1.0, sources=("rr_lyrae",)), tmp_path / "run")
    rows = sum(facts["rows"] for facts in run.manifest["parts"].values())
    names = count()
    benchmark.pedantic(lambda: export(EXPORTS[name], run, tmp_path / str(next(names))), rounds=2)
    note(benchmark, "rows/s", rows)


# SN Ia from SALT3 against sncosmo: the same supernovae, visits, passbands and depths


class Supernovae:
    """Supernovae on 100 separate fields with 270 visits in three years, rate 2.5e-5 (1+z)^1.5 to z = 0.8."""

    def __init__(self, n: int) -> None:
        rng = np.random.default_rng(20261120)
        field = rng.integers(0, 100, n)
        ra, dec = (field % 10) * 12.0 + 10.0, (field // 10) * 4.5 - 45.0
        night = rng.uniform(0, 200, (100, 135)) + 365.25 * (np.arange(135) % 3)
        mjd = 61000 + np.concatenate([night, night + 33 / 1440], axis=1).ravel()
        place = np.concatenate([np.repeat(np.arange(100)[:, None], 270, axis=1)]).ravel()
        order = np.argsort(mjd, kind="stable")
        place, total = place[order], len(mjd)
        self.visits = Visits(
            visit_id=np.arange(total),
            mjd=mjd[order],
            ra=(place % 10) * 12.0 + 10.0,
            dec=(place // 10) * 4.5 - 45.0,
            band=rng.choice(6, total, p=[0.066, 0.085, 0.222, 0.222, 0.202, 0.203]).astype("i1"),
            exposure=np.full(total, 30.0, "f4"),
            seeing=np.full(total, 0.8, "f4"),
            m5=np.full(total, 24.0, "f4"),
            sky=np.full(total, 21.0, "f4"),
            airmass=np.full(total, 1.1, "f4"),
            night=np.zeros(total, "i4"),
        )
        self.place, self.field = place, field
        self.ra, self.dec = ra + rng.uniform(-0.4, 0.4, n), dec + rng.uniform(-0.4, 0.4, n)
        self.z = redshifts(SOURCES["sn_ia"].population, (0.011, 0.8), rng, n)
        self.x1 = split_normal(rng, n, peak=0.973, sigma=(1.472, 0.222), limits=(-3.0, 2.0))
        self.c = split_normal(rng, n, peak=-0.054, sigma=(0.043, 0.101), limits=(-0.3, 0.5))
        absolute = -19.36 - 0.14 * self.x1 + 3.1 * self.c
        self.x0 = 10 ** (-0.4 * (absolute + distance_modulus(self.z) - 10.635))
        self.t0 = rng.uniform(61000, 61000 + 3 * 365.25, n)


def ours(sn: Supernovae, sky: Sky) -> int:
    """Selection, flux, noise and detection; the number of measurements."""
    log = noise.depth_noise(sn.visits)
    span = (sn.t0 - 20 * (1 + sn.z), sn.t0 + 50 * (1 + sn.z))
    epochs = sky.match(sn.ra, sn.dec, span=span)
    band = sn.visits.band[epochs.visit]
    scene = Scene(sn.z, sn.z, sn.t0, epochs.offsets, sn.visits.mjd[epochs.visit], band, lsst())
    flux = templates.template_flux(
        sn_ia_salt3.table(lsst()),
        scene,
        amplitude=np.stack([sn.x0, sn.x0 * sn.x1], axis=1),
        colour=sn.c,
        stretch=np.ones(len(sn.z)),
    )
    none = np.zeros((len(sn.z), 6), "f4")
    seen = noise.measure(
        Light(flux),
        noise.Veil(none + 1, none, none),
        noise.Where(epochs.offsets, epochs.visit, band, log),
        np.random.Generator(np.random.SFC64(1)).standard_normal(len(flux), dtype="f4"),
        noise.Cuts(np.zeros(6, "f4"), np.full(6, 1e12, "f4"), 5.0),
    )
    return len(seen.flux)


class Sncosmo:
    """The same with sncosmo.realize_lcs: bands registered and a table a field made beforehand."""

    def __init__(self, sn: Supernovae, folder: str) -> None:
        self.sn = sn
        self.model = sncosmo.Model(source=sncosmo.SALT3Source(modeldir=folder))
        names = np.array([f"bench_{band.name}" for band in lsst().bands])
        for b, name in enumerate(names):
            sncosmo.register(bandpass(lsst().bands[b]), name, force=True)
        self.lowest = np.array([band.wave[0] for band in lsst().bands])
        v = sn.visits
        self.tables = []
        for field in range(100):
            here = sn.place == field
            columns = {
                "time": v.mjd[here],
                "band": names[v.band[here]],
                "zp": np.full(here.sum(), 31.4),
                "zpsys": np.full(here.sum(), "ab"),
                "gain": np.full(here.sum(), 1.5),
                "skynoise": 10 ** (0.4 * (31.4 - v.m5[here].astype("f8"))) / 5,
            }
            self.tables.append((Table(columns), self.lowest[v.band[here]]))

    def run(self, n: int) -> None:
        sn = self.sn
        for k in range(n):
            table, lowest = self.tables[sn.field[k]]
            limit = 2000 * (1 + sn.z[k]) + 5
            if limit > self.lowest[0]:  # bands that leave the model raise there
                table = table[lowest >= limit]
            p = {"z": sn.z[k], "t0": sn.t0[k], "x0": sn.x0[k], "x1": sn.x1[k], "c": sn.c[k]}
            sncosmo.realize_lcs(table, self.model, [p], trim_observations=True)


def test_salt3_light_curves_against_sncosmo(
    benchmark: Any, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = shared_data / "sncosmo_data"
    monkeypatch.setenv("SNCOSMO_DATA_DIR", str(root))
    sn = Supernovae(20_000)
    sky = Sky(sn.visits, 1.75)
    ours(sn, sky)
    benchmark.pedantic(lambda: ours(sn, sky), rounds=5)
    peer, few = Sncosmo(sn, str(root / "models/salt3/salt3-f22")), 400
    peer.run(20)
    theirs = cpu(lambda: peer.run(few), 2) / few
    mine = cpu(lambda: ours(sn, sky), 5) / 20_000
    note(
        benchmark,
        "light curves/s (selection, flux, noise, detection)",
        20_000,
        ratio=theirs / mine,
        against="sncosmo.realize_lcs, CPU time",
    )


def test_start_up(benchmark: Any, tmp_path: Path) -> None:
    """A thousand objects from a fresh process, imports included (issue: below 8 s)."""
    code = (
        "import sys; from simulate import *; "
        "s = Simulation(name='x', seed=1, survey=Survey(cadence=CadenceChoice(use='synthetic_wfd')), "
        "population=[Population(source=n, count=250) for n in ('sn_ia','rr_lyrae','agn','kilonova')]); "
        "generate(s, sys.argv[1])"
    )
    names = count()

    def go() -> None:
        path = str(tmp_path / str(next(names)))
        subprocess.run([sys.executable, "-c", code, path], check=True, timeout=600)

    benchmark.pedantic(go, rounds=2)
    note(benchmark, "objects/s from a fresh process", 1000)


def test_memory_does_not_grow_with_objects(benchmark: Any, tmp_path: Path) -> None:
    """Peak memory after five chunks of one class against that after one."""
    generate(simulation(4096, sources=("rr_lyrae",)), tmp_path / "one")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    benchmark.pedantic(
        lambda: generate(simulation(5 * 4096, sources=("rr_lyrae",)), tmp_path / "five"), rounds=1
    )
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(Folder.open(tmp_path / "five").parts) == 5
    note(benchmark, "objects/s", 5 * 4096, ratio=after / before, against="peak memory after one chunk")
