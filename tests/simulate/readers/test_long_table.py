"""Any long table of measurements becomes a run, by the names of its columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from brokerbench.errors import ConfigError, InputError
from brokerbench.store import Folder, read_columns
from brokerbench.tables import DiaObjects, LightCurves, Objects, Visits
from simulate.readers.long_table import READER

BTS = "09_variability/ztf_bts_snia"
BTS_OPTIONS = {
    "object_id": "object",
    "table_id": "ZTFID",
    "time": "time",
    "bands": {"R": "r"},
    "mag": "mag",
    "mag_err": "magerr",
    "class_name": "type",
    "detection_snr": 3.0,
    "ra": "RA",
    "dec": "Dec",
}
CURVES = "object_id,mjd,band,flux,flux_err\n"


def read(folder: Path, out: Path, **options: object) -> Folder:
    return READER.read([folder], out, seed=5, name="small", options=options)


def write(folder: Path, curves: str, objects: str | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "curves.csv").write_text(CURVES + curves)
    if objects is not None:
        (folder / "objects.csv").write_text(objects)
    return folder


@pytest.mark.shared_data
def test_real_sne_ia_of_ztf_come_through(shared_data, tmp_path):
    run = read(shared_data / BTS, tmp_path / "run", **BTS_OPTIONS)
    part = run.manifest["parts"]["00-00000"]
    assert (part["objects"], part["rows"]) == (1181, 22741)
    table = pd.read_parquet(shared_data / BTS / "light_curves.parquet")
    about = pd.read_csv(shared_data / BTS / "bts.csv").set_index("ZTFID")
    names = read_columns(run.file("truth/parameters", "00-00000"))[0]["object_id"]
    truth, objects = (
        run.read("truth/objects", "00-00000", Objects),
        run.read("dia_objects", "00-00000", DiaObjects),
    )
    np.testing.assert_allclose(truth.z, about.loc[names, "redshift"], rtol=1e-6)
    assert (truth.class_id == 2222).mean() > 0.9
    from astropy.coordinates import SkyCoord

    theirs = SkyCoord(
        about.loc[names, "RA"].tolist(), about.loc[names, "Dec"].tolist(), unit=("hourangle", "deg")
    )
    np.testing.assert_allclose(objects.ra, theirs.ra.deg, atol=1e-9)
    np.testing.assert_allclose(objects.dec, theirs.dec.deg, atol=1e-9)
    visits, curves = run.read("visits", "all", Visits), run.read("light_curves", "00-00000", LightCurves)
    for i, (name, group) in enumerate(table.groupby("object", sort=False)):
        assert names[i] == name
        group = group.sort_values("time", kind="stable")
        mine = slice(curves.offsets[i], curves.offsets[i + 1])
        np.testing.assert_array_equal(visits.mjd[curves.visit[mine]], group["time"])
        np.testing.assert_allclose(31.4 - 2.5 * np.log10(curves.flux[mine]), group["mag"], atol=2e-6)
        relative = curves.flux_err[mine] / curves.flux[mine]
        np.testing.assert_allclose(relative, group["magerr"] * np.log(10) / 2.5, rtol=1e-5)


def test_names_units_and_times_are_those_of_the_options(tmp_path):
    (tmp_path / "in").mkdir()
    frame = pd.DataFrame(
        {
            "name": ["a", "a", "b"],
            "jd": [2460000.5, 2460003.5, 2460001.5],
            "filter": ["ztfg", "r", "ztfg"],
            "f": [1.0, 2.0, 0.1],
            "e": [0.1, 0.1, 0.1],
            "seen": [False, True, True],
        }
    )
    frame.to_parquet(tmp_path / "in" / "curves.parquet")
    options = {"object_id": "name", "time": "jd", "time_offset": -2400000.5, "band": "filter", "flux": "f"}
    options |= {"flux_err": "e", "zero_point": 23.9, "bands": {"ztfg": "g"}, "class_id": 2232}
    run = read(tmp_path / "in", tmp_path / "run", **options)
    visits, curves = run.read("visits", "all", Visits), run.read("light_curves", "00-00000", LightCurves)
    np.testing.assert_array_equal(visits.mjd[curves.visit], [60000, 60003, 60001])
    np.testing.assert_array_equal(visits.band[curves.visit], [1, 2, 1])
    np.testing.assert_allclose(curves.flux, [1000, 2000, 100], rtol=1e-6)
    assert curves.detected.tolist() == [True, True, False]
    flagged = read(tmp_path / "in", tmp_path / "flagged", **options, detected="seen")
    assert flagged.read("light_curves", "00-00000", LightCurves).detected.tolist() == [False, True, True]
    assert np.isnan(run.read("dia_objects", "00-00000", DiaObjects).ra).all()


def test_classes_are_ids_or_names_or_what_the_options_say(tmp_path):
    curves = "".join(f"{k},60000,g,9,1\n" for k in ("a", "b", "c"))
    folder = write(tmp_path / "in", curves, "object_id,kind\na,2232\nb,SN Ia\nc,weird\n")
    run = read(folder, tmp_path / "run", class_name="kind", classes={"weird": 2243})
    assert run.read("truth/objects", "00-00000", Objects).class_id.tolist() == [2232, 2222, 2243]


def test_options_that_contradict_each_other_are_refused(tmp_path):
    folder = write(tmp_path / "in", "a,60000,g,9,1\n")

    def refuses(match: str, **options: object) -> None:
        with pytest.raises((ConfigError, InputError), match=match):
            read(folder, tmp_path / "run", **options)
        assert [p.name for p in tmp_path.iterdir()] == ["in"]

    refuses("expected either class_id or class_name, got both or neither")
    refuses("expected either class_id or class_name", class_id=2222, class_name="type")
    refuses(r"expected ELAsTiCC2 classes, got \[111\]", class_id=111)
    refuses("bands: expected u g r i z y, got V", class_id=2222, bands={"V": "V"})
    refuses("expected columns band, brightness, .*got none in 1 files", class_id=2222, flux="brightness")
    refuses("no object table: expected a column type of classes, got none", class_name="type")


def test_bad_files_are_refused(tmp_path):
    def refuses(folder: Path, match: str, **options: object) -> None:
        with pytest.raises(InputError, match=match):
            read(folder, tmp_path / "run", **(options or {"class_id": 2222}))
        assert [p.name for p in tmp_path.iterdir()] == ["in"]

    row = "a,60000,g,9,1\n"
    refuses(write(tmp_path / "in", row.replace(",g,", ",V,")), "expected bands u, g, .*, got 'V'; set bands")
    refuses(write(tmp_path / "in", row.replace("60000", "today")), "curves.csv: expected columns .*says")
    folder = write(tmp_path / "in", row, "object_id,type\nb,SN Ia\n")
    refuses(folder, "objects.csv: expected a class for object a, got none", class_name="type")
    folder = write(tmp_path / "in", row, "object_id,type\na,Balrog\n")
    refuses(folder, "object a: .*expected a class name, got 'Balrog'.*set classes", class_name="type")
    folder = write(tmp_path / "in", row, "object_id,type,ra\na,SN Ia,north\n")
    refuses(folder, "object a: expected a number in ra, got 'north'", class_name="type")
    (folder / "curves.parquet").write_bytes(b"PAR1 and no more")
    refuses(folder, "curves.parquet: expected a whole and readable file, got one that says")
    pd.DataFrame(
        {"object_id": ["a"], "mjd": ["x"], "band": ["g"], "flux": [1.0], "flux_err": [1.0]}
    ).to_parquet(folder / "curves.parquet")
    refuses(folder, "curves.parquet: expected a whole and readable file, got one that says: .*x")
