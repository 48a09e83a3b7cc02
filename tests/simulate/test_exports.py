"""Exports, read back by other people's readers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import sncosmo
from astropy.table import Table

from brokerbench.errors import InputError, UnknownName
from brokerbench.store import Folder
from simulate import EXPORTS, READERS, Population, generate
from simulate.export import FLUXCAL, ObjectPart, export, object_parts
from simulate.exports.astropy_tables import tables
from simulate.shuffle import by_object_id
from tests.simulate.scenes import small_simulation

NAMES = sorted(EXPORTS)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    population = [
        Population(source="sn_ia", count=40, redshift=(0.02, 0.12)),
        Population(source="rr_lyrae", count=15),
    ]
    simulation = small_simulation(population=population)
    return generate(simulation, tmp_path_factory.mktemp("export") / "run")


@pytest.fixture(scope="module")
def parts(run: Folder, tmp_path_factory: pytest.TempPathFactory) -> list[ObjectPart]:
    """What the formats are given to write."""
    scratch = tmp_path_factory.mktemp("scratch")
    found = list(by_object_id(object_parts(run), scratch, buckets=len(run.parts)))
    assert len(found) == 2
    assert all(len(p) > 5 for p in found)
    return found


def joined(parts: list[ObjectPart], name: str) -> np.ndarray:
    return np.concatenate([getattr(p, name) for p in parts])


def test_there_are_formats() -> None:
    assert {"plasticc_csv", "snana_fits", "parquet_long", "parquet_nested", "astropy_tables"} <= set(NAMES)
    with pytest.raises(UnknownName, match="did you mean 'snana_fits'"):
        EXPORTS["snana_fit"]


@pytest.mark.parametrize("name", NAMES)
def test_an_export_is_whole_or_not_there(name: str, run: Folder, tmp_path: Path) -> None:
    folder = export(EXPORTS[name], run, tmp_path / "out", truth=True)
    assert any(folder.iterdir())
    assert not list(tmp_path.glob("*.partial"))
    with pytest.raises(InputError, match="expected no such folder yet, got one"):
        export(EXPORTS[name], run, tmp_path / "out")


@pytest.mark.parametrize("name", NAMES)
def test_without_truth_no_class_is_written(name: str, run: Folder, tmp_path: Path) -> None:
    folder = export(EXPORTS[name], run, tmp_path / "out")
    for file in folder.iterdir():
        head = file.read_bytes()[:20_000].lower()
        for word in (b"class_id", b"true_z", b"target", b"sim_type", b"sn_ia"):
            assert word not in head, (file, word)


@pytest.mark.parametrize("buckets", [1, 2, 7, 1024])
def test_objects_are_written_in_the_order_of_their_ids_whatever_their_class(
    buckets: int, run: Folder, tmp_path: Path
) -> None:
    before, after = list(object_parts(run)), list(by_object_id(object_parts(run), tmp_path, buckets=buckets))
    ids = np.concatenate([p.seen.object_id for p in after])
    assert (np.diff(ids) > 0).all()
    assert len({tuple(sorted(set(p.objects.class_id.tolist()))) for p in before}) == 2  # parts hold a class

    def points(parts: list[ObjectPart]) -> dict[int, tuple[bytes, ...]]:
        found = {}
        for part in parts:
            for k, object_id in enumerate(part.seen.object_id.tolist()):
                span = slice(part.offsets[k], part.offsets[k + 1])
                measured = (part.mjd[span], part.band[span], part.flux[span], part.flux_err[span])
                flags = (part.detected[span], part.flags[span])
                about = [*part.seen.as_dict().values(), *part.hosts.as_dict().values()]
                truth = list(part.objects.as_dict().values())
                found[object_id] = tuple(
                    x.tobytes() for x in (*measured, *flags, *(c[k] for c in about + truth))
                )
        return found

    assert points(after) == points(before)


def test_no_bucket_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="buckets: expected one or more, got 0"):
        list(by_object_id(iter([]), tmp_path, buckets=0))


def test_an_export_that_fails_leaves_nothing(run: Folder, tmp_path: Path) -> None:
    class Broken:
        @staticmethod
        def write(parts: object, folder: Path, truth: bool) -> None:
            (folder / "half").write_text("x")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        export(Broken(), run, tmp_path / "out")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_triggered_objects_are_exported_or_all(run: Folder) -> None:
    triggered = sum(len(p) for p in object_parts(run))
    facts = run.manifest["parts"].values()
    assert triggered == sum(f["triggered"] for f in facts)
    assert sum(len(p) for p in object_parts(run, every=True)) == 55
    assert sum(len(p.mjd) for p in object_parts(run, every=True)) == sum(f["rows"] for f in facts)


def test_plasticc_csv_is_read_by_pandas(run: Folder, parts: list[ObjectPart], tmp_path: Path) -> None:
    folder = export(EXPORTS["plasticc_csv"], run, tmp_path / "out", truth=True)
    curves, metadata = pd.read_csv(folder / "light_curves.csv"), pd.read_csv(folder / "metadata.csv")
    assert list(curves.columns) == ["object_id", "mjd", "passband", "flux", "flux_err", "detected_bool"]
    np.testing.assert_allclose(curves.flux, joined(parts, "flux") * FLUXCAL, rtol=1e-6)
    np.testing.assert_allclose(curves.mjd, joined(parts, "mjd"), rtol=0, atol=1e-9)
    assert set(metadata.target) == {90, 92}
    assert metadata.hostgal_photoz[metadata.target == 92].isna().all()
    near = metadata[(metadata.target == 90) & metadata.hostgal_photoz.notna()]
    assert near.distmod.between(30, 46).all()
    assert set(curves.object_id) == set(metadata.object_id)


def test_snana_fits_is_read_by_sncosmo(run: Folder, parts: list[ObjectPart], tmp_path: Path) -> None:
    folder = export(EXPORTS["snana_fits"], run, tmp_path / "out")
    for part in parts:
        lcs = sncosmo.read_snana_fits(
            str(folder / f"{part.name}_HEAD.FITS"), str(folder / f"{part.name}_PHOT.FITS")
        )
        assert len(lcs) == len(part)
        for k, table in enumerate(lcs):
            span = slice(part.offsets[k], part.offsets[k + 1])
            np.testing.assert_allclose(table["FLUXCAL"], part.flux[span] * FLUXCAL, rtol=1e-6)
            np.testing.assert_allclose(table["MJD"], part.mjd[span], atol=1e-9)
            assert int(str(table.meta["SNID"]).strip("b' ")) == part.seen.object_id[k]


def test_snana_fits_comes_back_through_our_own_reader(
    run: Folder, parts: list[ObjectPart], tmp_path: Path
) -> None:
    folder = export(EXPORTS["snana_fits"], run, tmp_path / "out", truth=True)
    back = READERS["snana"].read([folder], tmp_path / "back", seed=3, name="back")
    again = list(object_parts(back))
    assert sum(len(p.mjd) for p in again) == sum(len(p.mjd) for p in parts)
    np.testing.assert_allclose(np.sort(joined(again, "flux")), np.sort(joined(parts, "flux")), rtol=1e-5)
    classes = np.concatenate([p.objects.class_id for p in again])
    np.testing.assert_array_equal(
        np.sort(classes), np.sort(np.concatenate([p.objects.class_id for p in parts]))
    )


def test_plasticc_csv_comes_back_through_our_own_reader(
    run: Folder, parts: list[ObjectPart], tmp_path: Path
) -> None:
    folder = export(EXPORTS["plasticc_csv"], run, tmp_path / "out", truth=True)
    back = READERS["plasticc_csv"].read([folder], tmp_path / "back", seed=3, name="back")
    again = list(object_parts(back))
    np.testing.assert_allclose(np.sort(joined(again, "flux")), np.sort(joined(parts, "flux")), rtol=1e-5)
    classes, before = (np.concatenate([p.objects.class_id for p in x]) for x in (again, parts))
    np.testing.assert_array_equal(np.sort(classes), np.sort(before))


def test_parquet_in_rows_is_read_by_pandas(run: Folder, parts: list[ObjectPart], tmp_path: Path) -> None:
    folder = export(EXPORTS["parquet_long"], run, tmp_path / "out", truth=True)
    curves, objects = (
        pd.read_parquet(folder / "light_curves.parquet"),
        pd.read_parquet(folder / "objects.parquet"),
    )
    np.testing.assert_array_equal(curves.flux, joined(parts, "flux"))
    assert set(curves.band) <= set("ugrizy")
    assert curves.groupby("object_id").size().loc[objects.object_id].gt(0).all()
    assert objects.z_final.isna().sum() >= (objects.class_id == 2323).sum()


def test_nested_parquet_has_a_row_an_object(run: Folder, parts: list[ObjectPart], tmp_path: Path) -> None:
    folder = export(EXPORTS["parquet_nested"], run, tmp_path / "out", truth=True)
    table = pq.read_table(folder / "objects.parquet")
    assert table.num_rows == sum(len(p) for p in parts)
    frame = table.to_pandas()
    np.testing.assert_array_equal(
        np.concatenate([row["flux"] for row in frame.lightcurve]), joined(parts, "flux")
    )
    assert set(frame.lightcurve[0]) == {"mjd", "band", "flux", "flux_err", "detected"}


def test_ecsv_is_read_by_astropy(run: Folder, parts: list[ObjectPart], tmp_path: Path) -> None:
    folder = export(EXPORTS["astropy_tables"], run, tmp_path / "out", truth=True)
    table = Table.read(folder / "00000.ecsv")
    np.testing.assert_allclose(table["flux"], parts[0].flux, rtol=1e-6)
    assert len(np.unique(table["object_id"])) == len(parts[0])
    assert set(table["class_id"]) == {2222, 2323}


def test_sncosmo_takes_a_table(parts: list[ObjectPart]) -> None:
    table = next(tables(parts[0], truth=True))
    assert table.meta["class_id"] == parts[0].objects.class_id[0]
    band = sncosmo.Bandpass(np.linspace(4000, 5000, 20), np.ones(20))
    table["band"] = [band] * len(table)  # their LSST bands are files
    data = sncosmo.photdata.photometric_data(table)
    np.testing.assert_allclose(data.flux, parts[0].flux[: len(table)][np.argsort(table["time"])], rtol=1e-6)
    assert (data.zp == 31.4).all()
