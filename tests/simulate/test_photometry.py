"""Passbands, dust, blackbodies and spectral time series against other people's code."""

from __future__ import annotations

import extinction
import numpy as np
import pytest
import sncosmo
from astropy import units as u
from astropy.modeling.models import BlackBody

from brokerbench.errors import ConfigError
from simulate import dust, engines, spectra, templates, thermal
from simulate.fidelity.formulas import bandpass
from simulate.photometry import C_ANGSTROM, lsst
from simulate.sources import sn_ia
from tests.simulate.scenes import scene

BANDS = lsst()


def test_a_spectrum_flat_in_frequency_has_the_same_flux_in_every_band() -> None:
    for band in BANDS.bands:
        flat = 1e-32 * C_ANGSTROM / band.wave**2  # 1 nJy
        assert np.sum(band.weights * flat) == pytest.approx(1.0, rel=1e-9)


def test_effective_wavelengths_are_those_of_lsst() -> None:
    np.testing.assert_allclose(BANDS.effective, [3703, 4767, 6194, 7539, 8669, 9745], atol=5)


def test_an_unknown_band_is_named() -> None:
    with pytest.raises(ConfigError, match=r"survey\.bands: expected LSST bands, got 'Y'"):
        lsst(("Y",))


def test_the_extinction_law_equals_the_extinction_package() -> None:
    wave = np.geomspace(1000.0, 33000.0, 200)
    np.testing.assert_allclose(dust.odonnell94(wave), extinction.odonnell94(wave, 1.0, 3.1), atol=1e-12)


def test_the_tabulated_law_equals_the_law() -> None:
    """Beyond both ends too; but for the cells before 1.1, 3.3 and 8 /um, where the law itself jumps."""
    wave = np.geomspace(900.0, 2e5, 40_000).reshape(2, -1)
    error = np.abs(dust.tabulated(wave) - dust.odonnell94(wave))
    joint = np.min([np.abs(1e4 / wave - (at - 0.0005)) for at in (1.1, 3.3, 8.0)], axis=0) < 0.0006
    assert joint.any()
    assert error[~joint].max() < 1e-5
    assert error.max() < 0.01
    assert dust.tabulated(np.zeros((0, 6))).shape == (0, 6)


def test_the_texture_of_the_dust_equals_a_plain_sum_of_waves() -> None:
    rng = np.random.default_rng(3)
    ra, dec = rng.uniform(0, 360, 500), np.degrees(np.arcsin(rng.uniform(-1, 1, 500)))
    place = dust.to_galactic(ra, dec)
    waves, phases, weights = dust._texture()
    texture = np.sin(place @ waves.T + phases) @ weights
    plain = 0.020 / np.sqrt(place[:, 2] ** 2 + 0.015**2) * np.exp(0.45 * texture)
    np.testing.assert_allclose(dust.ebv(ra, dec), plain, rtol=1e-7)


def test_band_extinction_is_near_the_values_of_schlafly_and_finkbeiner() -> None:
    """LSST A/E(B-V) at R_V = 3.1: 4.145 3.237 2.273 1.684 1.323 1.088 for their own calibration (0.86
    of the nominal E(B-V)); ratios to r do not depend on it."""
    ours = dust.band_extinction(BANDS)
    theirs = np.array([4.145, 3.237, 2.273, 1.684, 1.323, 1.088])
    np.testing.assert_allclose(ours / ours[2], theirs / theirs[2], rtol=0.06)


def test_dust_is_thick_in_the_plane_and_thin_at_the_poles() -> None:
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 20_000), np.degrees(np.arcsin(rng.uniform(-1, 1, 20_000)))
    ebv, latitude = dust.ebv(ra, dec), np.abs(dust.galactic_latitude(ra, dec))
    assert 0.025 < np.median(ebv[latitude > 20]) < 0.045
    assert np.median(ebv[latitude < 5]) > 0.35
    assert ebv.min() > 0
    # the pole of the Galaxy and its centre, J2000
    np.testing.assert_allclose(
        dust.galactic_latitude(np.array([192.8595]), np.array([27.1283])), 90, atol=1e-2
    )
    np.testing.assert_allclose(dust.galactic_latitude(np.array([266.405]), np.array([-28.936])), 0, atol=1e-2)


@pytest.mark.parametrize("z", [0.01, 0.4, 2.0])
@pytest.mark.parametrize("temperature", [900.0, 5000.0, 40000.0])
def test_a_blackbody_has_the_flux_that_astropy_integrates(temperature: float, z: float) -> None:
    here = scene(z, 0.0, np.full(6, 10.0 * (1 + z)), np.arange(6))
    radius = 3e15
    sphere = thermal.Photosphere(
        np.full((1, len(thermal.days_grid())), np.log(temperature), "f4"),
        np.full((1, len(thermal.days_grid())), 2 * np.log(radius / 1e15), "f4"),
    )
    ours = thermal.thermal_flux(sphere, here)
    distance = 10 * 10 ** (0.2 * here.distance_modulus[0]) * u.pc
    for b, band in enumerate(BANDS.bands):
        rest = band.wave / (1 + z) * u.AA
        radiance = BlackBody(temperature * u.K, scale=1 * u.erg / (u.cm**2 * u.AA * u.s * u.sr))(rest).value
        flux = np.pi * radiance * (radius / distance.to_value(u.cm)) ** 2 / (1 + z)
        expected = np.sum(band.weights * flux)
        # linear in ln T and ln(1+z): worst on the Wien side, where x = hc/(lambda k T) is 40
        assert ours[b] == pytest.approx(expected, rel=4e-3 if temperature > 1000 else 3e-2)


def test_line_blanketing_takes_the_ultraviolet_alone() -> None:
    here = scene(0.01, 0.0, np.full(6, 10.0), np.arange(6))
    n = len(thermal.days_grid())
    sphere = thermal.Photosphere(np.full((1, n), np.log(12000.0), "f4"), np.zeros((1, n), "f4"))
    ratio = thermal.thermal_flux(sphere, here, cutoff=4000.0) / thermal.thermal_flux(sphere, here)
    assert ratio[0] < 0.97
    np.testing.assert_allclose(ratio[2:], 1.0, rtol=1e-6)


def test_photospheres_give_nothing_before_they_appear_and_fade_without_an_edge() -> None:
    times = np.array([-1.0, 0.0, 1.0, 3999.0, 4001.0, 9000.0])
    here = scene(0.01, 0.0, times, np.full(6, 2))
    n = len(thermal.days_grid())
    log_t = np.log(6000.0) - 0.1 * np.linspace(0, 1, n)
    sphere = thermal.Photosphere(log_t[None].astype("f4"), np.zeros((1, n), "f4"))
    flux = thermal.thermal_flux(sphere, here)
    assert flux[0] == 0
    assert flux[1] == 0
    assert (flux[2:] > 0).all()
    assert flux[3] == pytest.approx(flux[4], rel=1e-2)


def test_diffusion_equals_its_integral() -> None:
    from scipy.integrate import quad

    mass, time = np.array([0.1]), np.array([12.0])
    power = engines.nickel_power(mass)
    ours = engines.diffuse(power, time)[0]
    days = thermal.days_grid()

    def heat(t: float) -> float:
        return float(np.interp(t, days, power[0]))

    for p in (40, 75, 90, 100):
        t = days[p]
        steps = [s for s in days[:p] if s > 0.3 * t]
        integral, _ = quad(
            lambda x, t=t: heat(x) * 2 * x / 144 * np.exp((x * x - t * t) / 144),
            0,
            t,
            limit=200,
            points=steps[:90],
        )
        assert ours[p] == pytest.approx(integral, rel=2e-3)


def test_a_fast_diffusion_gives_the_power_itself() -> None:
    power = engines.nickel_power(np.array([0.3]))
    ours = engines.diffuse(power, np.array([1e-4]))
    np.testing.assert_allclose(ours[0, 10:], power[0, 10:], rtol=1e-6)


def test_gamma_rays_leak_at_late_times() -> None:
    power = engines.nickel_power(np.array([0.3]))
    kept = engines.diffuse(power, np.array([10.0]), trapping=np.array([40.0]))
    all_of_it = engines.diffuse(power, np.array([10.0]))
    late = thermal.days_grid() > 150
    assert (kept[0, late] < 0.2 * all_of_it[0, late]).all()


def test_a_photosphere_radiates_its_luminosity_and_never_cools_below_the_floor() -> None:
    luminosity = engines.diffuse(engines.nickel_power(np.array([0.1])), np.array([12.0]))
    sphere = engines.photosphere(luminosity, np.array([9000.0]), np.array([4500.0]))
    temperature, area = np.exp(sphere.log_t.astype("f8")), np.exp(sphere.log_r2.astype("f8")) * 1e30
    radiated = 4 * np.pi * 5.670374419e-5 * area * temperature**4
    np.testing.assert_allclose(radiated, luminosity, rtol=1e-4)
    assert temperature.min() >= 4499


def test_the_colour_law_equals_sncosmos() -> None:
    law = sncosmo.salt2utils.SALT2ColorLaw((2800.0, 7000.0), (-0.504294, 0.787691, -0.461715, 0.0815619))
    wave = np.linspace(2000.0, 11000.0, 300)
    np.testing.assert_allclose(spectra.salt_colour_law(wave), law(wave), atol=1e-10)


def hsiao_model() -> sncosmo.Model:
    return sncosmo.Model(source=sncosmo.get_source("hsiao-subsampled"))


@pytest.mark.parametrize("z", [0.02, 0.333, 0.777, 1.6])
def test_hsiao_light_curves_equal_sncosmos(z: float) -> None:
    model = hsiao_model()
    # before day -14 their spline through five-day nodes swings below zero; ours is cut there
    times = np.arange(-14.0, 84.0, 2.7) * (1 + z)
    table = templates.build(
        spectra.hsiao(),
        spectra.salt_colour_law,
        BANDS,
        templates.Grid(z=(0.0, 1.7, 0.01), c=(-0.02, 0.02, 0.02)),
        phases=np.arange(-20.0, 85.5),
        wavelengths=(1000.0, 25000.0),
    )
    model.set(z=z, t0=0.0, amplitude=1.0)
    # their amplitude is not in absolute magnitudes: one factor, for all bands and redshifts
    scale = 10 ** (0.4 * spectra.band_magnitude(lambda w: model.source.flux(0.0, w)))
    for b in range(6):
        here = scene(z, 0.0, times, np.full(len(times), b))
        ours = templates.template_flux(
            table, here, amplitude=np.ones((1, 1)), colour=np.zeros(1), stretch=np.ones(1)
        )
        theirs = model.bandflux(bandpass(BANDS.bands[b]), times, zp=31.4, zpsys="ab")
        peak = theirs.max()
        # one-day nodes, cubic in phase, redshift and colour
        np.testing.assert_allclose(ours / scale, theirs, atol=1e-3 * peak)
        assert (ours >= 0).all()


def test_templates_fade_without_an_edge_and_begin_dark() -> None:
    times = np.array([-30.0, 84.9, 85.1, 200.0, 600.0])
    here = scene(0.011, 0.0, times * 1.011, np.full(5, 2))
    flux = templates.template_flux(
        sn_ia.table(BANDS), here, amplitude=np.ones((1, 1)), colour=np.zeros(1), stretch=np.ones(1)
    )
    assert flux[0] == 0
    assert flux[2] == pytest.approx(flux[1], rel=0.01)
    assert (np.diff(flux[2:]) < 0).all()
    assert flux[4] > 0


def test_a_band_outside_the_model_has_no_flux_at_any_time() -> None:
    narrow = templates.build(
        spectra.hsiao(),
        spectra.salt_colour_law,
        BANDS,
        templates.Grid(z=(0.0, 0.4, 0.05), c=(0.0, 0.1, 0.05)),
        phases=np.arange(-20.0, 85.5),
        wavelengths=(3500.0, 9000.0),
    )
    here = scene(0.2, 0.0, [-100.0, 0.0, 5.0, -100.0, 0.0, 5.0], [0, 0, 0, 2, 2, 2])
    flux = templates.template_flux(
        narrow, here, amplitude=np.ones((1, 1)), colour=np.zeros(1), stretch=np.ones(1)
    )
    assert np.isnan(flux[:3]).all()
    assert np.isfinite(flux[3:]).all()
    assert flux[4] > 0


def test_colour_reddens() -> None:
    here = scene([0.1, 0.1], 0.0, np.zeros(6), np.arange(6))
    flux = templates.template_flux(
        sn_ia.table(BANDS), here, amplitude=np.ones((2, 1)), colour=np.array([0.0, 0.2]), stretch=np.ones(2)
    ).reshape(2, 6)
    fainter = -2.5 * np.log10(flux[1] / flux[0])
    assert (np.diff(fainter) < 0).all()
    assert fainter[1] > 0
