"""Features of histories that no survey should send, and that some day one will."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_brokers import FEATURES, features
from tests.reference_brokers.batches import make_batch, one_alert
from tests.reference_brokers.plain_features import plain_features

NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 1e-30, 1e30, 3e38, -3e38]),
    st.floats(-1e6, 1e6, width=32),
)
ERRORS = st.one_of(
    st.sampled_from([0.0, -1.0, np.nan, np.inf, 1e-30, 1e30]), st.floats(2.0**-10, 1e5, width=32)
)
TIMES = st.one_of(st.sampled_from([60000.0, 60000.25, 60001.0, np.nan, np.inf]), st.floats(59000, 61000))


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(TIMES, NUMBERS, ERRORS, st.integers(0, 5), st.booleans()), max_size=12))
def test_any_history_gives_finite_numbers_or_nan(rows):
    mjd, flux, err, band, forced = ([r[k] for r in rows] for k in range(5))
    matrix = features(one_alert(mjd, flux, band=band, forced=forced, flux_err=err))
    assert matrix.shape == (1, len(FEATURES))
    assert not np.isinf(matrix).any()


PLAIN = st.tuples(
    st.integers(0, 4000).map(lambda k: 60000 + k / 16),
    st.floats(-1e4, 1e4, width=32).map(lambda f: round(f, 2) + 0.125),
    st.sampled_from([0.5, 7.0, 100.0]),
    st.integers(0, 5),
    st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PLAIN, min_size=1, max_size=25, unique_by=lambda r: r[0]))
def test_any_plain_history_equals_its_plain_definition(rows):
    mjd, flux, err, band, forced = ([r[k] for r in rows] for k in range(5))
    alert = one_alert(mjd, flux, band=band, forced=forced, flux_err=err)
    mine, plain = features(alert)[0], plain_features(alert)[0]
    for name, a, b in zip(FEATURES, mine, plain, strict=True):
        # sums in another order; a difference of nearly equal sums keeps four digits of seven
        assert a == pytest.approx(b, rel=1e-3, abs=1e-4, nan_ok=True), name


def test_light_that_is_nothing_has_no_ratios():
    dark = one_alert([60000.0, 60005.0], [0.0, 0.0])
    row = dict(zip(FEATURES, features(dark)[0].tolist(), strict=True))
    assert row["n_detections"] == 2
    assert row["duration"] == 5
    for name in ("last_ratio", "first_ratio", "second_ratio", "r_mean_ratio", "r_slope", "r_scatter"):
        assert np.isnan(row[name]), name


def test_hosts_of_any_numbers_do_no_harm():
    batch, _ = make_batch(20, 4)
    wild = np.tile(np.array([0.0, -1.0, np.inf, np.nan, 3e38], "f4"), 4)
    host = dataclasses.replace(
        batch.host, sep=wild, sqradius=wild[::-1].copy(), mag=np.tile(wild[:, None], 6)
    )
    with np.errstate(all="ignore"):
        assert not np.isinf(features(dataclasses.replace(batch, host=host))).any()
