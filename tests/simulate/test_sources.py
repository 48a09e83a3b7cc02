"""What every class must do, and what each class is."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

import numpy as np
import pytest

from brokerbench.rng import stream
from brokerbench.taxonomy import ELASTICC2
from simulate import HOSTS, SOURCES, rates
from simulate.photometry import lsst
from simulate.source import Light, Place, Scene, Source
from tests.simulate.scenes import scene

NAMES = list(SOURCES)
TRANSIENTS = [n for n in NAMES if isinstance(SOURCES[n].population, rates.PerVolumeYear)]


def place(source: Source, n: int, seed: int = 3) -> Place:
    """Where n objects of a class are, with hosts."""
    rng = stream(seed, "test place")
    nan = np.full(n, np.nan)
    if source.galactic:
        return Place(np.zeros(n), nan, np.full(n, 60100.0), nan, nan)
    z = rates.redshifts(source.population, source.redshift, rng, n)
    galaxies = HOSTS[source.hosts].draw(rng, z)
    return Place(z, rates.distance_modulus(z), np.full(n, 60100.0), galaxies.log_mass, galaxies.log_sfr)


def shine(source: Source, here: Place, mjd: np.ndarray, band: np.ndarray) -> tuple[Scene, Light]:
    base = scene(here.z, here.t0, mjd, band)
    seen = Scene(here.z, here.distance_modulus, here.t0, base.offsets, base.mjd, base.band, lsst())
    drawn = source.draw(stream(4, "test parameters"), here)
    return seen, source.light(drawn, seen, stream(5, "test light"))


def test_there_are_classes() -> None:
    assert {"sn_ia", "rr_lyrae", "agn", "kilonova"} <= set(NAMES)
    assert {"sn_ia", "kilonova"} <= set(TRANSIENTS)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_says_what_it_is(name: str) -> None:
    source = SOURCES[name]
    assert ELASTICC2.is_known(source.class_id)
    path = [ELASTICC2.name_of(i) for i in (*ELASTICC2.ancestors(source.class_id), source.class_id)]
    assert (source.label + "/").startswith("/".join(path) + "/"), "its class or a kind of it"
    assert len(source.reference) > 10
    assert source.galactic == (source.redshift is None)
    if not source.galactic:
        assert source.hosts in HOSTS
        assert 0 < source.redshift[0] < source.redshift[1] < 4
    assert all(parameter.doc for parameter in source.parameters.values())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [0, 1, 300])
def test_parameters_are_the_declared_ones_and_finite(name: str, n: int) -> None:
    source = SOURCES[name]
    drawn = source.draw(stream(1, "draw"), place(source, n))
    assert set(drawn) == set(source.parameters)
    for parameter, values in drawn.items():
        assert values.shape == (n,), parameter
        assert np.isfinite(values).all(), parameter


@pytest.mark.parametrize("name", NAMES)
def test_parameters_of_an_object_are_the_same_at_each_call(name: str) -> None:
    source = SOURCES[name]
    here = place(source, 50)
    first, second = (source.draw(stream(1, "draw"), here) for _ in range(2))
    for parameter in first:
        np.testing.assert_array_equal(first[parameter], second[parameter])


@pytest.mark.parametrize("name", NAMES)
def test_light_has_a_flux_for_every_visit(name: str, files: None) -> None:
    source = SOURCES[name]
    times = np.sort(np.concatenate([np.linspace(60000, 60400, 60), 60100 + np.linspace(0.1, 60, 60)]))
    seen, light = shine(source, place(source, 200), times, np.arange(len(times)) % 6)
    assert light.flux.dtype == np.float32
    assert light.flux.shape == seen.mjd.shape
    flux = light.flux[np.isfinite(light.flux)]
    assert len(flux) > 0.4 * len(light.flux), "SALT at high redshift has no u, g and r"
    assert (flux >= 0).all()
    assert flux.max() > 0
    assert flux.max() < 1e12, "brighter than magnitude 1.4"
    if light.template is not None:
        assert light.template.shape == (200, 6)
        assert np.isfinite(light.template).all()


@pytest.mark.parametrize("name", TRANSIENTS)
def test_light_of_an_object_does_not_depend_on_the_others(name: str, files: None) -> None:
    """Object 7 alone shines as among 40, where nothing is drawn visit by visit."""
    source = SOURCES[name]
    here = place(source, 40)
    times, band = np.linspace(60080, 60200, 50), np.arange(50) % 6
    seen, light = shine(source, here, times, band)
    drawn = source.draw(stream(4, "test parameters"), here)
    one = {k: v[7:8] for k, v in drawn.items()}
    alone = scene(here.z[7:8], here.t0[7:8], times, band)
    again = source.light(one, alone, stream(9, "other"))
    np.testing.assert_allclose(again.flux, light.flux[7 * 50 : 8 * 50], rtol=1e-5)


@pytest.mark.parametrize("name", TRANSIENTS)
def test_explosions_fade_without_an_edge_or_an_exact_zero(name: str, files: None) -> None:
    """Once it shines it shines for good, and between two nights it never loses nearly all of its light."""
    source = SOURCES[name]
    here = place(source, 60)
    times = 60100 + np.geomspace(0.5, 3000, 800)
    _, light = shine(source, here, times, np.full(800, 2))
    flux = light.flux.reshape(60, 800).astype("f8")
    after_peak = np.arange(800) > flux.argmax(axis=1)[:, None]
    seen = np.isfinite(flux)
    assert (flux[after_peak & seen] > 0).all()
    # 60 nJy is 28.3 mag, far below any depth: what drops from there is not seen
    step = flux[:, 1:] / np.maximum(flux[:, :-1], 1e-30)
    visible = (flux[:, :-1] > 60) & after_peak[:, :-1]
    assert (step[visible] > 0.5).all()


def peak_magnitudes(name: str, n: int, band: int) -> np.ndarray:
    """Brightest absolute magnitude in a band, observer's frame, of n objects near by."""
    source = SOURCES[name]
    here = place(source, n)
    near = Place(
        np.full(n, 0.02), rates.distance_modulus(np.full(n, 0.02)), here.t0, here.log_mass, here.log_sfr
    )
    times = 60100 + np.linspace(-25, 250, 400)
    _, light = shine(source, near, times, np.full(400, band))
    return 31.4 - 2.5 * np.log10(np.nanmax(light.flux.reshape(n, 400), axis=1)) - near.distance_modulus


def test_type_ia_supernovae_have_their_brightness() -> None:
    """M_B = -19.1 for x1 = c = 0 without dust; with it the mean in g is a little fainter."""
    peak = peak_magnitudes("sn_ia", 400, 1)
    assert -19.3 < np.median(peak) < -18.8
    assert 0.2 < peak.std() < 0.8


def test_kilonovae_have_the_brightness_of_at2017gfo() -> None:
    """M_r = -16.0 at half a day (Villar et al. 2017); a population around it."""
    peak = peak_magnitudes("kilonova", 400, 2)
    assert -17.0 < np.median(peak) < -15.2


def test_rr_lyrae_have_periods_and_amplitudes_of_their_kind() -> None:
    source = SOURCES["rr_lyrae"]
    drawn = source.draw(stream(1, "draw"), place(source, 3000))
    ab = drawn["ab"] == 1
    assert ab.mean() == pytest.approx(0.76, abs=0.03)
    assert drawn["period"][ab].min() > drawn["period"][~ab].max() - 1e-9
    # longer periods pulsate less
    assert np.corrcoef(drawn["period"][ab], drawn["amplitude"][ab])[0, 1] < -0.5


def test_a_pulsation_repeats_with_its_period_and_has_its_amplitude() -> None:
    source = SOURCES["rr_lyrae"]
    here = place(source, 20)
    drawn = source.draw(stream(4, "test parameters"), here)
    k = 3
    phases = np.linspace(0, 1, 400, endpoint=False)
    times = here.t0[k] + drawn["period"][k] * np.concatenate([phases, phases + 17])
    one = {name: v[k : k + 1] for name, v in drawn.items()}
    seen = scene(here.z[k], here.t0[k], times, np.full(800, 1))
    light = source.light(one, seen, stream(1, "x"))
    magnitude = 31.4 - 2.5 * np.log10(light.flux.astype("f8"))
    np.testing.assert_allclose(magnitude[:400], magnitude[400:], atol=1e-4)
    assert np.ptp(magnitude[:400]) == pytest.approx(drawn["amplitude"][k], rel=0.03)
    mean = light.flux[:400].mean()
    # twelve random phases: the template is the mean within 4 standard errors
    assert abs(light.template[0, 1] - mean) < 4 * light.flux.std() / np.sqrt(12)


@pytest.mark.shared_data
def test_rr_lyrae_have_the_shape_of_real_templates(shared_data: Path) -> None:
    """Our mean ab star against the mean of the 21 templates in g of Sesar et al. 2010."""
    archive = shared_data / "09_variability" / "astroML" / "RRLyr_ugriz_templates.tar.gz"
    curves = []
    with tarfile.open(archive) as files:
        for member in files:
            if re.search(r"\b1\d\dg\.dat$", member.name):
                phase, magnitude = np.loadtxt(files.extractfile(member)).T
                curves.append(np.interp(np.linspace(0, 1, 100, endpoint=False), phase, magnitude))
    assert len(curves) == 21
    source = SOURCES["rr_lyrae"]
    one = {
        "ab": 1.0, "period": 0.6, "amplitude": 1.0, "asymmetry": 0.0, "distance": 10.0,
        "mag_g": 16.0, "colour": 0.0,
    }  # fmt: skip
    times = 60100 + 0.6 * np.linspace(0, 1, 100, endpoint=False)
    light = source.light(
        {k: np.full(1, v) for k, v in one.items()},
        scene(0.0, 60100.0, times, np.full(100, 1)),
        stream(1, "x"),
    )
    magnitude = 31.4 - 2.5 * np.log10(light.flux)
    ours = (magnitude - magnitude.min()) / np.ptp(magnitude)
    mean = np.mean(curves, axis=0)
    theirs = (mean - mean.min()) / np.ptp(mean)
    # six harmonics of a curve with a steep rise
    assert np.sqrt(np.mean((ours - theirs) ** 2)) < 0.04


def test_rr_lyrae_rise_faster_than_they_fall() -> None:
    """The rise of an ab star takes 10 to 25 % of the period (Sesar et al. 2010 templates)."""
    source = SOURCES["rr_lyrae"]
    here = place(source, 40)
    drawn = source.draw(stream(4, "test parameters"), here)
    k = int(np.flatnonzero(drawn["ab"] == 1)[0])
    phases = np.linspace(0, 1, 500, endpoint=False)
    seen = scene(0.0, here.t0[k], here.t0[k] + drawn["period"][k] * phases, np.full(500, 1))
    flux = source.light({n: v[k : k + 1] for n, v in drawn.items()}, seen, stream(1, "x")).flux
    rise = (phases[flux.argmax()] - phases[flux.argmin()]) % 1
    assert 0.08 < rise < 0.27


def test_active_nuclei_wander_as_their_structure_function_says() -> None:
    """Variance of differences at a lag: SF_inf^2 (1 - exp(-lag / tau)) (MacLeod et al. 2010 eq. 2)."""
    source = SOURCES["agn"]
    n = 3000
    here = place(source, n)
    drawn = source.draw(stream(4, "test parameters"), here)
    drawn |= {"sf_4000": np.full(n, 0.2), "tau_4000": np.full(n, 200.0)}
    z = np.full(n, 0.9)
    here = Place(z, rates.distance_modulus(z), here.t0, here.log_mass, here.log_sfr)
    times = np.array([60000.0, 60010.0, 60100.0, 61000.0])
    base = scene(z, here.t0, times, np.full(4, 3))
    light = source.light(drawn, base, stream(6, "walk"))
    magnitude = -2.5 * np.log10(light.flux.reshape(n, 4).astype("f8"))
    rest = 7539 / 1.9 / 4000
    sf, tau = 0.2 * rest**-0.479, 200 * rest**0.17 * 1.9
    for i in (1, 2, 3):
        variance = np.var(magnitude[:, i] - magnitude[:, 0])
        expected = sf**2 * (1 - np.exp(-(times[i] - times[0]) / tau))
        # chi-square of n objects: 4 standard errors are 4 sqrt(2 / n)
        assert variance == pytest.approx(expected, rel=4 * np.sqrt(2 / n))


def test_the_walk_equals_a_plain_loop() -> None:
    from simulate.walks import TEMPLATE_DAYS, Walk, walking_light

    times, band = np.array([60000.0, 60003.0, 60003.0, 60200.0]), np.array([0, 3, 2, 3])
    seen = scene([0.5, 1.0], 0.0, times, band)
    walk = Walk(np.full((2, 6), 20.0), np.full((2, 6), 0.3), np.array([50.0, 900.0]))
    light = walking_light(walk, seen, stream(2, "walk"))
    rng = stream(2, "walk")
    before = rng.standard_normal((2, len(TEMPLATE_DAYS)), dtype="f4")
    steps = rng.standard_normal(8, dtype="f4").reshape(2, 4)
    for k in range(2):
        path = [float(before[k, 0])]
        when = [*TEMPLATE_DAYS, *(times - times[0])]
        for step, (a, b) in zip([*before[k, 1:], *steps[k]], zip(when, when[1:], strict=False), strict=True):
            keep = np.exp(-(b - a) / walk.tau[k])
            path.append(path[-1] * keep + np.sqrt(1 - keep**2) * float(step))
        flux = 10 ** (0.4 * (31.4 - 20.0 - 0.3 * np.array(path)))
        np.testing.assert_allclose(light.flux[4 * k : 4 * k + 4], flux[len(TEMPLATE_DAYS) :], rtol=1e-5)
        np.testing.assert_allclose(light.template[k], flux[: len(TEMPLATE_DAYS)].mean(), rtol=1e-5)
