"""Rates of the readers of light curves, a core."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from astropy.io import fits

from simulate.readers.snana import READER

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
    benchmark.extra_info.update(rate=rate, unit=unit)
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
    benchmark.extra_info["peer"] = "sncosmo.read_snana_fits, which reads and writes nothing"


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
    benchmark.extra_info["peer"] = "sncosmo.read_snana_fits, which reads and writes nothing"


def peer_read(head: str) -> int:
    """Rows that sncosmo reads."""
    import sncosmo

    if not len(fits.getdata(head, 1)):
        return 0
    with np.errstate(all="ignore"):
        return sum(map(len, sncosmo.read_snana_fits(head, head.replace("_HEAD", "_PHOT"))))
