"""PLAsTiCC's CSV files become a run."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from brokerbench.errors import InputError
from brokerbench.store import Folder, read_columns
from brokerbench.tables import DiaObjects, Hosts, LightCurves, Objects, Visits
from simulate.readers import _long, _tables
from simulate.readers.plasticc_csv import READER

CURVES = "object_id,mjd,passband,flux,flux_err,detected_bool\n"
META = "object_id,ra,decl,mwebv,hostgal_specz,hostgal_photoz,hostgal_photoz_err,target,true_target,true_z\n"


def rows(object_id: int, n: int, *, first: float = 59580.0) -> str:
    """n rows of one object, a day apart."""
    return "".join(f"{object_id},{first + 1.5 * k},{k % 6},{10 + k},{2},{int(k > 1)}\n" for k in range(n))


def write(folder: Path, curves: str, meta: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "curves.csv").write_text(CURVES + curves)
    (folder / "meta.csv").write_text(META + meta)
    return folder


def small(tmp_path: Path) -> Path:
    meta = "7,10,-30,0.02,0.5,0.45,0.1,90,90,0.51\n3,20,-40,0.03,0.0,0.0,0.0,92,92,0.0\n"
    return write(tmp_path / "in", rows(7, 4) + rows(3, 3), meta)


def read(folder: Path, out: Path, **options: object) -> Folder:
    return READER.read([folder], out, seed=5, name="small", options=options)


@pytest.mark.shared_data
def test_real_light_curves_equal_the_file(shared_data, tmp_path):
    source = shared_data / "05_challenge_data/plasticc"
    for name in ("plasticc_train_metadata.csv", "resspect_plasticc_lightcurves.csv.gz"):
        (tmp_path / "in").mkdir(exist_ok=True)
        shutil.copy(source / name, tmp_path / "in" / name)
    run = read(tmp_path / "in", tmp_path / "run")
    part = run.manifest["parts"]["00-00000"]
    assert (part["objects"], part["rows"]) == (2, 386)
    truth = run.read("truth/objects", "00-00000", Objects)
    assert truth.class_id.tolist() == [2222, 2222]
    np.testing.assert_allclose(truth.z, [0.535, 0.414], rtol=1e-6)
    visits, curves = run.read("visits", "all", Visits), run.read("light_curves", "00-00000", LightCurves)
    table = pd.read_csv(tmp_path / "in" / "resspect_plasticc_lightcurves.csv.gz")
    names = read_columns(run.file("truth/parameters", "00-00000"))[0]["object_id"]
    for i, (number, group) in enumerate(table.groupby("object_id", sort=False)):
        assert names[i] == number
        group = group.sort_values("mjd")
        mine = slice(curves.offsets[i], curves.offsets[i + 1])
        np.testing.assert_array_equal(visits.mjd[curves.visit[mine]], group["mjd"])
        np.testing.assert_array_equal(visits.band[curves.visit[mine]], group["passband"])
        np.testing.assert_array_equal(curves.detected[mine], group["detected_bool"] == 1)
        # f4 flux of the file, one product and one rounding
        np.testing.assert_allclose(curves.flux[mine], group["flux"] * 36.30780547701014, rtol=3e-7)


def test_numbers_come_through_and_galactic_objects_have_no_redshift(tmp_path):
    run = read(small(tmp_path), tmp_path / "run")
    objects = run.read("dia_objects", "00-00000", DiaObjects)
    np.testing.assert_array_equal(objects.ra, [10, 20])
    np.testing.assert_allclose(objects.z_final, [0.5, np.nan], rtol=1e-6)
    host = run.read("hosts", "00-00000", Hosts)
    np.testing.assert_allclose(host.zphot, [0.45, np.nan], rtol=1e-6)
    np.testing.assert_allclose(host.zphot_err, [0.1, np.nan], rtol=1e-6)
    truth = run.read("truth/objects", "00-00000", Objects)
    assert truth.class_id.tolist() == [2222, 2323]
    np.testing.assert_allclose(truth.z, [0.51, np.nan], rtol=1e-6)
    assert run.read("light_curves", "00-00000", LightCurves).detected.tolist() == [0, 0, 1, 1, 0, 0, 1]


def test_the_true_target_counts_where_it_is_given(tmp_path):
    folder = write(tmp_path / "in", rows(7, 3), "7,10,-30,0.02,0.5,0.45,0.1,99,994,0.51\n")
    assert read(folder, tmp_path / "run").read("truth/objects", "00-00000", Objects).class_id.tolist() == [
        2246
    ]


def test_chunks_and_blocks_do_not_change_what_is_read(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    counts = rng.integers(1, 30, 23)
    curves = "".join(rows(100 + i, int(n), first=59580 + i) for i, n in enumerate(counts))
    meta = "".join(f"{100 + i},10,-30,0.02,0.5,0.45,0.1,90,90,0.51\n" for i in range(23))
    folder = write(tmp_path / "in", curves, meta)
    whole = read(folder, tmp_path / "whole")
    monkeypatch.setattr(_long, "CHUNK", 5)
    monkeypatch.setattr(_long, "BLOCK_BYTES", 700)  # about 20 rows
    run = read(folder, tmp_path / "run")
    assert [p["objects"] for p in run.manifest["parts"].values()] == [5, 5, 5, 5, 3]
    pieces = LightCurves.concat([run.read("light_curves", p, LightCurves) for p in run.parts])
    for name, value in whole.read("light_curves", "00-00000", LightCurves).as_dict().items():
        np.testing.assert_array_equal(getattr(pieces, name), value)


def refuses(folder: Path, match: str, **options: object) -> None:
    with pytest.raises(InputError, match=match):
        read(folder, folder.parent / "run", **options)
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_an_object_without_metadata_or_class_is_refused_or_left_out(tmp_path):
    meta = "7,10,-30,0.02,0.5,0.45,0.1,90,90,0.51\n"
    refuses(
        write(tmp_path / "in", rows(7, 3) + rows(8, 2), meta), "meta.csv: expected object 8, got no such row"
    )
    folder = write(tmp_path / "in", rows(7, 3) + rows(8, 2), meta + "8,10,-30,0.02,0.5,0.45,0.1,99,,0.51\n")
    refuses(folder, "expected a target of PLAsTiCC for object 8, got 99; give unlabelled=true")
    run = read(folder, tmp_path / "run", unlabelled=True)
    assert run.manifest["parts"]["00-00000"]["objects"] == 1


def test_rows_of_an_object_must_lie_together(tmp_path):
    folder = small(tmp_path)
    with (folder / "curves.csv").open("a") as file:
        file.write(rows(7, 1))
    refuses(folder, "expected the rows of an object together, got object 7 in 2 places")


def test_files_that_are_something_else_are_refused(tmp_path):
    folder = small(tmp_path)
    (folder / "meta.csv").unlink()
    refuses(folder, "expected CSV files of light curves and of metadata, got none of metadata")
    folder = small(tmp_path)
    (folder / "curves.csv").write_text(CURVES)
    refuses(folder, "curves.csv: expected (measurements, got none in 1 files|columns)")
    (folder / "curves.csv").write_text(CURVES + "7,59580,9,1,1,1\n")
    refuses(folder, r"expected passbands 0..5, got 9")
    (folder / "curves.csv").write_text(CURVES + "7,yesterday,2,1,1,1\n")
    refuses(folder, "curves.csv: expected columns object_id, mjd, .*got a file that says")
    (folder / "curves.csv").write_text(CURVES.replace("detected_bool", "seen") + "7,59580,2,1,1,1\n")
    refuses(folder, "expected a column detected_bool or detected, got none")


def test_a_truncated_gzip_is_refused(tmp_path):
    folder = small(tmp_path)
    packed = gzip.compress((CURVES + rows(7, 5000)).encode())
    (folder / "curves.csv").unlink()
    (folder / "curves.csv.gz").write_bytes(packed[: len(packed) // 2])
    refuses(folder, "curves.csv.gz: expected ")
    (folder / "curves.csv.gz").write_bytes(packed[:5])
    refuses(folder, "curves.csv.gz: expected a CSV file, got")


def test_a_small_table_that_unpacks_to_a_huge_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(_tables, "TABLE_BYTES", 10_000)
    folder = small(tmp_path)
    (folder / "meta.csv").unlink()
    (folder / "meta.csv.gz").write_bytes(
        gzip.compress(META.encode() + b"7,10,-30,0.02,0.5,0.45,0.1,90,90,0.51\n" * 1000)
    )
    refuses(folder, "meta.csv.gz: expected at most 10000 bytes, got more; split the file")


def test_files_that_change_between_the_two_passes_are_noticed(tmp_path, monkeypatch):
    folder = small(tmp_path)
    real = _long._survey

    def forgetful(files, blocks):
        visits, keys = real(files, blocks)
        return visits, keys[:-1]

    monkeypatch.setattr(_long, "_survey", forgetful)
    refuses(folder, "expected 1 objects as before, got 2; the files changed")
