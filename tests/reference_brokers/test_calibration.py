"""Calibration makes probabilities mean what they say, and changes no answer."""

from __future__ import annotations

import numpy as np
import pytest

from reference_brokers.calibration import FLOOR, fit_temperature, held_out, tempered
from reference_brokers.sample import Sample


def overconfident(power: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities sharpened by a power, and classes drawn from them as they were."""
    rng = np.random.default_rng(5)
    true = rng.dirichlet([1.0, 1.0, 1.0], n)
    classes = (rng.random(n)[:, None] > np.cumsum(true, axis=1)).sum(axis=1)
    return tempered(true, 1 / power), classes


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 3.0])
def test_the_power_that_sharpened_the_probabilities_is_found(power):
    given, classes = overconfident(power)
    # the loss is flat around its least: 4,000 draws fix a temperature to some per cent
    assert fit_temperature(given, classes) == pytest.approx(power, rel=0.08)


def test_calibration_lowers_the_loss_of_an_overconfident_classifier():
    given, classes = overconfident(3.0)
    better = tempered(given, fit_temperature(given, classes))
    rows = np.arange(len(classes))
    assert -np.log(better[rows, classes]).mean() < -np.log(given[rows, classes]).mean() - 0.05


@pytest.mark.parametrize("temperature", [0.2, 1.0, 5.0])
def test_the_order_of_classes_stays_rows_sum_to_1_and_none_is_0(temperature):
    given = np.random.default_rng(1).dirichlet([0.3] * 6, 500)
    made = tempered(given, temperature)
    np.testing.assert_array_equal(made.argmax(axis=1), given.argmax(axis=1))
    np.testing.assert_allclose(made.sum(axis=1), 1, atol=1e-6)
    assert made.min() >= FLOOR * (1 - 1e-5)
    certain = tempered(np.array([[1.0, 0.0]]), temperature)
    assert 0 < certain[0, 1] < 0.2  # 1e-4 to the power of a fifth is 0.16


def test_whole_objects_are_held_out_or_none_at_all():
    objects = np.repeat(np.arange(400), 5)
    sample = Sample(np.zeros((2000, 1), "f4"), np.where(objects % 2, 2222, 2224).astype("i4"), objects)
    apart = held_out(sample, 3)
    # 400 objects, a fifth of them, give or take 4 standard deviations of 8
    assert abs(apart.reshape(400, 5)[:, 0].sum() - 80) < 32
    assert (apart.reshape(400, 5) == apart.reshape(400, 5)[:, :1]).all()
    lonely = Sample(np.zeros((3, 1), "f4"), np.array([1, 1, 2], "i4"), np.array([1, 2, 3]))
    assert not held_out(lonely, 3).any()
