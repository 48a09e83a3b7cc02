"""Rates of the reference brokers, a core: ELAsTiCC-like histories of 60 measurements."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

from reference_brokers import BROKERS, features, forest
from reference_brokers.sample import draw_sample
from tests.reference_brokers.batches import make_batch, take
from tests.reference_brokers.plain_features import plain_features

BATCH = 256


@pytest.fixture(scope="module")
def trained():
    """The forest, and scikit-learn's model that it was written from."""
    kept = {}
    real = forest.forest_as_onnx
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            forest, "forest_as_onnx", lambda model, n: (kept.update(model=model), real(model, n))[1]
        )
        broker = BROKERS["forest"].fit([make_batch(3000, seed, points=40) for seed in range(4)], seed=1)
    kept["model"].set_params(n_jobs=1)
    return broker, kept["model"]


def against_sklearn(benchmark, model, batches, rate: float) -> None:
    """Note how much faster than predict_proba on the same features the whole broker is."""
    begun = time.process_time()
    for batch in batches:
        model.predict_proba(np.nan_to_num(features(batch), nan=forest.ABSENT))
    peer = sum(map(len, batches)) / (time.process_time() - begun)
    benchmark.extra_info.update(ratio=rate / peer, against="the same forest in scikit-learn")


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
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    benchmark.extra_info.update(rate=rate, peak_mb=round(peak, 1), unit="alerts/s")
    return rate


def test_features_rate(benchmark, alerts):
    rate = timed(benchmark, lambda: features(alerts), len(alerts))
    few = take(alerts, np.arange(200))
    begun = time.process_time()
    plain_features(few)
    benchmark.extra_info["ratio"] = rate / (200 / (time.process_time() - begun))
    benchmark.extra_info["against"] = "the plain Python twin"


def test_forest_rate_in_batches(benchmark, trained, alerts):
    broker, model = trained
    batches = [take(alerts, np.arange(i, i + BATCH)) for i in range(0, len(alerts), BATCH)]
    rate = timed(benchmark, lambda: [broker.classify(b) for b in batches], len(alerts))
    against_sklearn(benchmark, model, batches, rate)


def test_forest_rate_one_by_one(benchmark, trained, alerts):
    broker, model = trained
    singles = [take(alerts, np.array([i])) for i in range(BATCH)]
    rate = timed(benchmark, lambda: [broker.classify(b) for b in singles], BATCH)
    against_sklearn(benchmark, model, singles[:32], rate)


def test_gbm_rate_in_batches(benchmark, alerts):
    broker = BROKERS["gbm"].fit([make_batch(1000, seed, points=40) for seed in range(3)], seed=1)
    batches = [take(alerts, np.arange(i, i + BATCH)) for i in range(0, len(alerts), BATCH)]
    timed(benchmark, lambda: [broker.classify(b) for b in batches], len(alerts))


def test_sampling_rate(benchmark):
    pairs = [make_batch(4096, seed, points=60) for seed in range(3)]
    settings = {"seed": 1, "rows_per_class": 2000, "alerts_per_object": 4.0, "name": "forest"}
    timed(benchmark, lambda: draw_sample(pairs, **settings), 3 * 4096)
