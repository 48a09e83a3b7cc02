"""Whole runs."""

from __future__ import annotations

import filecmp
import importlib
import json
import multiprocessing
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.config import decode
from brokerbench.errors import BrokerbenchError, ConfigError, InputError, UnknownName
from brokerbench.ids import serial, unpermute
from brokerbench.store import Folder, read_columns
from brokerbench.tables import (
    FLAG_SATURATED,
    DiaObjects,
    Hosts,
    LightCurves,
    Objects,
    TrueFluxes,
    Visits,
)
from simulate import CadenceChoice, Population, Simulation, Survey, generate
from simulate.chunk import Chunk, active_span, make_chunk
from simulate.generate import plan
from tests.simulate.scenes import small_simulation


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return generate(small_simulation(), tmp_path_factory.mktemp("run") / "run")


def same_files(a: Path, b: Path) -> None:
    names = sorted(p.relative_to(a) for p in a.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(b) for p in b.rglob("*") if p.is_file())
    assert len(names) > 10
    different = [n for n in names if not filecmp.cmp(a / n, b / n, shallow=False)]
    assert different == []


def test_a_run_has_every_table_and_its_books_balance(run: Folder) -> None:
    run.verify()
    manifest = run.manifest
    assert manifest["kind"] == "run"
    assert manifest["origin"] == "simulation"
    assert manifest["bands"] == ["u", "g", "r", "i", "z", "y"]
    assert manifest["counts"] == [30, 20]
    assert (manifest["min_detections"], manifest["min_gap_days"]) == (2, 0.0)
    assert run.parts == ["00-00000", "01-00000"]
    visits = run.read("visits", "all", Visits)
    assert manifest["stream_start"] == np.floor(visits.mjd[0])
    for part, facts in manifest["parts"].items():
        objects = run.read("truth/objects", part, Objects)
        curves = run.read("light_curves", part, LightCurves)
        truth = run.read("truth/light_curves", part, TrueFluxes)
        assert len(objects) == facts["objects"] == len(curves) == len(run.read("hosts2", part, Hosts))
        assert facts["rows"] == len(curves.flux) == len(truth.flux)
        np.testing.assert_array_equal(curves.offsets, truth.offsets)
        parameters, units = read_columns(run.file("truth/parameters", part))
        assert all(len(v) == len(objects) for v in parameters.values())
        assert set(parameters) <= set(units)
        number = np.add.reduceat(curves.detected.astype(int), curves.offsets[:-1])
        assert facts["triggered"] == (number[np.diff(curves.offsets) > 0] >= 2).sum()
    assert manifest["parts"]["01-00000"]["triggered"] >= 15


def test_ids_lead_back_to_the_part_and_say_nothing_else(run: Folder) -> None:
    for number, part in enumerate(run.parts):
        objects = run.read("truth/objects", part, Objects)
        seen = run.read("dia_objects", part, DiaObjects)
        np.testing.assert_array_equal(objects.object_id, seen.object_id)
        back = unpermute(7, "object", objects.object_id)
        np.testing.assert_array_equal(back, serial(number, 0, np.arange(len(objects))))


def test_galactic_objects_have_no_redshift_and_no_host(run: Folder) -> None:
    objects = run.read("truth/objects", "01-00000", Objects)
    seen = run.read("dia_objects", "01-00000", DiaObjects)
    assert np.isnan(objects.z).all()
    assert np.isnan(seen.z_final).all()
    assert (objects.host == -1).all()
    for table in ("hosts", "hosts2"):
        assert np.isnan(run.read(table, "01-00000", Hosts).zphot).all()


def test_redshifts_that_the_survey_has_are_those_of_the_nearest_galaxy(run: Folder) -> None:
    seen = run.read("dia_objects", "00-00000", DiaObjects)
    hosts = run.read("hosts", "00-00000", Hosts)
    best = np.where(np.isfinite(hosts.zspec), hosts.zspec, hosts.zphot)
    np.testing.assert_array_equal(seen.z_final, best)
    assert np.isfinite(seen.z_final).mean() > 0.8


def test_noise_is_what_the_errors_say(run: Folder) -> None:
    for part in run.parts:
        curves = run.read("light_curves", part, LightCurves)
        truth = run.read("truth/light_curves", part, TrueFluxes)
        pulls = (curves.flux - truth.flux) / curves.flux_err
        # 1,000 points or so: four standard errors
        assert abs(pulls.mean()) < 4 / np.sqrt(len(pulls))
        assert abs(pulls.std() - 1) < 4 / np.sqrt(2 * len(pulls))
        np.testing.assert_array_equal(
            curves.detected, (np.abs(curves.flux) > 5 * curves.flux_err) & (curves.flags == 0)
        )


def test_supernovae_are_dark_before_they_explode(run: Folder) -> None:
    objects = run.read("truth/objects", "00-00000", Objects)
    truth = run.read("truth/light_curves", "00-00000", TrueFluxes)
    curves = run.read("light_curves", "00-00000", LightCurves)
    mjd = run.read("visits", "all", Visits).mjd[curves.visit]
    row = np.repeat(np.arange(len(objects)), np.diff(curves.offsets))
    phase = (mjd - objects.t0[row]) / (1 + objects.z[row])
    assert (truth.flux[phase < -30] == 0).all()
    assert (truth.flux[(phase > 0) & (phase < 200)] > 0).all()


def test_galactic_dust_dims_what_lies_behind_it() -> None:
    """The same objects with ten times the dust: fainter by its extinction in each band."""
    made = plan(small_simulation())
    import simulate.chunk as module

    stage = made.stages[0]
    plain = make_chunk(stage, 0, 20)
    before = module.dust.ebv
    try:
        module.dust.ebv = lambda ra, dec: before(ra, dec) + 1.0
        dusty = make_chunk(stage, 0, 20)
    finally:
        module.dust.ebv = before
    band = stage.sky.visits.band[plain.light_curves.visit]
    extinction = module.dust.band_extinction(stage.passbands)[band]
    lit = plain.truth.flux > 0
    magnitudes = -2.5 * np.log10(dusty.truth.flux[lit] / plain.truth.flux[lit])
    np.testing.assert_allclose(magnitudes, extinction[lit], atol=1e-3)


def test_bytes_are_the_same_for_any_number_of_workers(run: Folder, tmp_path: Path) -> None:
    for workers in (2, 7):
        other = generate(small_simulation(), tmp_path / f"w{workers}", workers=workers)
        same_files(run.path, other.path)


def test_a_dask_cluster_writes_the_same_bytes(run: Folder, tmp_path: Path) -> None:
    distributed = pytest.importorskip("dask.distributed", reason="the extra dask is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, processes=True
    ) as cluster:
        other = generate(small_simulation(), tmp_path / "dask", dask=cluster.scheduler_address)
    same_files(run.path, other.path)


def test_a_cluster_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    pytest.importorskip("dask.distributed", reason="the extra dask is not installed")
    with pytest.raises(InputError, match=r"dask: expected a scheduler at nonsense://, got none"):
        generate(small_simulation(), tmp_path / "dask", dask="nonsense://")


def test_dask_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(ConfigError, match=r"got none; install brokerbench\[dask\]"):
        generate(small_simulation(), tmp_path / "dask", dask="tcp://127.0.0.1:1")


def die_after(count: int, path: Path) -> None:
    import os

    generate(small_simulation(), path, progress=lambda done, _: os._exit(9) if done == count else None)


def test_a_killed_run_goes_on_and_ends_the_same(run: Folder, tmp_path: Path) -> None:
    path = tmp_path / "killed"
    process = multiprocessing.get_context("fork").Process(target=die_after, args=(1, path))
    process.start()
    process.join()
    assert process.exitcode == 9
    assert not path.exists()
    first = path.with_name("killed.partial") / "light_curves" / "00-00000.parquet"
    written = first.stat().st_mtime_ns
    calls: list[tuple[int, int]] = []
    done = generate(small_simulation(), path, progress=lambda a, b: calls.append((a, b)))
    assert calls == [(2, 2)], "the first part was not made again"
    assert (path / "light_curves" / "00-00000.parquet").stat().st_mtime_ns == written
    same_files(run.path, done.path)


def test_a_worker_that_is_killed_is_an_error_and_the_run_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    module = importlib.import_module("simulate.generate")  # the package re-exports its function

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_part", lambda *_: os._exit(9))
        with pytest.raises(BrokerbenchError, match="got one that was killed; run again to go on"):
            generate(small_simulation(), tmp_path / "run", workers=2)
    assert not (tmp_path / "run").exists()
    generate(small_simulation(), tmp_path / "run").verify()


def test_a_larger_run_keeps_the_chunks_of_a_smaller_one(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("simulate.generate")  # the package re-exports its function

    monkeypatch.setattr(module, "LARGEST_CHUNK", 16)
    small = plan(small_simulation())
    large = plan(small_simulation(population=[Population(source="sn_ia", count=50, redshift=(0.02, 0.3))]))
    assert [p[3] for p in small.parts if p[1] == 0] == [16, 14]
    assert [p[3] for p in large.parts] == [16, 16, 16, 2]
    one, other = make_chunk(small.stages[0], 0, 16), make_chunk(large.stages[0], 0, 16)
    np.testing.assert_array_equal(one.light_curves.flux, other.light_curves.flux)
    np.testing.assert_array_equal(one.objects.object_id, other.objects.object_id)
    next_one = make_chunk(large.stages[0], 1, 16)
    assert len(np.intersect1d(one.objects.object_id, next_one.objects.object_id)) == 0
    assert not np.array_equal(one.objects.ra, next_one.objects.ra)


def test_chunks_are_smaller_where_visits_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("simulate.generate")  # the package re-exports its function

    monkeypatch.setattr(module, "LARGEST_ROWS", 200)
    made = plan(small_simulation())
    visits = made.stages[0].sky.visits_per_position
    assert max(p[3] for p in made.parts) == int(200 / visits)


def test_counts_follow_the_rate_the_area_and_the_years() -> None:
    def count(**changes: Any) -> int:
        survey = Survey(
            cadence=CadenceChoice(use="synthetic_wfd", options={"years": 0.4, "fields": 3}), **changes
        )
        population = [Population(source="sn_ia", redshift=(0.02, 0.4), rate_scale=50.0)]
        return plan(small_simulation(survey=survey, population=population)).counts[0]

    one, ten = count(area_deg2=10.0), count(area_deg2=100.0)
    made = plan(small_simulation())
    first, last = active_span(made.stages[0])
    from astropy.cosmology import FlatLambdaCDM

    z = np.linspace(0.02, 0.4, 4001)
    volume = FlatLambdaCDM(70, 0.3, Tcmb0=0).differential_comoving_volume(z).value
    rate = np.trapezoid(2.5e-5 * (1 + z) ** 1.5 / (1 + z) * volume, z)
    mean = 50 * rate * np.radians(1) ** 2 * (last - first) / 365.25
    for got, area in ((one, 10), (ten, 100)):
        assert abs(got - mean * area) < 5 * np.sqrt(mean * area)
    assert count() == pytest.approx(mean * made.stages[0].sky.area_deg2, rel=0.2)


def test_fixed_parameters_are_fixed_and_others_still_vary(tmp_path: Path) -> None:
    population = [Population(source="sn_ia", count=10, parameters={"c": 0.1})]
    done = generate(small_simulation(population=population), tmp_path / "run")
    parameters, _ = read_columns(done.file("truth/parameters", "00-00000"))
    assert (parameters["c"] == 0.1).all()
    assert np.ptp(parameters["x1"]) > 0


def test_peculiar_velocities_move_redshifts_and_not_distances() -> None:
    def chunk(velocity: float) -> Chunk:
        survey = Survey(
            cadence=CadenceChoice(use="synthetic_wfd", options={"years": 0.4, "fields": 3}),
            peculiar_velocity=velocity,
            lensing=0.0,
        )
        population = [Population(source="sn_ia", count=400, redshift=(0.1, 0.2))]
        return make_chunk(plan(small_simulation(survey=survey, population=population)).stages[0], 0, 400)

    still, moving = chunk(0.0), chunk(3000.0)
    shift = (moving.objects.z.astype("f8") - still.objects.z) / (1 + still.objects.z)
    assert shift.std() == pytest.approx(0.01, rel=4 / np.sqrt(800))
    for name in ("x1", "c", "mb"):
        np.testing.assert_array_equal(still.parameters[name], moving.parameters[name])


def test_what_saturates_is_flagged_and_not_detected() -> None:
    population = [Population(source="rr_lyrae", count=20, parameters={"mag_g": 14.0})]
    chunk = make_chunk(plan(small_simulation(population=population)).stages[0], 0, 20)
    saturated = chunk.light_curves.flags & FLAG_SATURATED > 0
    assert saturated.mean() > 0.5
    assert not chunk.light_curves.detected[saturated].any()


def test_a_run_of_no_objects_of_one_class_has_the_other(tmp_path: Path) -> None:
    population = [Population(source="sn_ia", count=0), Population(source="agn", count=1)]
    done = generate(small_simulation(population=population), tmp_path / "run")
    assert done.parts == ["01-00000"]
    with pytest.raises(ConfigError, match="expected at least one object in all, got none"):
        generate(small_simulation(population=population[:1]), tmp_path / "none")
    assert not (tmp_path / "none.partial").exists()


@pytest.mark.parametrize(
    "population, error, message",
    [
        ({"source": "kilonowa", "count": 1}, UnknownName, "got 'kilonowa'; did you mean 'kilonova'"),
        ({"source": "sn_ia", "count": -1}, ConfigError, "expected count of 0 or more, got -1"),
        ({"source": "sn_ia", "count": 1, "rate_scale": 1.0}, ConfigError, "expected count or rate_scale"),
        ({"source": "sn_ia", "rate_scale": -1.0}, ConfigError, "expected rate_scale of 0 or more"),
        ({"source": "sn_ia", "redshift": [0.3, 0.1]}, ConfigError, r"expected redshift = \[low, high\]"),
        ({"source": "sn_ia", "count": 1, "redshift": [0.1, 5.0]}, ConfigError, "where the model holds"),
        ({"source": "sn_ia", "count": 1, "hosts": "kilonovae"}, UnknownName, "did you mean 'kilonova'"),
        (
            {"source": "rr_lyrae", "count": 1, "hosts": "sn_ia"},
            ConfigError,
            "expected no hosts and no redshift",
        ),
        ({"source": "sn_ia", "count": 1, "parameters": {"x2": 0.0}}, ConfigError, "got 'x2'; known: a_v, c"),
    ],
)
def test_populations_that_cannot_be_made_are_refused(
    tmp_path: Path, population: dict[str, Any], error: type[Exception], message: str
) -> None:
    raw = {
        "name": "x",
        "seed": 1,
        "survey": {"cadence": {"use": "synthetic_wfd", "options": {"years": 0.1, "fields": 3}}},
        "population": [population],
    }
    with pytest.raises(error, match=message):
        generate(decode(raw, Simulation, where="x.toml"), tmp_path / "run")
    assert list(tmp_path.iterdir()) == [], "nothing half-written is left"


@pytest.mark.parametrize("key", ["field_radius_deg", "detection_snr", "min_detections", "area_deg2"])
def test_survey_numbers_must_be_positive(key: str) -> None:
    cadence = CadenceChoice(use="synthetic_wfd")
    with pytest.raises(ConfigError, match=rf"survey\.{key}: expected more than 0, got -1"):
        Survey(cadence=cadence, **{key: -1})
    with pytest.raises(ConfigError, match=r"survey\.min_gap_days: expected 0 or more, got -1"):
        Survey(cadence=cadence, min_gap_days=-1)


def test_a_simulation_needs_a_population() -> None:
    with pytest.raises(ConfigError, match=r"expected at least one \[\[population\]\], got none"):
        small_simulation(population=[])


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(ConfigError, match=r"x\.toml: survey\.snr: expected a known key, got 'snr'"):
        decode({"survey": {"snr": 3}}, Simulation, where="x.toml")


def test_a_run_that_is_there_is_not_overwritten(run: Folder) -> None:
    with pytest.raises(InputError, match="expected no such folder yet, got one"):
        generate(small_simulation(), run.path)
    with pytest.raises(ConfigError, match="workers: expected 1 or more, got 0"):
        generate(small_simulation(), run.path, workers=0)


def test_a_manifest_says_nothing_of_clock_or_machine(run: Folder) -> None:
    text = json.dumps(run.manifest)
    assert str(run.path) not in text
    assert "workers" not in text
