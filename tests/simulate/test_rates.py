"""Numbers and redshifts of objects."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM
from scipy import stats

from simulate import SOURCES, rates
from simulate.rates import PerArea, PerVolume, PerVolumeYear

COSMOLOGY = FlatLambdaCDM(H0=70.0, Om0=0.3, Tcmb0=0.0)


def test_distances_equal_astropys() -> None:
    z = np.array([0.003, 0.011, 0.1, 0.7, 1.65, 3.0, 8.0])
    # interpolation in 8,192 nodes of ln(1+z); the lowest redshift is the least precise
    np.testing.assert_allclose(rates.distance_modulus(z), COSMOLOGY.distmod(z).value, atol=2e-4)
    kpc = COSMOLOGY.kpc_proper_per_arcmin(z).value / 60
    np.testing.assert_allclose(rates.kpc_per_arcsec(z), kpc, rtol=1e-4)


def test_events_are_fewer_by_time_dilation_and_objects_are_not() -> None:
    """Mean of dV: 0.7029 without and 0.6740 with 1/(1+z) in Planck18, z < 1; a little else here."""
    z = np.linspace(1e-3, 1.0, 20001)
    volume = COSMOLOGY.differential_comoving_volume(z).value
    rng = np.random.default_rng(1)
    for population, weight in ((PerVolumeYear(np.ones_like), 1 / (1 + z)), (PerVolume(np.ones_like), 1.0)):
        drawn = rates.redshifts(population, (1e-3, 1.0), rng, 200_000)
        mean = np.sum(z * volume * weight) / np.sum(volume * weight)
        assert drawn.mean() == pytest.approx(mean, abs=4 * drawn.std() / np.sqrt(len(drawn)))
    assert abs(mean - 0.7029) < 0.003


@pytest.mark.parametrize("name", [n for n in SOURCES if not SOURCES[n].galactic])
def test_numbers_follow_the_stated_rate(name: str) -> None:
    """The expected number and the drawn redshifts equal the integral of the class's own formula."""
    source = SOURCES[name]
    low, high = source.redshift
    z = np.linspace(low, high, 20001)
    per_z = source.population.rate(z) * COSMOLOGY.differential_comoving_volume(z).value
    time = 2.5
    if isinstance(source.population, PerVolumeYear):
        per_z = per_z / (1 + z) * time
    per_z = per_z * np.radians(1) ** 2 * 100
    expected = np.trapezoid(per_z, z)
    counted = rates.expected(source.population, source.redshift, area_deg2=100.0, years=time)
    assert counted == pytest.approx(expected, rel=1e-3)
    drawn = rates.redshifts(source.population, source.redshift, np.random.default_rng(2), 20_000)
    cumulative = np.concatenate([[0], np.cumsum(0.5 * (per_z[1:] + per_z[:-1]))])
    test = stats.kstest(drawn, lambda x: np.interp(x, z, cumulative / cumulative[-1]))
    assert test.pvalue > 1e-4


def test_lensing_keeps_the_mean_flux_and_has_its_width() -> None:
    z = np.full(200_000, 0.8)
    change = rates.lensing(np.random.default_rng(1), z, 0.05)
    assert change.std() == pytest.approx(0.04, rel=0.02)
    assert (10 ** (-0.4 * change)).mean() == pytest.approx(1.0, abs=4 * 0.04 / np.sqrt(200_000))
    assert np.median(change) > 0, "most are a little fainter"
    assert (rates.lensing(np.random.default_rng(1), z, 0.0) == 0).all()


def test_galactic_numbers_follow_the_area() -> None:
    assert rates.expected(PerArea(2.0), None, area_deg2=50.0, years=3.0) == 100.0


def test_core_collapse_rate_has_its_published_values() -> None:
    """6.17e-5, 2.54e-4 and 3.16e-4 /yr/Mpc3 at z = 0, 0.5, 1 (Strolger et al. 2015, h = 0.7)."""
    rate = rates.core_collapse_s15(1.0)(np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(rate, [6.17e-5, 2.54e-4, 3.16e-4], rtol=0.01)


def test_star_formation_grows_as_madau_and_dickinson_say() -> None:
    """2.92 and 5.79 times the local rate at z = 0.5 and 1."""
    rate = rates.madau_dickinson(1.0)(np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(rate, [1.0, 2.92, 5.79], rtol=0.01)
