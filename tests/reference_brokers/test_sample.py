"""A training sample is bounded, balanced over long and short objects, and the same in any order."""

from __future__ import annotations

import numpy as np
import pytest

from brokerbench.errors import InputError
from reference_brokers import features
from reference_brokers.sample import Sample, draw_sample, keep_rate, uniform
from tests.reference_brokers.batches import make_batch, take


def sample(batches, **changes):
    settings = {"seed": 7, "rows_per_class": 50, "alerts_per_object": 2.0, "name": "forest"} | changes
    return draw_sample(batches, **settings)


@pytest.fixture(scope="module")
def alerts():
    return make_batch(600, 2)


def test_the_sample_does_not_depend_on_order_or_size_of_the_batches(alerts):
    batch, labels = alerts
    whole = sample([alerts])
    order = np.random.default_rng(0).permutation(len(batch))
    pieces = [(take(batch, rows), labels[rows]) for rows in np.array_split(order, 13)]
    for name in ("rows", "class_id", "object_id"):
        np.testing.assert_array_equal(getattr(sample(pieces), name), getattr(whole, name))


def test_no_class_has_more_rows_than_asked_for(alerts):
    drawn = sample([alerts], rows_per_class=20)
    assert np.unique(drawn.class_id, return_counts=True)[1].tolist() == [20, 20, 20, 20]


def test_rows_are_features_of_alerts_of_their_class(alerts):
    batch, labels = alerts
    drawn = sample([alerts], rows_per_class=10**6, alerts_per_object=np.inf)
    rows, ids = drawn.rows, drawn.class_id
    assert len(rows) == len(batch)
    for class_id in np.unique(labels):
        mine = {r.tobytes() for r in features(batch)[labels == class_id]}
        assert {r.tobytes() for r in rows[ids == class_id]} == mine


def test_each_row_carries_the_object_it_is_of(alerts):
    batch, labels = alerts
    drawn = sample([alerts], rows_per_class=10**6, alerts_per_object=np.inf)
    class_of = dict(zip(batch.object_id.tolist(), labels.tolist(), strict=True))
    assert [class_of[i] for i in drawn.object_id.tolist()] == drawn.class_id.tolist()


def test_weights_of_a_class_sum_as_the_square_root_of_its_rows():
    drawn = Sample(np.zeros((5, 1), "f4"), np.array([1, 1, 1, 1, 2], "i4"), np.arange(5))
    assert drawn.weights.mean() == pytest.approx(1)
    assert drawn.weights[:4].sum() / drawn.weights[4] == pytest.approx(2)


def test_another_seed_gives_another_sample(alerts):
    assert not np.array_equal(sample([alerts]).rows, sample([alerts], seed=8).rows)


def test_long_objects_give_rows_as_the_logarithm_of_their_length():
    detections = np.arange(1, 1001)
    expected = keep_rate(detections, 4.0).sum()
    assert expected == pytest.approx(4 * (1 + np.log(1000 / 4)), rel=0.02)  # a sum against its integral
    assert keep_rate(np.array([0, 1, 4]), 4.0).tolist() == [1, 1, 1]


def test_the_keyed_numbers_are_uniform_and_independent_of_each_other():
    numbers = np.arange(100_000)
    a, b = uniform(1, "keep", numbers), uniform(1, "rank", numbers)
    # 10,000 in each tenth, give or take 5 standard deviations of 95
    assert np.abs(np.histogram(a, 10, (0, 1))[0] - 10_000).max() < 475
    assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(100_000)
    assert abs(np.corrcoef(a[1:], a[:-1])[0, 1]) < 5 / np.sqrt(100_000)
    assert a.min() >= 0
    assert a.max() < 1


def test_a_sample_of_nothing_or_of_one_class_is_refused(alerts):
    batch, labels = alerts
    with pytest.raises(InputError, match="forest.fit: expected alerts of two classes or more, got no alerts"):
        sample([])
    one = np.flatnonzero(labels == 2222)
    with pytest.raises(InputError, match="expected alerts of two classes or more, got only class 2222"):
        sample([(take(batch, one), labels[one])])
