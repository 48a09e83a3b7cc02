"""What is refused before anything is written, and what a run may leave out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brokerbench.errors import InputError
from brokerbench.store import Folder
from brokerbench.tables import FLAG_LEFT_OUT, LightCurves, TrueFluxes
from simulate import SOURCES, Population, generate, kasen17, observed, spectra
from simulate.leaks import columns_without_physics, leak_score
from simulate.object_parts import object_parts
from simulate.settings import CadenceChoice, Survey
from simulate.sources import sn_ia_salt3
from simulate.spectroscopy import FollowUp, spectroscopic_sample
from streamer.alerts import prepare
from tests.simulate.scenes import small_simulation

WITH_FILES = sorted(name for name in SOURCES if SOURCES[name].needs_files)


def refused(tmp_path: Path, name: str) -> str:
    """The message with which a run of a class is refused; nothing is left behind."""
    simulation = small_simulation(population=[Population(source="rr_lyrae", count=2), one(name)])
    for cached in (kasen17.grid, kasen17.table, observed._table, spectra.salt, sn_ia_salt3.table):
        cached.cache_clear()  # they remember what they have read
    with pytest.raises(InputError) as caught:
        generate(simulation, tmp_path / "out" / "run")
    assert not (tmp_path / "out").exists(), "nothing half-written"
    return str(caught.value)


def one(name: str) -> Population:
    return Population(source=name, count=1)


def test_there_are_classes_with_files() -> None:
    assert len(WITH_FILES) >= 8


@pytest.mark.parametrize("name", WITH_FILES)
def test_template_files_that_are_missing_are_named_before_anything_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("h5py")
    variable, folder = SOURCES[name].needs_files
    monkeypatch.delenv(variable, raising=False)
    assert refused(tmp_path, name).startswith(f"{variable}: expected a folder")
    monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    assert str(tmp_path / "nowhere") in refused(tmp_path, name)
    empty = tmp_path / "empty"
    (empty / folder).mkdir(parents=True)
    monkeypatch.setenv(variable, str(empty))
    said = refused(tmp_path, name)
    assert said.startswith(str(empty)), "the file or folder that is missing"
    assert "expected" in said
    assert "\n" not in said


@pytest.mark.shared_data
@pytest.mark.parametrize("name", WITH_FILES)
def test_template_files_that_hold_something_else_are_named_before_anything_is_written(
    name: str, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("h5py")
    variable, folder = SOURCES[name].needs_files
    real = shared_data / ("sncosmo_data" if folder else "08_model_inputs/kilonova_kasen17")
    for file in (real / folder).rglob("*"):
        if file.is_file():
            bad = tmp_path / "bad" / file.relative_to(real)
            bad.parent.mkdir(parents=True, exist_ok=True)
            bad.write_bytes(b"not a model\n")
    monkeypatch.setenv(variable, str(tmp_path / "bad"))
    said = refused(tmp_path, name)
    assert str(tmp_path / "bad") in said
    assert "expected" in said


def both(tmp_path: Path) -> tuple[Folder, Folder]:
    """The same sky with all light curves, and with those of triggered objects alone."""
    runs = []
    for keep in ("all", "triggered"):
        survey = Survey(
            cadence=CadenceChoice(use="synthetic_wfd", options={"years": 0.5, "fields": 4}),
            light_curves=keep,
            min_gap_days=0.02,
        )
        population = [
            Population(source="sn_ia", count=300, redshift=(0.02, 0.9)),
            Population(source="rr_lyrae", count=60),
        ]
        runs.append(generate(small_simulation(survey=survey, population=population), tmp_path / keep))
    return runs[0], runs[1]


def test_light_curves_of_what_never_triggers_can_be_left_out(tmp_path: Path) -> None:
    """Alerts are the same bytes, truth is whole, the rest is nulls with a flag and takes less room."""
    everything, fewer = both(tmp_path)
    for run in (everything, fewer):  # the gap is asked of exports and samples as of alerts
        assert sum(map(len, object_parts(run))) == sum(f["triggered"] for f in run.manifest["parts"].values())
    samples = [spectroscopic_sample(run, FollowUp(seed=1)) for run in (everything, fewer)]
    np.testing.assert_array_equal(*samples)
    left = 0
    for part in everything.parts:
        for table in ("truth/objects", "truth/light_curves", "truth/parameters", "dia_objects", "hosts"):
            assert everything.file(table, part).read_bytes() == fewer.file(table, part).read_bytes(), table
        whole, kept = (run.read("light_curves", part, LightCurves) for run in (everything, fewer))
        gone = kept.flags == FLAG_LEFT_OUT
        np.testing.assert_array_equal(whole.offsets, kept.offsets)
        np.testing.assert_array_equal(whole.visit, kept.visit)
        np.testing.assert_array_equal(whole.flux[~gone], kept.flux[~gone])
        np.testing.assert_array_equal(whole.detected[~gone], kept.detected[~gone])
        assert np.isnan(kept.flux[gone]).all()
        assert np.isnan(kept.flux_err[gone]).all()
        assert not kept.detected[gone].any()
        assert len(fewer.read("truth/light_curves", part, TrueFluxes).flux) == len(kept.flux)
        left += int(gone.sum())
        assert (fewer.manifest["parts"][part]) == (everything.manifest["parts"][part])
    assert left > 1000
    size = [
        sum(run.file("light_curves", part).stat().st_size for part in run.parts)
        for run in (everything, fewer)
    ]
    assert size[1] < 0.7 * size[0]
    streams = [prepare(run) for run in (everything, fewer)]
    files = [f for f in streams[0].path.rglob("*") if f.is_file() and f.suffix != ".json"]
    names = sorted(f.relative_to(streams[0].path) for f in files)
    assert len(names) >= 4
    for name in names:
        assert (streams[0].path / name).read_bytes() == (streams[1].path / name).read_bytes(), name


def test_light_curves_left_out_tell_nothing_of_the_class(tmp_path: Path) -> None:
    _, fewer = both(tmp_path)
    assert leak_score(*columns_without_physics(fewer), seed=1).sigma < 4
