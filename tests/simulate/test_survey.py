"""Which visit sees which object, the footprint, triggers, noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from brokerbench.errors import InputError
from brokerbench.rng import stream
from brokerbench.tables import FLAG_NO_MODEL, FLAG_SATURATED
from simulate import noise
from simulate.source import Light
from simulate.survey import Sky, triggers
from tests.simulate.scenes import visits


def separation(ra1: np.ndarray, dec1: np.ndarray, ra2: np.ndarray, dec2: np.ndarray) -> np.ndarray:
    """Angles between positions, deg: the haversine formula, not ours."""
    a1, d1, a2, d2 = (np.radians(x) for x in (ra1, dec1, ra2, dec2))
    h = np.sin((d2 - d1) / 2) ** 2 + np.cos(d1) * np.cos(d2) * np.sin((a2 - a1) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(np.clip(h, 0, 1))))


@pytest.mark.parametrize("radius", [0.3, 1.75, 20.0])
def test_objects_are_seen_by_the_visits_within_the_field_radius(radius: float) -> None:
    """All pairs, compared with the haversine formula; poles and the zero of right ascension included."""
    rng = np.random.default_rng(5)
    n = 400
    ra = np.concatenate([rng.uniform(0, 360, n - 6), [0.0, 359.999, 0.2, 10.0, 200.0, 77.0]])
    dec = np.concatenate([np.degrees(np.arcsin(rng.uniform(-1, 1, n - 6))), [0, 0, -89.9, 90, -90, 89.5]])
    plan = visits(60000.0 + np.arange(n) * 0.01, ra, dec)
    sky = Sky(plan, radius)
    here = rng.permutation(n)[:200]
    at_ra = np.concatenate([ra[here] + rng.normal(0, radius, 200), [0.0, 359.9999, 180.0, 5.0]]) % 360
    at_dec = np.concatenate([dec[here] + rng.normal(0, radius, 200), [0.0, 0.1, 89.99, -89.99]]).clip(-90, 90)
    epochs = sky.match(at_ra, at_dec)
    apart = separation(at_ra[:, None], at_dec[:, None], ra, dec)
    edge = np.abs(apart - radius) < 1e-6  # either answer is right there
    for k in range(len(at_ra)):
        seen = epochs.visit[epochs.offsets[k] : epochs.offsets[k + 1]]
        assert (np.diff(seen) > 0).all()
        expected = np.flatnonzero(apart[k] <= radius)
        different = np.setxor1d(seen, expected)
        assert edge[k, different].all()


def test_visits_outside_an_objects_span_are_left_out() -> None:
    rng = np.random.default_rng(6)
    plan = visits(60000.0 + np.arange(300.0), rng.uniform(9, 11, 300), rng.uniform(-31, -29, 300))
    sky = Sky(plan, 1.75)
    ra, dec = rng.uniform(9, 11, 50), rng.uniform(-31, -29, 50)
    first = 60000.0 + rng.uniform(-50, 300, 50)
    last = first + rng.uniform(0, 100, 50)
    some, every = sky.match(ra, dec, span=(first, last)), sky.match(ra, dec)
    for k in range(50):
        all_of_it = every.visit[every.offsets[k] : every.offsets[k + 1]]
        mjd = plan.mjd[all_of_it]
        inside = all_of_it[(mjd >= first[k]) & (mjd <= last[k])]
        np.testing.assert_array_equal(some.visit[some.offsets[k] : some.offsets[k + 1]], inside)


def test_places_are_uniform_over_the_footprint() -> None:
    """Two separate fields, one near the pole: equal areas get equal shares, and all places are seen."""
    plan = visits(60000.0 + np.arange(4), [10.0, 10.0, 200.0, 200.0], [-30.0, -30.0, -85.0, -85.0])
    sky = Sky(plan, 1.75)
    area = 2 * np.pi * (1 - np.cos(np.radians(1.75))) * np.degrees(1) ** 2
    assert sky.area_deg2 == pytest.approx(2 * area, rel=0.01)
    assert sky.visits_per_position == pytest.approx(2.0)
    ra, dec = sky.positions(stream(1, "places"), 20_000)
    north = separation(ra, dec, np.array(10.0), np.array(-30.0))
    south = separation(ra, dec, np.array(200.0), np.array(-85.0))
    assert (np.minimum(north, south) <= 1.75).all()
    assert stats.binomtest(int((north < 2).sum()), 20_000).pvalue > 1e-4
    for apart in (north[north < 2], south[south < 2]):
        assert stats.kstest((apart / 1.75) ** 2, "uniform").pvalue > 1e-4


def test_the_footprint_is_where_enough_visits_are() -> None:
    plan = visits(60000.0 + np.arange(3), [10.0, 10.0, 100.0], [-30.0, -30.0, -30.0])
    sky = Sky(plan, 1.75, min_visits=2)
    ra, _ = sky.positions(stream(1, "places"), 100)
    assert np.abs(ra - 10).max() < 3
    with pytest.raises(InputError, match="expected a footprint with 5 visits a position, got none"):
        Sky(plan, 1.75, min_visits=5)


def test_a_plan_without_visits_positions_or_order_is_refused() -> None:
    with pytest.raises(InputError, match="expected at least one visit, got none"):
        Sky(visits([], [], []), 1.75)
    with pytest.raises(InputError, match="expected a ra for every visit"):
        Sky(visits([60000.0], np.nan, 0.0), 1.75)
    with pytest.raises(InputError, match="expected visits in order of time"):
        Sky(visits([60001.0, 60000.0], 0.0, 0.0), 1.75)


def plain_trigger(detected: np.ndarray, mjd: np.ndarray, count: int, gap: float) -> bool:
    times = mjd[detected]
    return len(times) >= count and bool((times[count - 1 :] - times[0] >= gap).any())


@settings(max_examples=60, deadline=None)
@given(
    lists=st.lists(st.lists(st.booleans(), max_size=8), min_size=1, max_size=6),
    count=st.integers(1, 4),
    gap=st.sampled_from([0.0, 0.021, 2.0]),
)
def test_triggers_equal_a_plain_loop(lists: list[list[bool]], count: int, gap: float) -> None:
    offsets = np.concatenate([[0], np.cumsum([len(x) for x in lists])]).astype("i8")
    detected = np.array([d for x in lists for d in x], bool)
    mjd = np.concatenate([60000 + 0.01 * np.cumsum(1 + np.arange(len(x))) for x in lists])
    ours = triggers(detected, mjd, offsets, count=count, gap=gap)
    spans = zip(offsets[:-1], offsets[1:], strict=True)
    assert ours.tolist() == [plain_trigger(detected[a:b], mjd[a:b], count, gap) for a, b in spans]


def test_the_error_at_the_depth_is_a_fifth_of_the_flux() -> None:
    depth = np.array([50.0, 400.0])
    np.testing.assert_allclose(noise.depth_error(depth, depth), depth / 5, rtol=1e-12)


def test_bright_sources_are_limited_by_their_own_photons() -> None:
    """S/N grows as the square root of the flux: 10,000 times the depth has error sqrt(0.001 F F5)."""
    error = noise.depth_error(np.array([1e4 * 50.0]), np.array([50.0]))
    assert error[0] == pytest.approx(np.sqrt(0.001 * 5e5 * 50.0), rel=0.01)


def measured(
    flux: np.ndarray, template: float = 0.0, threshold: float = 5.0, saturation: float = 1e12
) -> tuple[noise.Measured, np.ndarray]:
    """One object in two bands with a template, visits of different depth."""
    n = len(flux)
    normal = np.random.default_rng(8).standard_normal(n, dtype="f4")
    depth = np.array([100.0, 400.0])
    log = noise.VisitNoise(
        (noise.GAMMA * depth**2).astype("f4"), ((0.04 - noise.GAMMA) * depth).astype("f4"), np.ones(2, "f4")
    )
    where = noise.Where(np.array([0, n]), np.arange(n, dtype="i4") % 2, (np.arange(n) % 2).astype("i1"), log)
    veil = noise.Veil(
        np.array([[0.8, 0.9]], "f4"), np.array([[0.0, 50.0]], "f4"), np.array([[3.0, -7.0]], "f4")
    )
    cuts = noise.Cuts(np.array([3.0, 0.0], "f4"), np.full(2, saturation, "f4"), threshold)
    light = Light(flux.astype("f4"), np.full((1, 2), template, "f4"))
    return noise.measure(light, veil, where, normal, cuts), normal


def test_the_kernel_equals_its_plain_twin() -> None:
    flux = np.random.default_rng(4).uniform(-10, 6000, 5000).astype("f4").astype("f8")
    seen, normal = measured(flux, template=900.0)
    odd = np.arange(5000) % 2 == 1
    total = flux * np.where(odd, np.float32(0.9), np.float32(0.8))
    difference = total - 900 * np.where(odd, np.float32(0.9), np.float32(0.8))
    own = noise.depth_error(total + np.where(odd, 50.0, 0.0), np.where(odd, 400.0, 100.0))
    np.testing.assert_allclose(seen.difference, difference, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(seen.flux_err, np.hypot(own, np.where(odd, 0.0, 3.0)), rtol=1e-6)
    expected = difference + own * normal + np.where(odd, -7.0, 3.0)
    np.testing.assert_allclose(seen.flux, expected, rtol=2e-5, atol=2e-2)
    np.testing.assert_array_equal(seen.detected, np.abs(seen.flux) > 5 * seen.flux_err)
    assert not seen.flags.any()


def test_pulls_are_a_unit_normal() -> None:
    n = 200_000
    seen, _ = measured(np.random.default_rng(3).uniform(0, 5000, n))
    odd = np.arange(n) % 2 == 1  # the others have a template's error, the same for all
    pulls = ((seen.flux + 7 - seen.difference) / seen.flux_err)[odd]
    # 1 %: four standard errors of the mean and of the width for this n
    assert abs(pulls.mean()) < 0.013
    assert abs(pulls.std() - 1) < 0.01


def test_what_has_no_model_stays_nan_and_is_not_detected() -> None:
    seen, _ = measured(np.array([np.nan, 1e6]))
    assert np.isnan(seen.flux[0])
    assert np.isfinite(seen.flux_err).all()
    assert seen.detected.tolist() == [False, True]
    assert seen.flags.tolist() == [FLAG_NO_MODEL, 0]


def test_the_threshold_is_on_the_size_of_the_signal() -> None:
    flux = np.array([0.0, 1e5, 5e4])
    assert measured(flux, template=5e4)[0].detected.tolist() == [True, True, False]
    assert not measured(flux, template=5e4, threshold=1e9)[0].detected.any()


def test_what_saturates_is_flagged_and_not_found() -> None:
    seen, _ = measured(np.array([1e5, 2e4]), saturation=5e4)
    assert seen.flags.tolist() == [FLAG_SATURATED, 0]
    assert seen.detected.tolist() == [False, True]


def test_no_objects_have_no_visits() -> None:
    sky = Sky(visits([60000.0], 0.0, 0.0), 1.75)
    epochs = sky.match(np.zeros(0), np.zeros(0))
    assert len(epochs.visit) == 0
    assert epochs.offsets.tolist() == [0]
    assert len(sky.positions(stream(1, "x"), 0)[0]) == 0
