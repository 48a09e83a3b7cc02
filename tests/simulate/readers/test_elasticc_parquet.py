"""ELAsTiCC alerts in Parquet become a run: the light curve of an object is what its alerts hold together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from brokerbench.errors import ConfigError, InputError
from brokerbench.store import Folder, read_columns
from brokerbench.tables import DiaObjects, Hosts, LightCurves, Objects, Visits
from simulate.readers import elasticc_parquet
from simulate.readers.elasticc_parquet import READER

FINK = "04_elasticc/fink_tutorials"


def read(folder: Path, out: Path, **options: object) -> Folder:
    return READER.read([folder], out, seed=5, name="small", options=options)


def point(mjd: float, band: str = "r", flux: float = 100.0) -> dict[str, Any]:
    return {"midPointTai": mjd, "filterName": band, "psFlux": flux, "psFluxErr": 10.0}


def alert(number: int, mjd: float, previous: list, forced: list | None, **more: Any) -> dict[str, Any]:
    about = {"ra": 10.0 + number, "decl": -30.0, "mwebv": 0.05, "z_final": 0.4, "z_final_err": 0.1}
    galaxy = {"hostgal_snsep": -9.0, "hostgal_mag_r": 999.0}
    return {
        "diaSource": {"diaObjectId": number, **point(mjd)},
        "prvDiaSources": previous,
        "prvDiaForcedSources": forced,
        "diaObject": {"diaObjectId": number, **about, **galaxy, **more.pop("object", {})},
        "GENTYPE": 10,
        "ZHELIO": 0.41,
        "PEAKMJD": 60010.0,
    } | more


def write(folder: Path, alerts: list[dict[str, Any]], name: str = "a.parquet") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(alerts), folder / name)
    return folder


def three(folder: Path) -> Path:
    """Three alerts of object 7 and one of object 5, out of order, in two files."""
    last = alert(7, 60009.0, [point(60000.0), point(60003.0)], [point(59990.0, "Y", -5.0), point(60000.0)])
    middle = alert(7, 60003.0, [point(60000.0)], None, object={"z_final": -9.0})
    write(folder, [last, alert(5, 60001.0, [], None)], "a.parquet")
    return write(folder, [middle, alert(7, 60000.0, [], None)], "b.parquet")


@pytest.mark.shared_data
def test_real_alerts_merge_into_the_light_curves_that_they_hold(shared_data, tmp_path):
    run = read(shared_data / FINK, tmp_path / "run")
    truth = run.read("truth/objects", "00-00000", Objects)
    assert dict(zip(*np.unique(truth.class_id, return_counts=True), strict=True)) == {2222: 151, 2224: 148}
    names = read_columns(run.file("truth/parameters", "00-00000"))[0]["diaObjectId"]
    points: dict[int, dict[tuple[float, str], list[Any]]] = {}
    for file in (shared_data / FINK).rglob("*.parquet"):
        for row in pq.ParquetFile(file).read().to_pylist():
            mine = points.setdefault(row["diaSource"]["diaObjectId"], {})
            for p in row["prvDiaForcedSources"] or []:
                mine.setdefault((p["midPointTai"], p["filterName"].lower()), [p["psFlux"], False])
            for p in [row["diaSource"], *(row["prvDiaSources"] or [])]:
                mine[p["midPointTai"], p["filterName"].lower()] = [p["psFlux"], True]
    visits, curves = run.read("visits", "all", Visits), run.read("light_curves", "00-00000", LightCurves)
    assert names.tolist() == sorted(points)
    for i, name in enumerate(names.tolist()):
        span = slice(curves.offsets[i], curves.offsets[i + 1])
        at = curves.visit[span]
        keys = zip(
            visits.mjd[at].tolist(), (["u", "g", "r", "i", "z", "y"][b] for b in visits.band[at]), strict=True
        )
        mine = {
            key: [float(f), bool(d)]
            for key, f, d in zip(keys, curves.flux[span], curves.detected[span], strict=True)
        }
        assert mine == points[name]


@pytest.mark.shared_data
def test_real_hosts_and_redshifts_hold_no_number_for_absent(shared_data, tmp_path):
    run = read(shared_data / "04_elasticc/fink_science", tmp_path / "run", class_id=2332)
    for name in ("hosts", "hosts2"):
        for column, value in run.read(name, "00-00000", Hosts).as_dict().items():
            known = value[np.isfinite(value)]
            assert not (known < (-91 if column == "dec" else -1)).any(), column
            if column.startswith("mag"):
                assert not (known > 90).any(), column
    objects = run.read("dia_objects", "00-00000", DiaObjects)
    assert not (objects.z_final <= 0).any()
    assert np.isnan(objects.z_final).any()


def test_alerts_of_an_object_are_merged_wherever_they_lie(tmp_path):
    run = read(three(tmp_path / "in"), tmp_path / "run")
    visits, curves = run.read("visits", "all", Visits), run.read("light_curves", "00-00000", LightCurves)
    np.testing.assert_array_equal(curves.offsets, [0, 1, 5])  # in order of diaObjectId: 5, 7
    np.testing.assert_array_equal(visits.mjd[curves.visit], [60001, 59990, 60000, 60003, 60009])
    np.testing.assert_array_equal(curves.detected, [True, False, True, True, True])
    np.testing.assert_array_equal(visits.band[curves.visit], [2, 5, 2, 2, 2])
    objects = run.read("dia_objects", "00-00000", DiaObjects)
    np.testing.assert_array_equal(objects.ra, [15, 17])
    # what the latest alert says of the object, not the first one of the file
    np.testing.assert_allclose(objects.z_final, 0.4, rtol=1e-6)
    assert np.isnan(run.read("hosts", "00-00000", Hosts).sep).all()
    truth = run.read("truth/objects", "00-00000", Objects)
    np.testing.assert_allclose(truth.z, 0.41, rtol=1e-6)
    assert truth.t0.tolist() == [60010, 60010]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_chunks_and_batches_do_not_change_what_is_read(tmp_path, monkeypatch):
    rng = np.random.default_rng(4)
    alerts = [
        alert(int(n), 60000 + float(t), [], [point(59990 + float(n))])
        for t, n in enumerate(rng.integers(0, 9, 60))
    ]
    folder = write(tmp_path / "in", alerts)
    whole = read(folder, tmp_path / "whole")
    monkeypatch.setattr(elasticc_parquet, "CHUNK", 4)
    monkeypatch.setattr(elasticc_parquet, "ROWS", 7)
    run = read(folder, tmp_path / "run")
    assert [p["objects"] for p in run.manifest["parts"].values()] == [4, 4, 1]
    pieces = LightCurves.concat([run.read("light_curves", p, LightCurves) for p in run.parts])
    for name, value in whole.read("light_curves", "00-00000", LightCurves).as_dict().items():
        np.testing.assert_array_equal(getattr(pieces, name), value)


def test_classes_come_from_gentype_or_folder_or_option(tmp_path):
    bare = {k: v for k, v in alert(7, 60000.0, [], None).items() if k != "GENTYPE"}
    folder = write(tmp_path / "in" / "classId=121", [bare])
    assert read(folder.parent, tmp_path / "a").read(
        "truth/objects", "00-00000", Objects
    ).class_id.tolist() == [2232]
    run = read(folder.parent, tmp_path / "b", class_id=2243)
    assert run.read("truth/objects", "00-00000", Objects).class_id.tolist() == [2243]


def test_bad_files_are_refused(tmp_path):
    folder = tmp_path / "in"

    def refuses(match: str, **options: object) -> None:
        with pytest.raises((InputError, ConfigError), match=match):
            read(folder, tmp_path / "run", **options)
        assert [p.name for p in tmp_path.iterdir()] == ["in"]

    whole = alert(7, 60000.0, [], None)
    write(folder, [{k: v for k, v in whole.items() if k != "GENTYPE"}])
    refuses("expected a column GENTYPE or a folder classId=NNN, got neither; set class_id")
    refuses("class_id: expected an ELAsTiCC2 class, got 111", class_id=111)
    write(folder, [whole | {"GENTYPE": 71}])
    refuses("expected types of ELAsTiCC, got 71; set class_id")
    write(folder, [{"objectId": 3}])
    refuses("expected alerts with diaSource and diaObject, got columns objectId")
    write(folder, [whole | {"diaSource": point(60000.0)}])
    refuses("expected diaSource.diaObjectId in every alert, got none")
    write(folder, [whole, whole | {"diaSource": None}])
    refuses("expected diaSource.diaObjectId in every alert, got 1 nulls")
    write(folder, [whole | {"diaSource": {"diaObjectId": 7, **point(60000.0, "B")}}])
    refuses("expected filters u g r i z Y, got others in 1 measurements")
    write(folder, [whole | {"diaSource": {"diaObjectId": 7, "midPointTai": 60000.0, "filterName": "r"}}])
    refuses("expected filterName, midPointTai, psFlux, psFluxErr, got")
    pq.write_table(pa.Table.from_pylist([whole]).slice(0, 0), folder / "a.parquet")
    refuses("expected alerts, got none in 1 files")
    write(folder, [whole])
    content = (folder / "a.parquet").read_bytes()
    (folder / "a.parquet").write_bytes(content[: len(content) // 2])
    refuses("a.parquet: expected a whole and readable file, got one that says")
