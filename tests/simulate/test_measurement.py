"""Instruments, noise by sky and template, host light, and what is detected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sncosmo

from brokerbench.errors import ConfigError, InputError, UnknownName
from brokerbench.rng import stream
from simulate import CADENCES, CadenceChoice, Survey, detection, noise
from simulate.cadence import observe
from simulate.chunk import make_chunk
from simulate.galaxies import surface_brightness
from simulate.generate import plan
from simulate.instruments import INSTRUMENTS, instrument, ztf
from simulate.settings import Population
from tests.simulate.scenes import small_simulation, visits
from tests.simulate.test_hosts import round_galaxies

CADENCE = CadenceChoice(use="synthetic_wfd", options={"years": 0.4, "fields": 3})


def survey(**changes: Any) -> Survey:
    return Survey(cadence=CADENCE, **changes)


def test_an_unknown_instrument_is_named() -> None:
    with pytest.raises(UnknownName, match=r"survey\.instrument: expected an instrument, got 'lsts'"):
        instrument("lsts")


@pytest.mark.parametrize("name", sorted(INSTRUMENTS))
def test_an_instrument_has_every_number_for_every_band(name: str) -> None:
    camera = INSTRUMENTS[name]
    assert camera.passbands(camera.bands).names == camera.bands
    for table in (camera.saturation, camera.zero_point, camera.extinction):
        assert set(table) == set(camera.bands)


def test_an_unknown_ztf_band_is_named() -> None:
    with pytest.raises(ConfigError, match=r"survey\.bands: expected ZTF bands, got 'z'"):
        ztf(("z",))


@pytest.mark.shared_data
def test_ztf_passbands_give_the_magnitudes_of_the_measured_ones(shared_data: Path) -> None:
    """Synthetic magnitudes of SN Ia and blackbody spectra within 0.02 mag."""
    folder = shared_data / "sncosmo_data" / "bandpasses" / "ztf"
    model = sncosmo.Model(source=sncosmo.get_source("hsiao-subsampled"))
    for band, file in zip(ztf().bands, ("P48_g.dat", "P48_R.dat", "P48_I.dat"), strict=True):
        wave, through = np.loadtxt(folder / file)[:, :2].T
        wave = wave * 10 if wave.max() < 2000 else wave
        real = sncosmo.Bandpass(np.sort(wave), through[np.argsort(wave)])
        ours = sncosmo.Bandpass(band.wave, band.weights / band.wave)
        assert abs(band.effective - real.wave_eff) < 40
        for z in (0.01, 0.07):
            model.set(z=z, t0=0.0, amplitude=1.0)
            for phase in (-10.0, 0.0, 15.0, 40.0):
                theirs = model.bandmag(real, "ab", phase)
                assert model.bandmag(ours, "ab", phase) == pytest.approx(theirs, abs=0.03)


def test_sky_noise_gives_the_depths_of_the_survey() -> None:
    """The flux at S/N = 5 from sky, seeing and zero points equals the plan's own depth within 0.3 mag."""
    seen = observe(
        CADENCES, "synthetic_wfd", {"fields": 20}, INSTRUMENTS["lsst"].bands, rng=stream(1, "cadence")
    )
    by_sky = noise.sky_noise(seen, INSTRUMENTS["lsst"].bands, INSTRUMENTS["lsst"])
    b, p = by_sky.background.astype("f8"), by_sky.poisson.astype("f8")
    five = (25 * p + np.sqrt((25 * p) ** 2 + 100 * b)) / 2
    depth = 31.4 - 2.5 * np.log10(five)
    for band in range(6):
        here = seen.band == band
        assert abs(np.median(depth[here] - seen.m5[here])) < 0.3, band


def test_sky_noise_needs_sky_and_seeing() -> None:
    plain = visits([60000.0, 60001.0], 0.0, 0.0)
    values = {n: np.array(v) for n, v in plain.as_dict().items()}
    values["sky"][1] = np.nan
    with pytest.raises(InputError, match="expected a sky for every visit, got 1 without"):
        noise.sky_noise(type(plain)(**values), INSTRUMENTS["lsst"].bands, INSTRUMENTS["lsst"])


def test_photons_of_the_source_add_to_the_sky() -> None:
    one = noise.sky_noise(visits([60000.0], 0.0, 0.0), INSTRUMENTS["lsst"].bands, INSTRUMENTS["lsst"])
    # an r-band zero point of 28.36: 1 nJy is 10^(0.4 (28.36 - 31.4)) x 30 s = 1.8 electrons
    assert 1 / one.poisson[0] == pytest.approx(10 ** (0.4 * (28.361 - 0.122 * 0.1 - 31.4)) * 30, rel=1e-5)


def test_template_noise_is_shared_by_the_visits_in_a_band() -> None:
    quiet = [Population(source="kilonova", count=200, redshift=(0.27, 0.28))]
    made = plan(small_simulation(survey=survey(template_visits=1), population=quiet))
    chunk = make_chunk(made.stages[0], 0, 200)
    curves = chunk.light_curves
    pull = (curves.flux - chunk.truth.flux) / curves.flux_err
    # each pull is a unit normal ..
    assert pull.std() == pytest.approx(1.0, abs=0.06)
    # .. but pulls of one object in one band share the template's error: with one image in the template
    # half of the variance is common
    band = made.stages[0].sky.visits.band[curves.visit]
    row = np.repeat(np.arange(200), np.diff(curves.offsets))
    here = band == 2
    groups = row[here]
    mean = np.bincount(groups, pull[here], 200) / np.maximum(np.bincount(groups, minlength=200), 1)
    several = np.bincount(groups, minlength=200) >= 4
    number = np.bincount(groups, minlength=200)[several]
    expected = 0.5 + 0.5 / number.mean()
    assert mean[several].var() == pytest.approx(expected, rel=0.35)
    plain = make_chunk(plan(small_simulation(population=quiet)).stages[0], 0, 200)
    assert np.median(curves.flux_err / plain.light_curves.flux_err) == pytest.approx(np.sqrt(2), rel=0.05)


def test_host_light_adds_noise_but_no_flux() -> None:
    population = [Population(source="agn", count=300, redshift=(0.05, 0.1))]
    one = make_chunk(plan(small_simulation(population=population)).stages[0], 0, 300)
    stage = plan(small_simulation(survey=survey(host_noise=True), population=population)).stages[0]
    other = make_chunk(stage, 0, 300)
    np.testing.assert_array_equal(one.truth.flux, other.truth.flux)
    ratio = other.light_curves.flux_err / one.light_curves.flux_err
    assert (ratio >= 1 - 1e-6).all()
    assert np.median(ratio) > 1.01


def test_surface_brightness_sums_to_the_galaxys_light() -> None:
    """A disk: the integral over the plane is the flux of magnitude 20, 2.5 mag fainter per factor ten."""
    step = 0.05
    x, y = np.meshgrid(np.arange(-30, 30, step), np.arange(-30, 30, step))
    galaxy = round_galaxies(x.size, axis_ratio=0.6, angle=0.4)
    light = surface_brightness(galaxy, x.ravel(), y.ravel(), wave=np.array([6190.0]))
    assert light.sum() * step**2 == pytest.approx(10 ** (0.4 * (31.4 - 20.0)), rel=0.01)


def efficiency_file(folder: Path, text: str) -> str:
    file = folder / "SEARCHEFF.DAT"
    file.write_text(text)
    return str(file)


CURVE = "FILTER: {}\nABS(SNR): 3.0 0\nABS(SNR): 5.0 0.4\nABS(SNR): 10.0 0.9\n"


def test_detections_follow_the_efficiency(tmp_path: Path) -> None:
    path = efficiency_file(tmp_path, CURVE.format("r"))
    efficiency = detection.read_efficiency(path, ("r",))
    n = 20_000
    uniform = np.random.default_rng(1).random(n, dtype="f4")
    for snr, chance in ((2.9, 0.0), (4.0, 0.2), (-5.0, 0.4), (7.5, 0.65), (500.0, 0.9), (np.nan, 0.0)):
        seen = detection.found(
            np.full(n, snr, "f4"), np.ones(n, "f4"), np.zeros(n, "i1"), uniform, efficiency=efficiency
        )
        assert seen.mean() == pytest.approx(chance, abs=4 * np.sqrt(0.25 / n))


def test_a_run_uses_the_efficiency_of_its_survey(tmp_path: Path) -> None:
    path = efficiency_file(tmp_path, "".join(CURVE.format(b) for b in "ugrizY"))
    population = [Population(source="rr_lyrae", count=40)]
    made = plan(small_simulation(survey=survey(detection_efficiency=path), population=population))
    curves = make_chunk(made.stages[0], 0, 40).light_curves
    bright = (np.abs(curves.flux / curves.flux_err) > 15) & (curves.flags == 0)
    assert curves.detected[bright].mean() == pytest.approx(0.9, abs=0.04)


@pytest.mark.parametrize(
    "text, message",
    [
        (CURVE.format("g"), "expected a curve for band r, got g"),
        ("nothing here", "expected a curve for band r, got none"),
        ("FILTER: r\nABS(SNR): three 0\n", "expected numbers after SNR:"),
    ],
)
def test_files_without_efficiencies_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        detection.read_efficiency(efficiency_file(tmp_path, text), ("r",))


def test_a_missing_efficiency_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a SEARCHEFF file, got nothing there"):
        plan(small_simulation(survey=survey(detection_efficiency=str(tmp_path / "x.dat"))))


@pytest.mark.shared_data
def test_lssts_efficiencies_are_read(shared_data: Path) -> None:
    path = shared_data / "08_model_inputs" / "snana_lsst" / "LSST_SEARCHEFF_PIPELINE.DAT"
    efficiency = detection.read_efficiency(path, INSTRUMENTS["lsst"].bands)
    assert efficiency.chance.shape[0] == 6
    at_six = np.flatnonzero(efficiency.snr == 6.0)[0]
    np.testing.assert_allclose(efficiency.chance[:, at_six], [0.6212, 0.6212, 0.6842, 0.6772, 0.7397, 0.7397])


def test_ztf_sees_with_its_own_bands_and_depth() -> None:
    options = {"years": 0.5, "fields": 2, "visits_per_year": 200}
    choice = CadenceChoice(use="synthetic_wfd", options=options)
    made = plan(
        small_simulation(
            survey=Survey(cadence=choice, instrument="ztf"), population=[Population(source="sn_ia", count=5)]
        )
    )
    assert made.about()["bands"] == ["g", "r", "i"]
    assert set(np.unique(made.stages[0].sky.visits.band)) <= {0, 1, 2}
    assert made.stages[0].sky.radius == 3.87


def test_template_visits_are_not_negative() -> None:
    with pytest.raises(ConfigError, match=r"survey\.template_visits: expected 0 or more, got -1"):
        survey(template_visits=-1)
