"""SN Ia from SALT3 beside LightCurveLynx: the same supernovae, visits and passbands, in one run.

The peer runs in a Python of its own, LIGHTCURVELYNX_PYTHON (`make peers` makes one). Rounds of the peer and
ours follow one another and the least CPU time of each counts: other work on the machine falls on both.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.store import Folder, read_columns
from brokerbench.tables import Objects, Visits
from simulate import CadenceChoice, Population, Simulation, Survey, generate
from simulate.photometry import lsst
from simulate.sources import sn_ia_salt3
from simulate.survey import Sky
from tests.benchmarks.test_simulate_bench import Supernovae, cpu, note, ours

SCRIPT = Path(__file__).parent / "peers" / "light_curve_lynx.py"
BANDS = np.array(list("ugrizy"))
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
ROUNDS, SAMPLE, MANY = 5, 300, 20_480


class LightCurveLynx:
    """A process that simulates, on request, some of the supernovae of an inputs file."""

    def __init__(self, python: str, inputs: Path, salt3: Path, *, window: str) -> None:
        self.process = subprocess.Popen(
            [python, str(SCRIPT), str(inputs), str(salt3)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {name: "1" for name in THREADS},
            text=True,
        )
        self.version = self._answer()["version"]
        self.first, self.window = 0, window
        self.run(20)  # imports and caches

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the peer ended; run it by hand to see why"
        return json.loads(line)

    def run(self, objects: int) -> dict[str, Any]:
        """What simulating the next objects took and gave."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{self.first} {objects} {self.window}\n")
        self.process.stdin.flush()
        self.first += objects
        return self._answer()

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)


def write_inputs(path: Path, visits: Visits, objects: dict[str, np.ndarray]) -> None:
    """The file that the peer reads: visits, objects, passbands."""
    passbands = {}
    for band in lsst().bands:
        passbands[f"wave_{band.name}"] = band.wave
        passbands[f"through_{band.name}"] = band.weights / band.wave
    columns = ("mjd", "m5", "airmass", "sky", "seeing", "exposure")
    np.savez(
        path,
        visit_ra=visits.ra,
        visit_dec=visits.dec,
        band=BANDS[visits.band],
        **{name: getattr(visits, name) for name in columns},
        **objects,
        **passbands,
    )


def write_visits(path: Path, visits: Visits, keep: np.ndarray) -> None:
    """A CSV of visits as the cadence `visits_csv` reads it."""
    names = ("mjd", "ra", "dec", "exposure", "seeing", "m5", "sky", "airmass")
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*names, "band"])
        columns = [getattr(visits, name)[keep].tolist() for name in names]
        table.writerows(zip(*columns, BANDS[visits.band[keep]], strict=True))


@pytest.fixture
def salt3(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of SALT3's files, SNCOSMO_DATA_DIR set."""
    monkeypatch.setenv("SNCOSMO_DATA_DIR", str(shared_data / "sncosmo_data"))
    return shared_data / "sncosmo_data" / "models" / "salt3" / "salt3-f22"


@pytest.fixture
def peer(tmp_path: Path, salt3: Path) -> Iterator[Callable[..., LightCurveLynx]]:
    """Starts the peer on visits and objects; skips where its interpreter is not named."""
    python = os.environ.get("LIGHTCURVELYNX_PYTHON")
    if not python:
        pytest.skip("LIGHTCURVELYNX_PYTHON names no Python with lightcurvelynx; `make peers` makes one")
    started: list[LightCurveLynx] = []

    def start(visits: Visits, objects: dict[str, np.ndarray], window: str) -> LightCurveLynx:
        write_inputs(tmp_path / "inputs.npz", visits, objects)
        started.append(LightCurveLynx(python, tmp_path / "inputs.npz", salt3, window=window))
        return started[-1]

    yield start
    for process in started:
        process.close()


def side_by_side(lynx: LightCurveLynx, work: Callable[[], Any]) -> tuple[float, dict[str, Any], float]:
    """CPU seconds of one round of the peer and what it gave, and of `work`: the least of several, in turn."""
    theirs, mine, gave = [], [], {}
    for _ in range(ROUNDS):
        gave = lynx.run(SAMPLE)
        theirs.append(gave["cpu"])
        mine.append(cpu(work, 2))
    return min(theirs), gave, min(mine)


def test_flux_noise_and_detection_against_lightcurvelynx(benchmark: Any, peer: Any, salt3: Path) -> None:
    """Visit selection, flux, noise and detection (issue: at least 200 times)."""
    sn = Supernovae(MANY)
    objects = {name: getattr(sn, name) for name in ("ra", "dec", "z", "t0", "x0", "x1", "c")}
    lynx = peer(sn.visits, objects, "near")
    sky = Sky(sn.visits, 1.75)
    points = ours(sn, sky)
    theirs, gave, mine = side_by_side(lynx, lambda: ours(sn, sky))
    benchmark.pedantic(lambda: ours(sn, sky), rounds=3)
    note(
        benchmark,
        "light curves/s (selection, flux, noise, detection)",
        MANY,
        ratio=(theirs / SAMPLE) / (mine / MANY),
        against=f"LightCurveLynx {lynx.version}, CPU time a light curve",
        per_object={"ours": points / MANY, "theirs": gave["points"] / gave["objects"]},
        per_second={"ours": MANY / mine, "theirs": SAMPLE / theirs},
    )


@pytest.mark.parametrize("years, window", [(0.15, "all"), (3.0, "near")], ids=["two_months", "three_years"])
def test_a_whole_run_against_lightcurvelynx(
    benchmark: Any, peer: Any, salt3: Path, tmp_path: Path, years: float, window: str
) -> None:
    """`generate` with parameter draws, hosts, dust, Parquet and hashes (issue: at least 50 times).

    The peer is given the drawn parameters and makes neither hosts, dust nor files. In two months, which hold
    as many visits as the phases -20 to 50 d of an object, both keep all visits of its place; in three years
    the peer keeps those phases alone and ours all 270 visits, ten times as many.
    """
    visits = Supernovae(1).visits
    write_visits(tmp_path / "visits.csv", visits, visits.mjd < visits.mjd[0] + 365.25 * years)
    simulation = Simulation(
        name="bench",
        seed=1,
        survey=Survey(cadence=CadenceChoice(use="visits_csv", options={"path": f"{tmp_path}/visits.csv"})),
        population=[Population(source="sn_ia_salt3", count=MANY, redshift=(0.011, 0.8))],
    )
    names = count()

    def go() -> None:
        path = tmp_path / str(next(names))
        generate(simulation, path)
        shutil.rmtree(path)

    run = generate(simulation, tmp_path / "first")
    lynx = peer(run.read("visits", "all", Visits), drawn(run), window)
    theirs, gave, mine = side_by_side(lynx, go)
    benchmark.pedantic(go, rounds=2)
    rows = sum(facts["rows"] for facts in run.manifest["parts"].values())
    if window == "all":
        assert rows / MANY == pytest.approx(gave["points"] / gave["objects"], rel=0.1), "the same visits"
    note(
        benchmark,
        "light curves/s (draws, hosts, dust, flux, noise, detection, Parquet, hashes)",
        MANY,
        ratio=(theirs / SAMPLE) / (mine / MANY),
        against=f"LightCurveLynx {lynx.version} without draws, hosts, dust and files, CPU time a light curve",
        per_object={"ours": rows / MANY, "theirs": gave["points"] / gave["objects"]},
        per_second={"ours": MANY / mine, "theirs": SAMPLE / theirs},
    )


def drawn(run: Folder) -> dict[str, np.ndarray]:
    """The objects of a run as the peer takes them."""
    parts = [run.read("truth/objects", part, Objects) for part in run.parts]
    objects = {name: np.concatenate([getattr(p, name) for p in parts]) for name in ("ra", "dec", "z", "t0")}
    files = [read_columns(run.file("truth/parameters", part))[0] for part in run.parts]
    parameters = {name: np.concatenate([f[name] for f in files]) for name in ("x1", "c", "mb")}
    x0 = 10 ** (-0.4 * (parameters["mb"] - sn_ia_salt3.ZERO))
    return objects | {"x0": x0, "x1": parameters["x1"], "c": parameters["c"]}
