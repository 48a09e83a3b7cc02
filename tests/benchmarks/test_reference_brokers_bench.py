"""Rates of the reference brokers, a core: ELAsTiCC-like histories of 60 measurements."""

from __future__ import annotations

import time

import numpy as np
import pytest

from reference_brokers import BROKERS, features
from tests.reference_brokers.batches import make_batch, take
from tests.reference_brokers.plain_features import plain_features

BATCH = 256


@pytest.fixture(scope="module")
def fitted():
    return BROKERS["forest"].fit([make_batch(3000, seed, points=40) for seed in range(4)], seed=1)


@pytest.fixture(scope="module")
def alerts():
    return make_batch(4096, 50, points=60)[0]


def timed(benchmark, work, count: int) -> float:
    """Run `work` under the benchmark; alerts a second of CPU time."""
    spent: list[float] = []

    def once() -> None:
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)

    benchmark.pedantic(once, rounds=7, warmup_rounds=2)
    rate = count / min(spent)
    benchmark.extra_info.update(rate=rate, unit="alerts/s")
    return rate


def test_features_rate(benchmark, alerts):
    rate = timed(benchmark, lambda: features(alerts), len(alerts))
    few = take(alerts, np.arange(200))
    begun = time.process_time()
    plain_features(few)
    benchmark.extra_info["ratio"] = rate / (200 / (time.process_time() - begun))
    benchmark.extra_info["against"] = "the plain Python twin"


def test_forest_rate_in_batches(benchmark, fitted, alerts):
    batches = [take(alerts, np.arange(i, i + BATCH)) for i in range(0, len(alerts), BATCH)]
    timed(benchmark, lambda: [fitted.classify(b) for b in batches], len(alerts))


def test_forest_rate_one_by_one(benchmark, fitted, alerts):
    singles = [take(alerts, np.array([i])) for i in range(BATCH)]
    timed(benchmark, lambda: [fitted.classify(b) for b in singles], BATCH)
