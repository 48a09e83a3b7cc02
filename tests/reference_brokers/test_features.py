"""Features say what a light curve looks like, and nothing of when, where or which."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from reference_brokers import FEATURES, features
from reference_brokers._history import N_BAND, N_HISTORY
from reference_brokers.features import BAND_WISE, HISTORY, features_sha256
from tests.reference_brokers.batches import make_batch, make_hosts, one_alert, take
from tests.reference_brokers.plain_features import plain_features


@pytest.fixture(scope="module")
def batch():
    return make_batch(300, 1)[0]


def value(batch, name: str) -> float:
    return float(features(batch)[0, FEATURES.index(name)])


def test_there_is_a_column_for_each_name(batch):
    assert (len(HISTORY), len(BAND_WISE)) == (N_HISTORY, N_BAND)
    assert features(batch).shape == (300, len(FEATURES))
    assert features(batch).dtype == np.float32
    assert len(set(FEATURES)) == len(FEATURES)


def test_features_equal_their_plain_definition(batch):
    plain = plain_features(batch)
    for i, name in enumerate(FEATURES):
        # sums in another order, and one rounding to f4; f4 host columns are subtracted before it
        np.testing.assert_allclose(features(batch)[:, i], plain[:, i], rtol=3e-6, atol=3e-6, err_msg=name)


def test_features_are_finite_or_absent_and_each_is_there_sometimes():
    matrix = features(make_batch(2000, 2)[0])
    assert not np.isinf(matrix).any()
    assert (np.isfinite(matrix).mean(axis=0) > 0).all(), "a feature that is never there"


def test_ids_say_nothing(batch):
    other = dataclasses.replace(
        batch,
        alert_id=batch.alert_id[::-1].copy(),
        source_id=batch.source_id * 3 + 1,
        object_id=np.arange(len(batch)),
    )
    np.testing.assert_array_equal(features(other), features(batch))


def test_dates_say_nothing(batch):
    # 1,024 days keep the exponent of the MJD, so that differences stay the same to the last bit
    later = dataclasses.replace(batch, mjd=batch.mjd + 1024.0, published=batch.published + 10**15)
    np.testing.assert_array_equal(features(later), features(batch))


def test_positions_say_nothing(batch):
    moved = dataclasses.replace(
        batch,
        ra=(batch.ra + 77.0) % 360,
        dec=-batch.dec,
        host=dataclasses.replace(batch.host, ra=batch.host.ra + 77.0, dec=-batch.host.dec),
        host2=dataclasses.replace(batch.host2, ra=batch.host2.ra + 77.0, dec=-batch.host2.dec),
    )
    np.testing.assert_array_equal(features(moved), features(batch))


def test_an_alert_has_the_same_features_in_any_batch(batch):
    order = np.random.default_rng(3).permutation(len(batch))
    np.testing.assert_array_equal(features(take(batch, order)), features(batch)[order])
    for i in (0, 17, 299):
        np.testing.assert_array_equal(features(take(batch, np.array([i])))[0], features(batch)[i])


def test_the_order_of_a_history_says_nothing(batch):
    rng = np.random.default_rng(4)
    shuffled = np.concatenate(
        [rng.permutation(np.arange(a, b)) for a, b in zip(batch.offsets[:-1], batch.offsets[1:], strict=True)]
    )
    columns = ("mjd", "band", "flux", "flux_err", "forced")
    other = dataclasses.replace(batch, **{c: getattr(batch, c)[shuffled] for c in columns})
    np.testing.assert_allclose(features(other), features(batch), rtol=1e-5)


def test_a_visit_that_is_source_and_forced_counts_once():
    alone = one_alert([60000.0, 60003.0], [10.0, 20.0])
    both = one_alert(
        [60000.0, 60003.0, 60000.0, 60003.0], [10.0, 20.0, 10.0, 20.0], forced=[False, False, True, True]
    )
    np.testing.assert_array_equal(features(both), features(alone))
    assert value(both, "n_points") == 2


def test_two_bands_of_one_time_are_two_measurements():
    assert value(one_alert([60000.0, 60000.0], [10.0, 20.0], band=[1, 2]), "n_points") == 2


def test_scaling_the_light_changes_sizes_and_not_shapes(batch):
    brighter = dataclasses.replace(batch, flux=batch.flux * 4, flux_err=batch.flux_err * 4)
    sizes = {"asinh_max", "asinh_min"}
    for i, name in enumerate(FEATURES):
        if name not in sizes:
            np.testing.assert_array_equal(features(brighter)[:, i], features(batch)[:, i], err_msg=name)


def test_a_single_detection_has_a_size_and_no_evolution():
    batch = one_alert([60000.0], [100.0])
    assert value(batch, "n_detections") == 1
    assert value(batch, "asinh_max") == pytest.approx(np.arcsinh(1.0))
    for name in ("gap_max", "gap_last", "second_ratio", "quiet", "before_snr", "fast_change", "r_slope"):
        assert np.isnan(value(batch, name)), name
    assert value(batch, "hostless") == 1


def test_measurements_that_are_not_there_are_passed_over():
    whole = one_alert([60000.0, 60003.0], [10.0, 20.0])
    gaps = one_alert([60000.0, 60001.0, 60002.0, 60003.0], [10.0, np.nan, 5.0, 20.0], flux_err=[1, 1, 0, 1])
    np.testing.assert_array_equal(features(gaps), features(whole))


def test_a_history_without_a_source_has_no_shape():
    batch = one_alert([60000.0, 60001.0], [10.0, 20.0], forced=[True, True])
    matrix = features(batch)[0]
    assert matrix[:2].tolist() == [0, 2]
    assert np.isnan(matrix[2:N_HISTORY]).all()


def test_an_empty_history_and_an_empty_batch_are_taken():
    assert features(one_alert([], []))[0, :2].tolist() == [0, 0]
    nothing, _ = make_batch(0, 1)
    assert features(nothing).shape == (0, len(FEATURES))


def test_negative_flux_can_be_the_peak():
    batch = one_alert([60000.0, 60010.0, 60020.0], [5.0, -50.0, 10.0])
    assert value(batch, "rise") == 10
    assert value(batch, "positive_fraction") == pytest.approx(2 / 3)
    assert value(batch, "last_ratio") == pytest.approx(0.2)


def test_a_host_without_a_size_has_no_d_dlr(batch):
    host = make_hosts(1, np.random.default_rng(0), np.zeros(1, bool))
    sizeless = dataclasses.replace(host, sqradius=np.zeros(1, "f4"))
    alert = dataclasses.replace(one_alert([60000.0], [10.0]), host=sizeless)
    assert np.isnan(value(alert, "host_d_dlr"))
    assert value(alert, "hostless") == 0


def test_the_hash_is_that_of_the_names():
    assert features_sha256() == features_sha256()
    assert len(features_sha256()) == 64
