"""SNANA files become a run that says what the files say, and nothing else."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from brokerbench import ids
from brokerbench.errors import ConfigError, InputError
from brokerbench.store import Folder, read_columns
from brokerbench.tables import (
    FLAG_NO_MODEL,
    DiaObjects,
    Hosts,
    LightCurves,
    Objects,
    TrueFluxes,
    Visits,
)
from simulate.readers import _snana_columns, snana
from simulate.readers._fits import read_fits_table
from simulate.readers._run import nights
from simulate.readers.snana import READER
from tests.simulate.readers.snana_files import head_columns, phot_columns, write_pair

FLARES = "05_challenge_data/elasticc2_snana_fits/ELASTICC2_TRAIN_01_1percent_Mdwarf-flare"
SN_IB = "05_challenge_data/elasticc2_snana_fits/ELASTICC2_TRAIN_01_1percent_SNIb-Templates"
PLASTICC = "05_challenge_data/plasticc/snana_fits"
NO_EVIDENCE = "05_challenge_data/snana_fits"


@pytest.fixture(scope="module")
def elasticc2(shared_data, tmp_path_factory) -> Folder:
    out = tmp_path_factory.mktemp("elasticc2") / "run"
    return READER.read([shared_data / SN_IB, shared_data / FLARES], out, seed=11, name="real")


def read(folder: Path, out: Path, **options: object) -> Folder:
    return READER.read([folder], out, seed=5, name="small", options=options)


# real files


@pytest.mark.shared_data
def test_elasticc2_files_hold_272_sn_ib_and_27_flares(elasticc2):
    facts = elasticc2.manifest["parts"]
    assert {p: (f["objects"], f["rows"]) for p, f in facts.items()} == {
        "00-00000": (272, 38215),
        "01-00000": (27, 6898),
    }
    classes = {p: set(elasticc2.read("truth/objects", p, Objects).class_id.tolist()) for p in facts}
    assert classes == {"00-00000": {2223}, "01-00000": {2233}}
    # SNANA chose them by one detection, so every one of them must alert
    assert [facts[p]["triggered"] for p in sorted(facts)] == [272, 27]
    assert elasticc2.manifest["min_detections"] == 1
    elasticc2.verify()


@pytest.mark.shared_data
def test_plasticc_model_11_is_sn_ia_where_elasticc_11_is_91bg(shared_data, tmp_path):
    run = read(shared_data / PLASTICC, tmp_path / "run")
    assert run.manifest["parts"]["00-00000"]["objects"] == 115
    assert run.manifest["parts"]["00-00000"]["rows"] == 18533
    assert set(run.read("truth/objects", "00-00000", Objects).class_id.tolist()) == {2222}
    assert run.manifest["sources"] == ["LSST_WFD_alt_sched_MODEL11"]


@pytest.mark.shared_data
def test_type_numbers_that_contradict_the_redshifts_are_not_guessed(shared_data, tmp_path):
    # VERSION says MODEL90 and the types are 90: PLAsTiCC's target SNIa, but its model 90 is a microlens
    with pytest.raises(InputError, match="expected types of plasticc, got uLens at redshift 0.889"):
        read(shared_data / NO_EVIDENCE, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
    run = read(shared_data / NO_EVIDENCE, tmp_path / "run", types="plasticc_target", detection_snr=5.0)
    part = run.manifest["parts"]["00-00000"]
    assert (part["objects"], part["rows"], part["triggered"]) == (200, 250776, 200)
    assert set(run.read("truth/objects", "00-00000", Objects).class_id.tolist()) == {2222}


@pytest.mark.shared_data
@pytest.mark.parametrize("name", [FLARES, SN_IB, PLASTICC])
def test_light_curves_equal_those_of_sncosmo(name, shared_data, tmp_path):
    import sncosmo

    run = read(shared_data / name, tmp_path / "run")
    part = run.parts[0]
    visits, curves = run.read("visits", "all", Visits), run.read("light_curves", part, LightCurves)
    snid = read_columns(run.file("truth/parameters", part))[0]["SNID"]
    at = 0
    for head in sorted((shared_data / name).glob("*HEAD.FITS*")):
        if not len(fits.getdata(head, 1)):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = sncosmo.read_snana_fits(str(head), str(head).replace("_HEAD", "_PHOT"))
        for table in theirs:
            mine = slice(curves.offsets[at], curves.offsets[at + 1])
            band = table["BAND" if "BAND" in table.colnames else "FLT"]
            letters = [str(b).strip().lower() for b in band]
            order = np.argsort(table["MJD"], kind="stable")
            assert table.meta["SNID"].decode().strip() == snid[at]
            np.testing.assert_array_equal(visits.mjd[curves.visit[mine]], table["MJD"][order])
            assert ["ugrizy"[b] for b in visits.band[curves.visit[mine]]] == [letters[i] for i in order]
            njy = table["FLUXCAL"][order].astype("f8") * 10 ** ((31.4 - 27.5) / 2.5)
            np.testing.assert_allclose(curves.flux[mine], njy, rtol=2e-7)  # one rounding to f4
            detected = (table["PHOTFLAG"][order] & 4096) != 0
            np.testing.assert_array_equal(curves.detected[mine], detected)
            at += 1
    assert at == len(curves)


@pytest.mark.shared_data
def test_measured_less_true_flux_is_noise_alone(elasticc2):
    # also says that a flare star's quiescent light is taken off: SIM_MAGOBS holds both
    for part in elasticc2.parts:
        curves = elasticc2.read("light_curves", part, LightCurves)
        true = elasticc2.read("truth/light_curves", part, TrueFluxes)
        pull = (curves.flux - true.flux) / curves.flux_err
        n = len(pull)
        assert abs(pull.mean()) < 4 / np.sqrt(n)
        assert abs(pull.std() - 1) < 4 / np.sqrt(2 * n)


@pytest.mark.shared_data
def test_galactic_objects_carry_no_redshift_and_no_number_stands_for_absent(elasticc2):
    flares = elasticc2.read("dia_objects", "01-00000", DiaObjects)
    assert np.isnan(flares.z_final).all()
    assert np.isnan(flares.z_final_err).all()
    assert np.isnan(elasticc2.read("truth/objects", "01-00000", Objects).z).all()
    for part in elasticc2.parts:
        for name in ("hosts", "hosts2"):
            galaxies = elasticc2.read(name, part, Hosts)
            for column, value in galaxies.as_dict().items():
                known = value[np.isfinite(value)]
                if column not in ("ra", "dec"):
                    assert not (known < -1).any(), column
                if column == "mag":
                    assert not (known > 90).any(), column
    assert np.isnan(elasticc2.read("hosts", "01-00000", Hosts).sep).all()


@pytest.mark.shared_data
def test_positions_are_the_objects_not_the_pointings(elasticc2):
    objects = elasticc2.read("dia_objects", "00-00000", DiaObjects)
    host = elasticc2.read("hosts", "00-00000", Hosts)
    east = (objects.ra - host.ra) * np.cos(np.radians(objects.dec))
    apart = 3600 * np.hypot(east, objects.dec - host.dec)
    has = np.isfinite(host.sep)
    assert has.sum() > 200
    # SIM_RA is f4: half a step at 300 deg is 0.055 arcsec
    np.testing.assert_allclose(apart[has], host.sep[has], atol=0.12)


@pytest.mark.shared_data
def test_depths_are_those_of_lsst(elasticc2):
    visits = elasticc2.read("visits", "all", Visits)
    medians = [np.nanmedian(visits.m5[visits.band == b]) for b in range(6)]
    # medians of 10,000 visits of baseline v2.0 in OpSim; another selection of the sky and the moon
    np.testing.assert_allclose(medians, [23.66, 24.52, 24.04, 23.57, 22.96, 21.87], atol=0.3)
    assert (np.diff(visits.mjd) >= 0).all()
    assert len(set(zip(visits.mjd.tolist(), visits.band.tolist(), strict=True))) == len(visits)


@pytest.mark.shared_data
def test_two_folders_apart_hold_the_objects_of_both_together(elasticc2, shared_data, tmp_path):
    alone = READER.read([shared_data / FLARES], tmp_path / "run", seed=11, name="alone")
    mine = alone.read("light_curves", "00-00000", LightCurves)
    joined = elasticc2.read("light_curves", "01-00000", LightCurves)
    np.testing.assert_array_equal(mine.flux, joined.flux)
    times = [
        run.read("visits", "all", Visits).mjd[c.visit] for run, c in ((alone, mine), (elasticc2, joined))
    ]
    np.testing.assert_array_equal(*times)


# small files


def test_one_object_comes_through_number_by_number(tmp_path):
    run = read(write_pair(tmp_path / "in", [3, 0, 4]), tmp_path / "run")
    curves = run.read("light_curves", "00-00000", LightCurves)
    np.testing.assert_array_equal(curves.offsets, [0, 3, 3, 7])
    np.testing.assert_allclose(curves.flux[:3], np.array([10, 11, 12]) * 36.30780547701014, rtol=1e-6)
    np.testing.assert_allclose(curves.flux_err, 2 * 36.30780547701014, rtol=1e-6)
    np.testing.assert_array_equal(curves.detected, [0, 0, 1, 0, 0, 1, 1])
    visits = run.read("visits", "all", Visits)
    np.testing.assert_array_equal(visits.mjd, [60000, 60001.25, 60002.5, 60003.75])
    np.testing.assert_array_equal(visits.band, [0, 1, 2, 3])
    true = run.read("truth/light_curves", "00-00000", TrueFluxes)
    np.testing.assert_allclose(true.flux[:3], curves.flux[:3], rtol=1e-5)
    objects = run.read("dia_objects", "00-00000", DiaObjects)
    np.testing.assert_array_equal(objects.dec, [-9, -9, -9])
    np.testing.assert_array_equal(objects.object_id, ids.permute(5, "object", ids.serial(0, 0, [0, 1, 2])))
    truth = run.read("truth/objects", "00-00000", Objects)
    np.testing.assert_allclose(truth.z, 0.32, rtol=1e-6)
    np.testing.assert_array_equal(truth.class_id, 2223)
    host = run.read("hosts", "00-00000", Hosts)
    np.testing.assert_allclose(host.zphot, 0.31, rtol=1e-6)
    assert np.isnan(host.zphot_err).all()
    assert np.isnan(host.mag).all()
    parameters, units = read_columns(run.file("truth/parameters", "00-00000"))
    assert parameters["SNID"].tolist() == ["100", "101", "102"]
    assert np.isnan(parameters["SIM_AV"]).all()
    assert units["SIM_AV"] == "mag"
    assert run.manifest["parts"]["00-00000"] == {
        "objects": 3,
        "rows": 7,
        "triggered": 2,
        "source": "ELASTICC2_TRAIN_01_SNIb-Templates",
    }
    assert run.manifest["stream_start"] == 60000.0
    assert "in" not in str(run.manifest["config"]).split("'")


@pytest.mark.parametrize("suffix", ["FITS", "fits", "FITS.gz", "fits.gz"])
def test_files_are_read_gzipped_or_not(suffix, tmp_path):
    run = read(write_pair(tmp_path / "in", [5], suffix=suffix), tmp_path / "run")
    assert run.manifest["parts"]["00-00000"]["rows"] == 5


def test_rows_come_in_order_of_time_whatever_the_order_in_the_file(tmp_path):
    shuffled = phot_columns([4])
    for values in shuffled.values():
        values[:4] = values[:4][[2, 0, 3, 1]]
    run = read(write_pair(tmp_path / "in", [4], phot=shuffled), tmp_path / "run")
    curves = run.read("light_curves", "00-00000", LightCurves)
    np.testing.assert_array_equal(curves.visit, [0, 1, 2, 3])
    np.testing.assert_allclose(curves.flux / curves.flux[0], [1, 1.1, 1.2, 1.3], rtol=1e-6)


def test_parts_are_chunks_in_file_order_across_files(tmp_path, monkeypatch):
    folder = write_pair(tmp_path / "in", [3, 4, 5], stem="A-0001")
    write_pair(folder, [6, 7], stem="A-0002")
    whole = read(folder, tmp_path / "whole")
    monkeypatch.setattr(snana, "CHUNK", 2)
    run = read(folder, tmp_path / "run")
    assert run.parts == ["00-00000", "00-00001", "00-00002"]
    pieces = [run.read("light_curves", p, LightCurves) for p in run.parts]
    assert [len(p) for p in pieces] == [2, 2, 1]
    joined, alone = LightCurves.concat(pieces), whole.read("light_curves", "00-00000", LightCurves)
    for name, value in alone.as_dict().items():
        np.testing.assert_array_equal(getattr(joined, name), value)


def test_files_of_one_model_may_have_different_columns(tmp_path):
    folder = write_pair(tmp_path / "in", [3, 4], stem="A-0001")
    write_pair(folder, [2], stem="A-0002", head={"SIM_EXTRA": np.array([7], "i4")})
    columns = {k: v for k, v in head_columns([5]).items() if k not in ("SIM_AV", "HOSTGAL_MAG_r")}
    write_pair(folder, [5], stem="A-0003")
    rewrite(folder / "A-0003_HEAD.FITS.gz", columns)
    run = read(folder, tmp_path / "run")
    assert run.manifest["parts"]["00-00000"]["objects"] == 4
    assert np.diff(run.read("light_curves", "00-00000", LightCurves).offsets).tolist() == [3, 4, 2, 5]
    parameters, _ = read_columns(run.file("truth/parameters", "00-00000"))
    assert parameters["SIM_EXTRA"].tolist() == [-1, -1, 7, -1]
    assert np.isnan(parameters["SIM_AV"]).all()


def test_many_small_files_are_read_as_one_large_one(tmp_path):
    counts = [3, 0, 4, 2, 5]
    whole = read(write_pair(tmp_path / "one", counts), tmp_path / "whole")
    for i, count in enumerate(counts):
        write_pair(tmp_path / "many", [count], stem=f"A-{i:04d}")
    run = read(tmp_path / "many", tmp_path / "run")
    for table, kind in (("light_curves", LightCurves), ("truth/light_curves", TrueFluxes), ("hosts", Hosts)):
        mine, theirs = (r.read(table, "00-00000", kind).as_dict() for r in (run, whole))
        for name, value in theirs.items():
            np.testing.assert_array_equal(mine[name], value)


def test_an_import_that_was_killed_goes_on_and_ends_with_the_same_bytes(tmp_path, monkeypatch):
    folder = write_pair(tmp_path / "in", [3, 4, 5, 6])
    monkeypatch.setattr(snana, "CHUNK", 1)
    whole = read(folder, tmp_path / "whole")
    written: list[str] = []
    real = snana.write_part

    def dying(run, part, *rest, **named):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(part)
        real(run, part, *rest, **named)

    monkeypatch.setattr(snana, "write_part", dying)
    with pytest.raises(KeyboardInterrupt):
        read(folder, tmp_path / "killed")
    monkeypatch.setattr(
        snana, "write_part", lambda run, part, *a, **k: (written.append(part), real(run, part, *a, **k))
    )
    again = read(folder, tmp_path / "killed")
    assert written == whole.parts
    assert again.manifest == whole.manifest
    again.verify()


def test_nights_run_from_noon_to_noon_in_chile():
    # local noon at 70.7494 W is 16:43 UT
    assert nights(np.array([60000.69, 60000.70, 60001.5])).tolist() == [59999, 60000, 60000]


def test_an_error_that_is_not_positive_makes_the_measurement_unusable(tmp_path):
    bad = phot_columns([4])
    bad["FLUXCALERR"][1] = 0
    bad["FLUXCAL"][3] = np.nan
    curves = read(write_pair(tmp_path / "in", [4], phot=bad), tmp_path / "run").read(
        "light_curves", "00-00000", LightCurves
    )
    np.testing.assert_array_equal(curves.flags, [0, FLAG_NO_MODEL, 0, FLAG_NO_MODEL])
    np.testing.assert_array_equal(np.isnan(curves.flux), [False, True, False, True])
    np.testing.assert_array_equal(curves.detected, [False, False, True, False])


def test_detections_can_be_made_where_the_files_have_none(tmp_path):
    run = read(write_pair(tmp_path / "in", [6]), tmp_path / "run", detection_snr=6.9)
    curves = run.read("light_curves", "00-00000", LightCurves)
    np.testing.assert_array_equal(curves.detected, [False, False, False, False, True, True])


def test_types_are_told_by_sntype_where_there_is_no_truth(tmp_path):
    columns = head_columns([4])
    bare = {k: v for k, v in columns.items() if not k.startswith("SIM_")}
    folder = tmp_path / "in"
    write_pair(folder, [4])
    (folder / "MODEL-0001_HEAD.FITS.gz").unlink()
    from tests.simulate.readers.snana_files import VERSION, write_file

    write_file(folder / "MODEL-0001_HEAD.FITS.gz", bare, {"VERSION": VERSION})
    objects = read(folder, tmp_path / "run").read("truth/objects", "00-00000", Objects)
    assert objects.class_id.tolist() == [2223]
    assert np.isnan(objects.z).all()
    assert objects.host.tolist() == [-1]


def test_the_class_can_be_given(tmp_path):
    folder = write_pair(tmp_path / "in", [4], version="HOMEMADE")
    run = read(folder, tmp_path / "run", class_id=2246)
    assert run.read("truth/objects", "00-00000", Objects).class_id.tolist() == [2246]


@pytest.mark.shared_data
def test_headers_and_tables_equal_those_of_astropy(shared_data):
    for path in sorted((shared_data / SN_IB).glob("*0002_*.FITS.gz")):
        mine = read_fits_table(path)
        with fits.open(path) as theirs:
            for key, value in theirs[0].header.items():
                if key not in ("COMMENT", ""):
                    assert mine.primary[key] == value
            for name in theirs[1].columns.names:
                expected = theirs[1].data[name]
                got = mine.rows[name]
                if got.dtype.kind == "S":
                    got = np.char.strip(np.char.decode(got))
                    expected = np.char.strip(np.asarray(expected, "U"))
                np.testing.assert_array_equal(got, expected)


# bad input


def broken(tmp_path: Path, **changes: object) -> Path:
    return write_pair(tmp_path / "in", [3, 4], **changes)


def refuses(folder: Path, match: str, **options: object) -> None:
    out = folder.parent / "run"
    before = set(folder.parent.iterdir())
    with pytest.raises((InputError, ConfigError), match=match):
        read(folder, out, **options)
    assert set(folder.parent.iterdir()) == before, "something half-written was left behind"


def test_no_folder_and_no_files_are_one_clear_line(tmp_path):
    refuses(tmp_path / "nowhere", "nowhere: expected a folder of SNANA files, got nothing there")
    (tmp_path / "empty").mkdir()
    refuses(tmp_path / "empty", r"empty: expected \*_HEAD.FITS files, got none")


def test_a_folder_with_the_name_of_a_file_is_refused(tmp_path):
    (tmp_path / "in" / "A_HEAD.FITS").mkdir(parents=True)
    refuses(tmp_path / "in", "A_HEAD.FITS: expected a FITS file, got Is a directory; check the path")


def test_a_head_without_phot_is_refused(tmp_path):
    folder = broken(tmp_path)
    (folder / "MODEL-0001_PHOT.FITS.gz").unlink()
    refuses(folder, r"HEAD.FITS.gz: expected MODEL-0001_PHOT.FITS or MODEL-0001_PHOT.FITS.gz beside it")


def test_files_without_objects_are_refused_together_and_passed_over_beside_others(tmp_path):
    folder = write_pair(tmp_path / "in", [0, 0])
    refuses(folder, "expected objects with photometry, got none in 1 HEAD files")
    write_pair(folder, [2], stem="MODEL-0002")
    assert read(folder, tmp_path / "run").manifest["parts"]["00-00000"]["rows"] == 2


@pytest.mark.parametrize("keep", [0, 1, 1000, 2880, 5000])
def test_a_truncated_file_is_refused(keep, tmp_path):
    folder = broken(tmp_path, suffix="FITS")
    file = folder / "MODEL-0001_PHOT.FITS"
    file.write_bytes(file.read_bytes()[:keep])
    refuses(folder, "PHOT.FITS: expected .*truncated|PHOT.FITS: expected a FITS header, got none")


def test_a_truncated_table_and_a_truncated_gzip_are_refused(tmp_path):
    folder = broken(tmp_path)
    file = folder / "MODEL-0001_PHOT.FITS.gz"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    refuses(folder, "expected a whole gzip file, got a truncated one")
    file.write_bytes(whole[:40] + b"\0" * 40 + whole[80:])
    refuses(folder, "expected a whole gzip file, got Error")
    plain = gzip.decompress(whole)
    file.write_bytes(gzip.compress(plain[:5760]))
    refuses(folder, "expected 9 rows of 38 bytes, got .* bytes; the file is truncated")


def test_a_file_of_something_else_is_refused(tmp_path):
    folder = broken(tmp_path, suffix="FITS")
    file = folder / "MODEL-0001_PHOT.FITS"
    file.write_bytes(b"object_id,mjd,passband\n" * 500)
    refuses(folder, "PHOT.FITS: expected a FITS header with an END card, got none|got none")
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((3, 3)))]).writeto(file, overwrite=True)
    refuses(folder, "PHOT.FITS: expected a binary table, got IMAGE")
    file.write_bytes(b"".join(card.ljust(80) for card in (b"SIMPLE  =                    F", b"END")))
    refuses(folder, "PHOT.FITS: expected a FITS file, got something else")


def test_a_table_of_scaled_or_ragged_columns_is_refused(tmp_path):
    folder = broken(tmp_path, suffix="FITS")
    file = folder / "MODEL-0001_PHOT.FITS"
    scaled = fits.BinTableHDU.from_columns([fits.Column("MJD", "I", array=np.arange(3), bzero=32768)])
    fits.HDUList([fits.PrimaryHDU(), scaled]).writeto(file, overwrite=True)
    refuses(folder, "PHOT.FITS: expected plain columns, got TZERO1")
    ragged = np.array([np.arange(2), np.arange(3)], dtype=object)
    table = fits.BinTableHDU.from_columns([fits.Column("MJD", "PJ()", array=ragged)])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(file, overwrite=True)
    refuses(folder, "PHOT.FITS: expected columns with names and plain formats, got KeyError")


def test_a_row_length_that_is_not_that_of_the_columns_is_refused(tmp_path):
    folder = broken(tmp_path, suffix="FITS")
    file = folder / "MODEL-0001_PHOT.FITS"
    content = file.read_bytes()
    file.write_bytes(content.replace(b"NAXIS1  =                   38", b"NAXIS1  =                   30", 1))
    refuses(folder, "PHOT.FITS: expected rows of 38 bytes, got 30")


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(tmp_path, monkeypatch):
    from simulate.readers import _fits

    monkeypatch.setattr(_fits, "LIMIT", 30_000)
    folder = broken(tmp_path)
    for content in (gzip.compress(b" " * 1_000_000), b" " * 30_001):
        (folder / "MODEL-0001_PHOT.FITS.gz").write_bytes(content)
        refuses(folder, "PHOT.FITS.gz: expected at most 30000 bytes, got more")


@pytest.mark.parametrize("column", ["SNID", "NOBS", "PTROBS_MIN", "PTROBS_MAX"])
def test_a_missing_head_column_is_named(column, tmp_path):
    folder = broken(tmp_path)
    columns = {k: v for k, v in head_columns([3, 4]).items() if k != column}
    rewrite(folder / "MODEL-0001_HEAD.FITS.gz", columns)
    refuses(folder, f"HEAD.FITS.gz: expected a column {column}, got none")


@pytest.mark.parametrize("column", ["MJD", "BAND", "PHOTFLAG", "FLUXCAL", "FLUXCALERR"])
def test_a_missing_phot_column_is_named(column, tmp_path):
    folder = broken(tmp_path)
    columns = {k: v for k, v in phot_columns([3, 4]).items() if k != column}
    rewrite(folder / "MODEL-0001_PHOT.FITS.gz", columns)
    refuses(folder, f"PHOT.FITS.gz: expected a column {column}( or FLT)?, got none")


def rewrite(path: Path, columns: dict[str, np.ndarray]) -> None:
    from tests.simulate.readers.snana_files import VERSION, write_file

    path.unlink()
    write_file(path, columns, {"VERSION": VERSION})


def test_pointers_that_leave_the_table_are_refused(tmp_path):
    folder = broken(tmp_path, head={"PTROBS_MAX": np.array([3, 99], "i4"), "NOBS": np.array([3, 95], "i4")})
    refuses(
        folder, "expected rows 1..9 of MODEL-0001_PHOT.FITS.gz in order, got 5..99 for object 1 with NOBS 95"
    )


def test_bands_of_another_telescope_are_refused(tmp_path):
    other = phot_columns([3, 4])
    other["BAND"][1] = b"B"
    refuses(broken(tmp_path, phot=other), "expected bands u g r i z Y, got 'B'")


def test_types_without_evidence_or_meaning_are_refused(tmp_path):
    refuses(
        broken(tmp_path, version="HOMEMADE"),
        "expected a VERSION that names ELASTICC or PLASTICC, got 'HOMEMADE'",
    )
    assert (tmp_path / "in").is_dir()


def test_an_unknown_type_is_refused(tmp_path):
    folder = broken(tmp_path, head={"SIM_TYPE_INDEX": np.array([20, 1234], "i2")})
    refuses(folder, r"expected types of elasticc, got \[1234\]; set types or class_id")


def test_options_are_strict(tmp_path):
    folder = broken(tmp_path)
    refuses(folder, "snana: detection_nsr: expected a known key", detection_nsr=5)
    refuses(folder, "snana: class_id: expected an ELAsTiCC2 class, got 111", class_id=111)


def test_a_run_that_is_there_is_not_overwritten(tmp_path):
    folder = broken(tmp_path)
    read(folder, tmp_path / "run")
    with pytest.raises(InputError, match="expected no such folder yet"):
        read(folder, tmp_path / "run")


def test_true_magnitudes_without_light_are_zero_flux():
    np.testing.assert_array_equal(_snana_columns._light(np.array([99.0, 98.8, -9.0, 50.0])), 0)
    np.testing.assert_allclose(_snana_columns._light(np.array([31.4, 27.5])), [1, 36.30780547701014])
