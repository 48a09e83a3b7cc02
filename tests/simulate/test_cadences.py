"""Observing plans."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.errors import ConfigError, InputError, UnknownName
from brokerbench.rng import stream
from brokerbench.tables import BANDS, Visits
from simulate import CADENCES
from simulate.cadence import band_indices, observe
from simulate.dust import galactic_latitude
from simulate.survey import Sky


def look(use: str, bands: tuple[str, ...] = BANDS, **options: Any) -> Visits:
    return observe(CADENCES, use, options, bands, rng=stream(11, "cadence"))


def database(path: Path, columns: dict[str, list[Any]], table: str = "observations") -> Path:
    with sqlite3.connect(path) as file:
        file.execute(f"create table {table} ({', '.join(columns)})")
        marks = ", ".join("?" * len(columns))
        file.executemany(f"insert into {table} values ({marks})", zip(*columns.values(), strict=True))
    return path


GOOD: dict[str, list[Any]] = {
    "observationStartMJD": [60002.5, 60001.5],
    "fieldRA": [10.0, 370.0],
    "fieldDec": [-30.0, -31.0],
    "filter": ["g_6", "y_10"],
    "visitExposureTime": [30.0, 86.4],
    "fiveSigmaDepth": [24.5, 22.0],
}


def test_there_are_cadences_and_each_is_documented() -> None:
    assert {"opsim", "visits_csv", "synthetic_wfd"} <= set(CADENCES)
    assert all(len(CADENCES[name].reference) > 10 for name in CADENCES)


@pytest.mark.parametrize("use", sorted(CADENCES))
def test_an_unknown_option_is_named(use: str) -> None:
    with pytest.raises(ConfigError, match=r"survey\.cadence .*: expected a known key, got 'pth'"):
        observe(CADENCES, use, {"pth": "x"}, BANDS, rng=stream(1, "c"))


@pytest.mark.parametrize("use", ["opsim", "visits_csv", "ccd_visits", "ztf_forced"])
def test_a_missing_file_is_named(use: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.x: expected .* got nothing there; check the path"):
        look(use, path=str(tmp_path / "nowhere.x"))
    with pytest.raises(ConfigError, match=r"path: expected a value, got no such key"):
        look(use)


def test_an_unknown_cadence_is_named() -> None:
    with pytest.raises(UnknownName, match="did you mean 'opsim'"):
        look("opsin")


def test_new_names_of_filters_are_read_and_rows_sorted(tmp_path: Path) -> None:
    seen = look("opsim", path=str(database(tmp_path / "a.db", GOOD)))
    assert seen.band.tolist() == [5, 1]
    # the middle of the exposure
    np.testing.assert_allclose(seen.mjd, [60001.5 + 0.0005, 60002.5 + 15 / 86400], atol=1e-9)
    assert seen.ra.tolist() == [10.0, 10.0]
    assert np.isnan(seen.airmass).all()
    assert seen.night.tolist() == [0, 1]


def test_bands_that_are_not_asked_for_are_left_out(tmp_path: Path) -> None:
    path = str(database(tmp_path / "a.db", GOOD))
    assert len(look("opsim", bands=("g",), path=path)) == 1
    with pytest.raises(InputError, match="expected visits in bands r, got none"):
        look("opsim", bands=("r",), path=path)


def test_spellings_of_bands() -> None:
    assert band_indices(["Y", "y", "g_6", "i", "q"], BANDS).tolist() == [5, 5, 1, 3, -1]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"fiveSigmaDepth": None}, r"expected a column 'fiveSigmaDepth' \(m5\), got none"),
        ({"fiveSigmaDepth": [24.5, None]}, "expected a finite m5 in every row, got 1 without .*row 1"),
        ({"fieldDec": [-30.0, 120.0]}, "expected declinations in degrees, got values beyond 90"),
        ({"observationStartMJD": []}, "expected visits in bands u, g, r, i, z, y, got none"),
    ],
)
def test_plans_that_lack_something_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    columns = {k: v for k, v in (GOOD | change).items() if v is not None}
    if change.get("observationStartMJD") == []:
        columns = {k: [] for k in columns}
    with pytest.raises(InputError, match=message):
        look("opsim", path=str(database(tmp_path / "a.db", columns)))


def test_a_file_that_is_no_database_or_has_no_such_table_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    file.write_bytes(b"not a database at all" * 100)
    with pytest.raises(InputError, match="expected an OpSim sqlite file, got one that cannot be read"):
        look("opsim", path=str(file))
    with pytest.raises(InputError, match="expected a table 'observations', got things"):
        look("opsim", path=str(database(tmp_path / "b.db", GOOD, table="things")))


def test_the_first_years_of_a_plan(tmp_path: Path) -> None:
    columns = {k: v * 2 for k, v in GOOD.items()} | {
        "observationStartMJD": [60000.0, 60100.0, 60400.0, 61000.0]
    }
    path = str(database(tmp_path / "a.db", columns))
    assert len(look("opsim", path=path, years=1.0)) == 2


@pytest.mark.shared_data
def test_a_real_baseline_has_its_depths_and_seeing(shared_data: Path) -> None:
    """Medians of baseline v2.0's first 10,000 visits: ../shared/data/MANIFEST.md."""
    path = shared_data / "02_cadence" / "lsst_baseline_v2.0_10klines" / "baseline_10klines_2.0.db"
    seen = look("opsim", path=str(path))
    assert len(seen) == 10_000
    depth = [float(np.median(seen.m5[seen.band == b])) for b in range(6)]
    np.testing.assert_allclose(depth, [23.66, 24.52, 24.04, 23.57, 22.96, 21.87], atol=0.01)
    assert np.median(seen.seeing) == pytest.approx(0.98, abs=0.01)
    assert seen.night.max() == 12


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["opsim_shorten.db", "opsim_small.db"])
def test_recent_and_odd_opsim_files_are_read(shared_data: Path, name: str) -> None:
    path = shared_data / "02_cadence" / "lightcurvelynx" / name
    if name == "opsim_small.db":  # it has no depths
        with pytest.raises(InputError, match="expected a column 'fiveSigmaDepth'"):
            look("opsim", path=str(path))
    else:
        assert len(look("opsim", path=str(path))) == 100


@pytest.mark.shared_data
def test_a_real_deep_field_in_csv(shared_data: Path) -> None:
    """Field 1427 of Kraken: 1,227 visits in 450 nights (../shared/data/MANIFEST.md)."""
    path = shared_data / "02_cadence" / "lsst_kraken_twinkles_ddf" / "SelectedKrakenVisits.csv"
    with pytest.raises(InputError, match="expected fieldRA in degrees, got radians; set radians = true"):
        look("visits_csv", path=str(path))
    seen = look("visits_csv", path=str(path), radians=True)
    assert len(seen) == 1227
    assert len(np.unique(seen.night)) == 450
    assert np.bincount(seen.band).tolist() == [254, 195, 196, 195, 195, 192]
    np.testing.assert_allclose([seen.ra.mean(), seen.dec.mean()], [53.009, -27.439], atol=0.01)
    gaps = np.diff(np.unique(seen.night))
    assert np.median(gaps) == 2
    assert (gaps > 60).sum() == 10


def test_csv_with_our_own_names(tmp_path: Path) -> None:
    file = tmp_path / "visits.csv"
    file.write_text("mjd,ra,dec,band,exposure,m5\n60000.5,10,-30,r,30,24\n60000.2,10,-30,g,30,25\n")
    seen = look("visits_csv", path=str(file))
    assert seen.mjd.tolist() == [60000.2, 60000.5]
    file.write_text("mjd,ra,dec,band,exposure,m5\n60000.5,10,-30,r,30,deep\n")
    with pytest.raises(InputError, match="m5: expected numbers, got text"):
        look("visits_csv", path=str(file))
    file.write_text("mjd,ra,dec\n")
    with pytest.raises(InputError, match=r"expected a column 'band' \(band\), got none"):
        look("visits_csv", path=str(file))
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="expected a CSV file, got one that cannot be read"):
        look("visits_csv", path=str(file))


def test_a_synthetic_plan_looks_like_a_wide_survey() -> None:
    seen = look("synthetic_wfd", years=3.0, fields=60)
    per_field = len(seen) / 60 / 3
    assert per_field == pytest.approx(80, rel=0.1)
    share = np.bincount(seen.band, minlength=6) / len(seen)
    np.testing.assert_allclose(share, [0.070, 0.090, 0.220, 0.220, 0.200, 0.200], atol=0.03)
    # medians of baseline v2.0, within a quarter of a magnitude
    depth = [float(np.median(seen.m5[seen.band == b])) for b in range(6)]
    np.testing.assert_allclose(depth, [23.66, 24.52, 24.04, 23.57, 22.96, 21.87], atol=0.25)
    assert 0.85 < np.median(seen.seeing) < 1.1
    assert (np.diff(seen.mjd) >= 0).all()
    hour = (seen.mjd - 70.7494 / 360) % 1.0 * 24
    local = np.minimum(hour, 24 - hour)
    assert (local < 6.5).all(), "by night"
    assert np.ptp(seen.mjd) < 3 * 365.25 + 1


def test_synthetic_visits_come_in_pairs_of_half_an_hour() -> None:
    seen = look("synthetic_wfd", years=0.5, fields=1)
    gaps = np.diff(seen.mjd) * 24 * 60
    assert np.median(gaps[gaps < 60]) == pytest.approx(33, abs=3)
    assert (gaps < 60).sum() >= 0.45 * len(seen)


def test_a_synthetic_plan_is_the_same_for_the_same_seed() -> None:
    first, second = look("synthetic_wfd", fields=4), look("synthetic_wfd", fields=4)
    np.testing.assert_array_equal(first.mjd, second.mjd)
    np.testing.assert_array_equal(first.m5, second.m5)


@pytest.mark.parametrize("options", [{"fields": 0}, {"years": 0.0}, {"clear": 0.0}, {"season_days": 1.0}])
def test_a_synthetic_plan_needs_sensible_numbers(options: dict[str, Any]) -> None:
    (key,) = options
    with pytest.raises(ConfigError, match=rf"survey\.cadence\.options\.{key}: expected at least"):
        look("synthetic_wfd", **options)


@pytest.mark.parametrize("options", [{"fields": 20001}, {"rolling": 1.5}, {"deep_fields": 41}])
def test_a_synthetic_plan_has_upper_limits(options: dict[str, Any]) -> None:
    ((key, value),) = options.items()
    with pytest.raises(ConfigError, match=rf"options\.{key}: expected .* or less, got {value}"):
        look("synthetic_wfd", **options)


def test_fields_keep_off_the_galactic_plane() -> None:
    seen = look("synthetic_wfd", fields=50, years=0.3, dither_deg=0.0)
    assert np.abs(galactic_latitude(seen.ra, seen.dec)).min() >= 15
    near = look("synthetic_wfd", fields=50, years=0.3, dither_deg=0.0, avoid_plane_deg=0.0)
    assert np.abs(galactic_latitude(near.ra, near.dec)).min() < 15


def by_field_and_year(seen: Visits, start: float) -> np.ndarray:
    fields = np.unique(np.round(seen.dec, 6), return_inverse=True)[1]
    year = ((seen.mjd - start) // 365.25).astype(int)
    return np.array([np.bincount(year[fields == f], minlength=2)[:2] for f in range(fields.max() + 1)])


def test_a_rolling_cadence_favours_half_of_the_fields_each_year() -> None:
    seen = look("synthetic_wfd", fields=20, years=2.0, rolling=0.8, dither_deg=0.0, start_mjd=61041.0)
    counts = by_field_and_year(seen, 61042.0)
    high, low = counts.max(axis=1), counts.min(axis=1)
    assert np.median(high / np.maximum(low, 1)) > 4
    assert counts.sum(axis=1).mean() == pytest.approx(160, rel=0.15)


def test_deep_fields_are_visited_ten_times_as_often() -> None:
    seen = look("synthetic_wfd", fields=6, years=1.0, deep_fields=2, dither_deg=0.0)
    counts = np.sort(np.unique(np.round(seen.dec, 6), return_counts=True)[1])
    assert counts[-2:].min() > 600
    assert counts[:-2].max() < 130


@pytest.mark.shared_data
def test_real_visits_of_dp1(shared_data: Path) -> None:
    """6,791 detector visits; medians of magLim in ../shared/data/MANIFEST.md."""
    path = shared_data / "02_cadence" / "lightcurvelynx" / "dp1_ccdvisit_subsampled.parquet"
    seen = look("ccd_visits", path=str(path))
    assert len(seen) == 6791
    depth = [float(np.median(seen.m5[seen.band == b])) for b in range(6)]
    np.testing.assert_allclose(depth, [23.39, 24.73, 24.43, 23.96, 23.12, 21.94], atol=0.01)
    sky = [float(np.median(seen.sky[seen.band == b])) for b in range(6)]
    assert 21.3 < sky[1] < 22.6
    assert 17.5 < sky[5] < 19.0
    sky_index = Sky(seen, 0.1265)
    assert 1 < sky_index.area_deg2 < 60


def test_a_table_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    file.write_bytes(b"nothing")
    with pytest.raises(InputError, match="expected a CcdVisit table, got one that cannot be read"):
        look("ccd_visits", path=str(file))


@pytest.mark.shared_data
def test_a_real_log_of_ztf(shared_data: Path) -> None:
    """Every epoch of one place for 2.5 years; medians of diffmaglim 20.4 in g and 20.2 in r."""
    folder = shared_data / "09_variability" / "ztf_lightcurves" / "alerce_lc_classifier"
    seen = look("ztf_forced", bands=("g", "r", "i"), path=str(folder / "forcedphotometry_req00010459_lc.txt"))
    assert len(seen) > 600
    assert np.median(seen.m5[seen.band == 0]) == pytest.approx(20.4, abs=0.3)
    assert np.median(seen.m5[seen.band == 1]) == pytest.approx(20.2, abs=0.3)
    np.testing.assert_allclose([seen.ra[0], seen.dec[0]], [36.351611, 60.841893])


def test_logs_without_table_or_with_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_text("# nothing\n")
    with pytest.raises(InputError, match="got one without table or place"):
        look("ztf_forced", bands=("g",), path=str(file))
    head = (
        "# R.A. = 10.0 degrees\n# Dec. = 5.0 degrees\nindex, jd, filter, exptime, sciinpseeing, diffmaglim\n"
    )
    file.write_text(head + "0 2458344.9 ZTF_g thirty 2 20.5\n")
    with pytest.raises(InputError, match="expected numbers in every row"):
        look("ztf_forced", bands=("g",), path=str(file))
