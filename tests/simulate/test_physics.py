"""The classes against what is published of them."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from brokerbench.errors import ConfigError
from brokerbench.rng import stream
from simulate import SOURCES, Population, engines, rates
from simulate.eclipses import _hidden, _overlap, _relative
from simulate.generate import plan
from simulate.outbursts import CELL, _uniform, davenport
from simulate.photometry import lsst
from simulate.scatter import WIDTH, chromatic_scatter
from simulate.source import Light, Place
from simulate.stars import apparent, blackbody_colours
from simulate.thermal import days_grid
from tests.simulate.scenes import scene, small_simulation
from tests.simulate.test_sources import place, shine

DAYS = np.concatenate([np.linspace(-30, 60, 181), np.linspace(61, 600, 270)])


def curves(name: str, n: int, band: int) -> tuple[np.ndarray, np.ndarray]:
    """Absolute magnitudes f8[n, days] in the band at z = 0.05, and days from the peak."""
    source = SOURCES[name]
    here = place(source, n)
    z = np.full(n, 0.05)
    near = Place(z, rates.distance_modulus(z), here.t0, here.log_mass, here.log_sfr)
    _, light = shine(source, near, 60100 + DAYS, np.full(len(DAYS), band))
    flux = np.maximum(light.flux.reshape(n, -1).astype("f8"), 1e-9)
    return 31.4 - 2.5 * np.log10(flux) - near.distance_modulus[:, None], DAYS


# r-band peaks without correction for host dust: median and how far it may be off [mag]
PEAKS = {
    "sn_ib": (-17.1, 0.5),  # Taddia et al. 2018: -17.2 to -17.6 with host dust corrected
    "sn_ic": (-17.4, 0.5),  # Taddia et al. 2018: -17.5
    "sn_ic_bl": (-18.3, 0.5),  # Taddia et al. 2019: -18.6
    "sn_iib": (-16.9, 0.5),  # Taddia et al. 2018: -17.1
    "sn_ii": (-16.8, 0.5),  # Anderson et al. 2014: V -16.7
    "sn_iin": (-18.4, 0.7),  # Nyholm et al. 2020: -19.2 of a brightness-limited sample
    "slsn_i": (-21.7, 0.6),  # De Cia et al. 2018
    "tde": (-18.8, 0.9),  # van Velzen et al. 2021: -19 and fainter, steep luminosity function
    "ilot": (-12.5, 1.2),  # Kasliwal 2012: -10 to -15
    "cart": (-16.0, 0.5),  # Kasliwal et al. 2012: -15 to -16.5
    "pisn": (-20.2, 0.9),  # Kasen, Woosley & Heger 2011: -18 to -22
    "fbot": (-19.6, 1.0),  # Pursiainen et al. 2018: -15.8 to -22.3
    "kilonova": (-15.8, 0.5),  # Villar et al. 2017: -16.0
    "sn_91bg": (-18.0, 0.4),  # Taubenberger 2017: B -16.9, r -17.8
    "sn_iax": (-16.0, 0.8),  # Jha 2017: -13 to -18.5
    "sn_91t": (-19.6, 0.3),  # Phillips et al. 2022
    "sn_ia_csm": (-20.0, 0.6),  # Silverman et al. 2013: -19 to -21.3
}


@pytest.mark.parametrize("name", sorted(PEAKS))
def test_peaks_are_as_bright_as_observed(name: str) -> None:
    magnitude, _ = curves(name, 300, 2)
    median, tolerance = PEAKS[name]
    assert np.median(magnitude.min(axis=1)) == pytest.approx(median, abs=tolerance)


def rise_and_fall(name: str) -> tuple[float, float]:
    """Median days from t0 to the r-band peak, and from there until 1 mag fainter (observer, z = 0.05)."""
    magnitude, days = curves(name, 200, 2)
    top = magnitude.argmin(axis=1)
    fall = [np.interp(1.0, m[k:] - m[k], days[k:] - days[k]) for m, k in zip(magnitude, top, strict=True)]
    return float(np.median(days[top])), float(np.median(fall))


def test_times_are_in_the_order_that_is_observed() -> None:
    """Kilonovae fade in a day, fast transients in days, stripped ones in weeks, pair instability later."""
    order = ["kilonova", "fbot", "cart", "sn_ib", "sn_iin", "pisn"]
    falls = [rise_and_fall(name)[1] for name in order]
    assert falls == sorted(falls)
    assert falls[0] < 3
    assert 80 < falls[-1] < 400
    rise, fall = rise_and_fall("sn_ii")
    assert rise < 40
    assert 50 < fall < 130, "a plateau"


def test_plateaus_end_where_their_duration_says() -> None:
    days = days_grid()
    light = engines.plateau(np.array([1e42]), np.array([100.0]), slope=np.zeros(1), peak=np.zeros(1))[0]
    assert np.interp(60, days, light) == pytest.approx(1e42, rel=1e-3)
    assert np.interp(100, days, light) == pytest.approx(5e41, rel=0.05)
    assert np.interp(160, days, light) < 1e37


def test_a_magnetar_gives_its_energy() -> None:
    """The integral of the spin-down power is 2.6e52 erg (P / ms)^-2 (Nicholl et al. 2017 eq. 2)."""
    days = days_grid()
    power = engines.magnetar_power(np.array([3.0]), np.array([1.0]))[0]
    seconds = np.concatenate([[0], days]) * 86400
    energy = np.trapezoid(np.concatenate([power[:1], power]), seconds)
    assert energy == pytest.approx(2.6e52 / 9, rel=0.02)


def test_fallback_declines_as_five_thirds_and_the_delay_keeps_its_energy() -> None:
    days = days_grid()
    fast = engines.fallback_power(np.array([1e44]), np.array([30.0]), np.array([1e-3]))[0]
    late = days > 100
    slope = np.polyfit(np.log(days[late]), np.log(fast[late]), 1)[0]
    assert slope == pytest.approx(-5 / 3, abs=0.01)
    slow = engines.fallback_power(np.array([1e44]), np.array([30.0]), np.array([20.0]))[0]
    assert days[slow.argmax()] > days[fast.argmax()]
    assert np.trapezoid(slow, days) == pytest.approx(np.trapezoid(fast, days), rel=0.03)


def test_host_extinction_has_its_mean() -> None:
    """Two thirds exponential with 0.4 mag, a third half-Gaussian with 0.1 mag (Wood-Vasey et al. 2007)."""
    a_v = engines.host_extinction(np.random.default_rng(1), 100_000)
    assert a_v.mean() == pytest.approx(2 / 3 * 0.4 + 1 / 3 * 0.1 * np.sqrt(2 / np.pi), rel=0.02)
    assert a_v.max() < 3


def test_microlensing_follows_paczynski() -> None:
    """A(u = 1) = 3 / sqrt(5) = 1.3416; a blend dilutes it."""
    source = SOURCES["microlensing"]
    one = {"u0": 0.6, "einstein": 20.0, "share": 0.5, "mag_r": 20.0, "temperature": 5000.0}
    seen = scene(0.0, 60100.0, 60100 + 20 * np.array([-50.0, -0.8, 0.0, 0.8]), np.full(4, 2))
    light = source.light({k: np.full(1, v) for k, v in one.items()}, seen, stream(1, "x"))
    relative = light.flux / light.template[0, 2]
    np.testing.assert_allclose(relative[0], 1.0, atol=1e-4)
    np.testing.assert_allclose(relative[1], relative[3], rtol=1e-4)
    assert relative[1] == pytest.approx(0.5 + 0.5 * 3 / np.sqrt(5), rel=1e-4)
    assert relative[2] == pytest.approx(0.5 + 0.5 * (0.36 + 2) / (0.6 * np.sqrt(4.36)), rel=1e-4)


def test_overlapping_disks_have_the_area_of_a_monte_carlo() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.uniform(-1, 1, (2, 400_000))
    inside = x**2 + y**2 < 1
    for d, b in ((0.5, 0.7), (1.2, 0.6), (0.1, 0.4)):
        share = (inside & ((x - d) ** 2 + y**2 < b * b)).mean() * 4
        assert _overlap(d, 1.0, b) == pytest.approx(share, abs=0.01)
    assert _overlap(2.0, 1.0, 0.9) == 0
    assert _hidden(0.0, 0.5, 1.0, 0.0) == pytest.approx(0.999), "a total eclipse"


def test_eclipses_are_as_deep_as_the_surfaces_say() -> None:
    """Equal stars edge on: both minima half; a dark companion takes (r2/r1)^2 and shows no second one."""
    depth = [_relative(t, 0.1, 0.1, 0.0, 1.0, 0.0) for t in (0.0, 0.5, 0.25)]
    assert depth[0] == pytest.approx(0.5, abs=0.02)
    assert depth[1] == pytest.approx(0.5, abs=0.02)
    assert depth[2] == pytest.approx(1.0, abs=0.01)
    dark = [_relative(t, 0.1, 0.05, 0.0, 1e-6, 0.0) for t in (0.0, 0.5)]
    assert dark[1] == pytest.approx(0.75, abs=0.02)
    assert dark[0] == pytest.approx(1.0, abs=0.01)


def test_eclipsing_binaries_repeat_and_contact_ones_vary_always() -> None:
    source = SOURCES["eclipsing_binary"]
    here = place(source, 300)
    drawn = source.draw(stream(4, "test parameters"), here)
    period = drawn["period"]
    phases = np.linspace(0, 1, 80, endpoint=False)
    contact = (drawn["ea"] == 0) & (drawn["eb"] == 0)
    assert 0.5 < contact.mean() < 0.8
    quiet = []
    for k in range(60):
        one = {name: values[k : k + 1] for name, values in drawn.items()}
        times = here.t0[k] + period[k] * np.concatenate([phases, phases + 5])
        light = source.light(one, scene(0.0, here.t0[k], times, np.full(160, 2)), stream(1, "x"))
        np.testing.assert_allclose(light.flux[:80], light.flux[80:], rtol=1e-4)
        magnitude = -2.5 * np.log10(light.flux[:80])
        quiet.append((np.abs(magnitude - np.median(magnitude)) < 0.03).mean())
    quiet_share = np.array(quiet)
    assert quiet_share[drawn["ea"][:60] == 1].mean() > 1.5 * quiet_share[contact[:60]].mean()


def test_flares_have_davenports_shape() -> None:
    """1 at the peak, half of it half a width before, 0 a width before; the integral is 1.83 widths."""
    x = np.linspace(-1, 30, 60_001)
    shape = np.array([davenport(v) for v in x])
    assert davenport(-1.5) == 0
    assert shape.max() == pytest.approx(1.0, abs=0.01)
    assert np.trapezoid(shape, x) == pytest.approx(1.83, abs=0.01)


def test_flares_are_as_frequent_as_their_rate() -> None:
    """Star k's flares follow from its number alone: their count over a long time is the rate."""
    source = SOURCES["mdwarf_flare"]
    one = {"subtype": 0.5, "distance": 20.0, "rate": 2.0, "least": 33.0, "index": 1.0, "path": 12345.0}
    times = 60000 + np.arange(0, 40, 1 / 1440)
    seen = scene(0.0, 60000.0, times, np.zeros(len(times)))
    light = source.light({k: np.full(1, v) for k, v in one.items()}, seen, stream(1, "x"))
    relative = light.flux / light.template[0, 0] - 1
    burning = relative > 0.02
    starts = int((burning[1:] & ~burning[:-1]).sum())
    # 80 expected; overlaps hide a few
    assert 55 < starts < 105
    again = source.light(
        {k: np.full(1, v) for k, v in one.items()},
        scene(0.0, 60000.0, times[::7], np.zeros(len(times[::7]))),
        stream(2, "y"),
    )
    np.testing.assert_array_equal(again.flux, light.flux[::7])


def test_hashed_numbers_are_uniform() -> None:
    values = np.array([_uniform(7.0, cell, j) for cell in range(2000) for j in range(5)])
    assert values.mean() == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / len(values)))
    assert np.abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.05
    assert CELL == 0.25


def test_dwarf_novae_burst_about_as_often_as_they_recur() -> None:
    source = SOURCES["dwarf_nova"]
    one = {
        "recurrence": 40.0, "amplitude": 3.5, "plateau": 3.0, "decline": 0.8, "super_every": 1e6,
        "mag_g": 20.0, "temperature": 16000.0, "path": 99.0,
    }  # fmt: skip
    times = 60000 + np.arange(0, 2000, 0.2)
    seen = scene(0.0, 60000.0, times, np.ones(len(times)))
    light = source.light({k: np.full(1, v) for k, v in one.items()}, seen, stream(1, "x"))
    magnitude = 31.4 - 2.5 * np.log10(light.flux)
    up = magnitude < 18.5
    starts = int((up[1:] & ~up[:-1]).sum())
    assert starts == pytest.approx(50, abs=4)
    assert magnitude.min() == pytest.approx(16.5, abs=0.4)
    assert magnitude.max() == pytest.approx(20.0, abs=0.05)


def test_stars_that_move_brighten_against_their_template() -> None:
    source = SOURCES["proper_motion"]
    one = {"motion": np.full(1, 0.5), "mag_r": np.full(1, 19.0), "temperature": np.full(1, 4000.0)}
    seen = scene(0.0, 60000.0, 60000 + np.array([0.0, 500.0, 4000.0]), np.full(3, 2))
    light = source.light(one, seen, stream(1, "x"))
    gained = light.flux / light.template[0, 2] - 1
    assert (np.diff(gained) > 0).all()
    assert gained[-1] == pytest.approx(1.0, abs=0.01), "far away the whole star is new"


def test_changing_look_nuclei_step_by_their_step() -> None:
    source = SOURCES["agn_changing_look"]
    n = 400
    z = np.full(n, 0.3)
    here = place(source, n)
    here = Place(z, rates.distance_modulus(z), np.full(n, 61500.0), here.log_mass, here.log_sfr)
    drawn = source.draw(stream(4, "p"), here) | {"step": np.full(n, 2.0), "width": np.full(n, 30.0)}
    seen = scene(z, here.t0, [60000.0, 63000.0], [2, 2])
    light = source.light(drawn, seen, stream(3, "walk"))
    before, after = -2.5 * np.log10(light.flux.reshape(n, 2).T.astype("f8"))
    assert np.mean(before - after) == pytest.approx(2.0, abs=0.15)


def afterglow(view: float) -> Light:
    source = SOURCES["grb_afterglow"]
    one = {
        "absolute": -24.0, "early": 1.0, "late": 2.2, "break": 0.9, "onset": 0.002, "jet": 0.1, "view": view,
        "a_v": 0.0,
    }  # fmt: skip
    days = np.array([-1.0, 0.05, 0.5, 2.0, 8.0, 30.0, 100.0])
    seen = scene(0.5, 60000.0, 60000 + 1.5 * days, np.full(7, 2))
    return source.light({k: np.full(1, v) for k, v in one.items()}, seen, stream(1, "x"))


def test_orphan_afterglows_come_late_and_join_the_light_on_axis() -> None:
    on, off = afterglow(0.0).flux, afterglow(0.3).flux
    assert on[0] == off[0] == 0
    assert on[1:].argmax() == 0
    assert off.argmax() > 3
    assert (off[1:] <= on[1:] * 1.001).all()
    assert off[-1] == pytest.approx(on[-1], rel=0.2)


def test_magnitudes_of_stars_grow_in_number() -> None:
    m = apparent(np.random.default_rng(1), 50_000, slope=0.3, limits=(16.0, 22.0))
    counts = np.histogram(m, np.arange(16, 22.1, 1))[0]
    np.testing.assert_allclose(np.log10(counts[1:] / counts[:-1]), 0.3, atol=0.12)


def test_no_eclipse_takes_all_the_light() -> None:
    """A cool companion of nearly the same size in front, where limb darkening makes the middle count most."""
    source = SOURCES["eclipsing_binary"]
    one = {
        "ea": 0.0, "eb": 1.0, "period": 1.0, "r1": 0.272, "r2": 0.262, "cos_i": 0.041, "temperature": 5390.0,
        "ratio": 0.559, "mag_r": 20.0,
    }  # fmt: skip
    seen = scene(0.0, 60100.0, 60100 + np.linspace(0, 1, 2000), np.arange(2000) % 6)
    light = source.light({k: np.full(1, v) for k, v in one.items()}, seen, stream(1, "x"))
    assert (light.flux > 0).all()
    assert light.template.min() > 0


def test_hot_stars_are_blue() -> None:
    colours = blackbody_colours(lsst().effective, np.array([4000.0, 10000.0]), reference=6190.0)
    g_minus_i = colours[:, 1] - colours[:, 3]
    assert g_minus_i[0] > 0.7
    assert g_minus_i[1] < 0.0


def binary(separation: float, mass_ratio: float, times: np.ndarray) -> np.ndarray:
    pytest.importorskip("VBMicrolensing", reason="the extra microlensing is not installed")
    source = SOURCES["microlensing_binary"]
    one = {
        "u0": 0.3, "einstein": 20.0, "share": 1.0, "mag_r": 20.0, "temperature": 5000.0,
        "separation": separation, "mass_ratio": mass_ratio, "angle": 0.7, "rho": 1e-3,
    }  # fmt: skip
    seen = scene(0.0, 60100.0, 60100 + times, np.full(len(times), 2))
    light = source.light({k: np.full(1, v) for k, v in one.items()}, seen, stream(1, "x"))
    return light.flux / light.template[0, 2]


def test_a_light_companion_far_away_changes_nothing() -> None:
    times = np.linspace(-60, 60, 61)
    u2 = (times / 20) ** 2 + 0.09
    single = (u2 + 2) / np.sqrt(u2 * (u2 + 4))
    # the centre of magnification differs by the mass ratio, 1e-3
    np.testing.assert_allclose(binary(0.2, 1e-3, times), single, rtol=0.02)


def test_two_equal_lenses_make_caustics() -> None:
    times = np.linspace(-30, 30, 1201)
    curve = binary(1.0, 1.0, times)
    jumps = np.abs(np.diff(np.log(curve)))
    assert jumps.max() > 0.2, "a fold is crossed"
    assert curve.min() > 1


def test_a_class_that_needs_a_package_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    simulation = small_simulation(population=[Population(source="microlensing_binary", count=1)])
    with pytest.raises(ConfigError, match=r"expected the package VBMicrolensing, got none; install broker"):
        plan(simulation)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", [n for n in SOURCES if n.endswith("_templates")])
def test_templates_have_their_brightness_and_no_edges(name: str, sncosmo_data: Path) -> None:
    """r-band peaks of the stated mean, dimmed by host dust; light that begins and ends smoothly."""
    magnitude, days = curves(name, 200, 2)
    model = importlib.import_module(f"simulate.sources.{name}").MODEL
    peak = np.median(magnitude.min(axis=1))
    assert model.mean - 0.4 < peak < model.mean + 0.9
    visible = magnitude < -9
    steps = np.abs(np.diff(magnitude, axis=1))[visible[:, 1:] & visible[:, :-1] & (days[1:] > 40)]
    assert steps.max() < 1.3, "a plateau ends with half a magnitude a day"


def test_chromatic_scatter_is_an_objects_own_and_has_its_width() -> None:
    path = np.random.default_rng(1).integers(0, 1 << 52, 6000).astype("f8")
    z = np.full(6000, 0.1)
    first = chromatic_scatter(path, lsst(), z)
    np.testing.assert_array_equal(first[100:110], chromatic_scatter(path[100:110], lsst(), z[100:110]))
    # g at 4333 A is a node: its width is that of the node
    at = chromatic_scatter(path, lsst(), np.full(6000, lsst().effective[1] / 4400.0 - 1))
    assert at[:, 1].std() == pytest.approx(WIDTH[3], rel=4 / np.sqrt(12000))
    assert first[:, 0].std() > 2 * first[:, 2].std(), "the ultraviolet scatters most"
    assert abs(np.corrcoef(first[:, 0], first[:, 3])[0, 1]) < 0.06


def test_supernovae_scatter_in_colour_beyond_salt() -> None:
    """Two objects with the same x1, c and brightness differ by their own chromatic scatter alone."""
    source = SOURCES["sn_ia"]
    same = {"x1": np.zeros(2), "c": np.zeros(2), "scatter": np.zeros(2), "mb": np.full(2, 22.0)}
    same["a_v"] = np.zeros(2)
    seen = scene([0.3, 0.3], 60100.0, np.full(6, 60100.0), np.arange(6))
    one = source.light(same | {"path": np.array([5.0, 99.0])}, seen, stream(1, "x")).flux.reshape(2, 6)
    twice = source.light(same | {"path": np.array([5.0, 5.0])}, seen, stream(2, "x")).flux.reshape(2, 6)
    np.testing.assert_array_equal(twice[0], twice[1])
    np.testing.assert_array_equal(one[0], twice[0])
    assert np.ptp(-2.5 * np.log10(one[1] / one[0])) > 0.01
