"""Rates of the readers of light curves, a core."""

from __future__ import annotations

import itertools
import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from simulate.readers.snana import READER
from simulate.registries import READERS

PAIRS = "05_challenge_data/elasticc2_snana_fits"


def timed(benchmark, work, rows: int, *, unit: str) -> float:
    """Run `work` under the benchmark; rows a second of CPU time."""
    spent: list[float] = []

    def once() -> None:
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)

    benchmark.pedantic(once, rounds=5, warmup_rounds=1)
    rate = rows / min(spent)
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    benchmark.extra_info.update(rate=rate, peak_mb=round(peak, 1), unit=unit)
    return rate


@pytest.mark.shared_data
def test_import_of_one_large_pair(benchmark, shared_data, tmp_path):
    folder = shared_data / "05_challenge_data/snana_fits/MLAG_HOSTLIB_ALLCLASS_NONIaMODEL0"
    number = itertools.count()

    def work() -> None:
        out = tmp_path / f"run{next(number)}"
        READER.read([folder], out, seed=1, name="x", options={"class_id": 2222})

    rate = timed(benchmark, work, 250_776, unit="rows/s")
    head = next(folder.glob("*HEAD.FITS.gz"))
    begun = time.process_time()
    peer_read(str(head))
    benchmark.extra_info["ratio"] = rate / (250_776 / (time.process_time() - begun))
    benchmark.extra_info["against"] = "sncosmo.read_snana_fits, which reads and writes nothing"


@pytest.mark.shared_data
def test_import_of_many_small_pairs(benchmark, shared_data, tmp_path):
    folder, number = shared_data / PAIRS, itertools.count()

    def work() -> None:
        READER.read([folder], tmp_path / f"run{next(number)}", seed=1, name="x")

    rate = timed(benchmark, work, 45_113, unit="rows/s")
    begun = time.process_time()
    for head in folder.rglob("*HEAD.FITS.gz"):
        peer_read(str(head))
    benchmark.extra_info["ratio"] = rate / (45_113 / (time.process_time() - begun))
    benchmark.extra_info["against"] = "sncosmo.read_snana_fits, which reads and writes nothing"


def test_import_of_plasticc_csv(benchmark, tmp_path):
    rng, number, n, m = np.random.default_rng(1), itertools.count(), 1500, 150
    folder = tmp_path / "in"
    folder.mkdir()
    names = np.repeat(np.arange(n), m)
    table = pd.DataFrame(
        {
            "object_id": names,
            "mjd": np.round(59580 + 1000 * rng.random(n * m), 4),
            "passband": rng.integers(0, 6, n * m),
            "flux": np.round(rng.normal(0, 50, n * m), 6),
            "flux_err": 5.0,
            "detected_bool": 1,
        }
    )
    table.to_csv(folder / "curves.csv", index=False)
    meta = {"ra": 1.0, "decl": -30.0, "mwebv": 0.1, "hostgal_photoz": 0.5, "target": 90}
    pd.DataFrame({"object_id": np.arange(n)} | meta).to_csv(folder / "meta.csv", index=False)

    def work() -> None:
        READERS["plasticc_csv"].read([folder], tmp_path / f"run{next(number)}", seed=1, name="x")

    rate = timed(benchmark, work, n * m, unit="rows/s")
    begun = time.process_time()
    pd.read_csv(folder / "curves.csv")
    benchmark.extra_info["ratio"] = rate / (n * m / (time.process_time() - begun))
    benchmark.extra_info["against"] = "pandas.read_csv, which reads and writes nothing"


@pytest.mark.shared_data
def test_import_of_elasticc_parquet(benchmark, shared_data, tmp_path):
    folder, number = shared_data / "04_elasticc/fink_science", itertools.count()

    def work() -> None:
        out = tmp_path / f"run{next(number)}"
        READERS["elasticc_parquet"].read([folder], out, seed=1, name="x", options={"class_id": 2332})

    timed(benchmark, work, 15_045, unit="rows/s")


def peer_read(head: str) -> int:
    """Rows that sncosmo reads."""
    import sncosmo

    if not len(fits.getdata(head, 1)):
        return 0
    with np.errstate(all="ignore"):
        return sum(map(len, sncosmo.read_snana_fits(head, head.replace("_HEAD", "_PHOT"))))
