"""MALLORN's CSV files become a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from brokerbench.errors import InputError
from brokerbench.store import Folder, read_columns
from brokerbench.tables import FLAG_NO_MODEL, DiaObjects, LightCurves, Objects, Visits
from simulate.readers.mallorn import READER

REAL = "05_challenge_data/mallorn"
CURVES = "object_id,Time (MJD),Flux,Flux_err,Filter\n"
LOG = "object_id,Z,Z_err,EBV,SpecType,split\n"


def read(folder: Path, out: Path, **options: object) -> Folder:
    return READER.read([folder], out, seed=5, name="small", options=options)


def write(folder: Path, curves: str, log: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "curves.csv").write_text(CURVES + curves)
    (folder / "log.csv").write_text(LOG + log)
    return folder


@pytest.mark.shared_data
def test_real_light_curves_equal_the_file(shared_data, tmp_path):
    run = read(shared_data / REAL, tmp_path / "run", unlabelled=True)
    part = run.manifest["parts"]["00-00000"]
    assert (part["objects"], part["rows"]) == (155, 26324)
    table = pd.read_csv(shared_data / REAL / "split_01/train_full_lightcurves.csv")
    log = pd.read_csv(shared_data / REAL / "train_log.csv").set_index("object_id")
    visits, curves = run.read("visits", "all", Visits), run.read("light_curves", "00-00000", LightCurves)
    parameters, _ = read_columns(run.file("truth/parameters", "00-00000"))
    truth = run.read("truth/objects", "00-00000", Objects)
    tde = [log.loc[name, "SpecType"] == "TDE" for name in parameters["object_id"]]
    np.testing.assert_array_equal(truth.class_id == 2243, tde)
    assert sum(tde) == 12
    for i, (name, group) in enumerate(table.groupby("object_id", sort=False)):
        group = group.sort_values("Time (MJD)", kind="stable")
        mine = slice(curves.offsets[i], curves.offsets[i + 1])
        assert parameters["object_id"][i] == name
        np.testing.assert_array_equal(visits.mjd[curves.visit[mine]], group["Time (MJD)"])
        np.testing.assert_allclose(curves.flux[mine], 1000 * group["Flux"], rtol=3e-7)
        assert ["ugrizy"[b] for b in visits.band[curves.visit[mine]]] == group["Filter"].tolist()


@pytest.mark.shared_data
def test_the_unit_is_microjansky_for_the_depths_are_those_of_lsst(shared_data, tmp_path):
    run = read(shared_data / REAL, tmp_path / "run", unlabelled=True)
    visits, curves = run.read("visits", "all", Visits), run.read("light_curves", "00-00000", LightCurves)
    depth = [
        31.4 - 2.5 * np.log10(5 * np.nanmedian(curves.flux_err[visits.band[curves.visit] == b]))
        for b in range(6)
    ]
    # medians of 10,000 visits of baseline v2.0; 0.3 mag is a tenth of the step to the next unit
    np.testing.assert_allclose(depth, [23.66, 24.52, 24.04, 23.57, 22.96, 21.87], atol=0.3)


def test_numbers_come_through(tmp_path):
    folder = write(
        tmp_path / "in",
        "Elf,60000,0.5,0.01,g\nElf,60001,0.04,0.01,y\nElf,60002,,0.01,r\n",
        "Elf,0.3,,0.05,TDE,a\n",
    )
    run = read(folder, tmp_path / "run")
    curves = run.read("light_curves", "00-00000", LightCurves)
    np.testing.assert_allclose(curves.flux, [500, 40, np.nan], rtol=1e-6)
    assert curves.detected.tolist() == [True, False, False]
    assert curves.flags.tolist() == [0, 0, FLAG_NO_MODEL]
    assert run.read("truth/objects", "00-00000", Objects).class_id.tolist() == [2243]
    objects = run.read("dia_objects", "00-00000", DiaObjects)
    np.testing.assert_allclose(objects.z_final, 0.3, rtol=1e-6)
    assert np.isnan(objects.z_final_err).all()
    lower = read(folder, tmp_path / "lower", detection_snr=3.9).read("light_curves", "00-00000", LightCurves)
    assert lower.detected.tolist() == [True, True, False]


def test_bad_files_are_refused(tmp_path):
    def refuses(folder: Path, match: str) -> None:
        with pytest.raises(InputError, match=match):
            read(folder, tmp_path / "run")
        assert [p.name for p in tmp_path.iterdir()] == ["in"]

    curves, log = "Elf,60000,0.5,0.01,g\n", "Elf,0.3,,0.05,TDE,a\n"
    refuses(
        write(tmp_path / "in", curves, log.replace("Elf", "Orc")),
        "log.csv: expected object 'Elf', got no such",
    )
    refuses(
        write(tmp_path / "in", curves, log.replace("TDE", "")),
        "expected a SpecType for object 'Elf', got none",
    )
    refuses(
        write(tmp_path / "in", curves, log.replace("TDE", "Balrog")),
        "SpecType: .*expected a class name, got 'Balrog'",
    )
    refuses(write(tmp_path / "in", curves.replace(",g", ",B"), log), "expected filters u g r i z y, got 'B'")
    (tmp_path / "in" / "log.csv").unlink()
    refuses(tmp_path / "in", "expected CSV files of light curves and logs, got none of logs")
