"""A damaged file is refused or read; it never crashes a reader, and nothing half-written stays."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from brokerbench.errors import BrokerbenchError
from simulate.registries import READERS
from tests.simulate.readers.snana_files import write_pair
from tests.simulate.readers.test_elasticc_parquet import three

CASES = 120


def snana(folder: Path) -> dict:
    write_pair(folder, [4, 3], suffix="FITS")
    return {}


def snana_gzipped(folder: Path) -> dict:
    write_pair(folder, [4, 3])
    return {}


def plasticc_csv(folder: Path) -> dict:
    folder.mkdir()
    pd.DataFrame(
        {
            "object_id": [7, 7, 8],
            "mjd": 60000.5,
            "passband": [0, 1, 2],
            "flux": 10.0,
            "flux_err": 1.0,
            "detected": 1,
        }
    ).to_csv(folder / "curves.csv", index=False)
    meta = {"ra": 10.0, "decl": -30.0, "mwebv": 0.1, "hostgal_photoz": 0.4, "target": 90}
    pd.DataFrame({"object_id": [7, 8]} | meta).to_csv(folder / "meta.csv", index=False)
    return {}


def mallorn(folder: Path) -> dict:
    folder.mkdir()
    (folder / "curves.csv").write_text("object_id,Time (MJD),Flux,Flux_err,Filter\nElf,60000,0.5,0.01,g\n")
    (folder / "log.csv").write_text("object_id,Z,Z_err,EBV,SpecType\nElf,0.3,,0.05,TDE\n")
    return {}


def elasticc_parquet(folder: Path) -> dict:
    three(folder)
    return {}


def long_table(folder: Path) -> dict:
    folder.mkdir()
    columns = {"object_id": ["a", "a"], "mjd": 60000.5, "band": "g", "flux": 10.0, "flux_err": 1.0}
    pd.DataFrame(columns).to_parquet(folder / "curves.parquet")
    return {"class_id": 2222}


FORMATS = {
    "snana": snana,
    "snana, gzipped": snana_gzipped,
    "plasticc_csv": plasticc_csv,
    "mallorn": mallorn,
    "elasticc_parquet": elasticc_parquet,
    "long_table": long_table,
}


def test_every_reader_is_tried():
    assert {name.split(",")[0] for name in FORMATS} == set(READERS)


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """The content cut short, with some bytes changed, or with a piece repeated or taken out."""
    a, b = np.sort(rng.integers(0, len(content) + 1, 2))
    kind = rng.integers(4)
    if kind == 0:
        return content[:a]
    if kind == 1:
        return content[:a] + content[b:]
    if kind == 2:
        return content[:b] + content[a:]
    changed = bytearray(content)
    for at in rng.integers(0, len(content), rng.integers(1, 9)):
        changed[at] = rng.integers(256)
    return bytes(changed)


def complaint(reader, folder: Path, out: Path, options: dict) -> str:
    """What the reader says of its files, empty where it takes them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read([folder], out, seed=1, name="x", options=options)
    except BrokerbenchError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_refused_or_read(name, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "run"
    options = FORMATS[name](folder)
    reader = READERS[name.split(",")[0]]
    reader.read([folder], tmp_path / "whole", seed=1, name="x", options=options)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    refused = 0
    for case in range(CASES):
        rng = np.random.default_rng(case)
        file = files[rng.integers(len(files))]
        whole = file.read_bytes()
        file.write_bytes(damaged(whole, rng))
        said = complaint(reader, folder, out, options)
        if said:
            refused += 1
            assert "\n" not in said
            assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "whole"]
        else:
            shutil.rmtree(out)
        file.write_bytes(whole)
    assert refused > CASES // 10
