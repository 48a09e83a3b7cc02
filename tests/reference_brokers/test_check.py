"""The check of a broker finds what is wrong with it, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from reference_brokers import BROKERS, check_broker
from tests.reference_brokers.batches import make_batch, take


@pytest.fixture(scope="module")
def batch():
    return make_batch(30, 8)[0]


def two(first: np.ndarray) -> np.ndarray:
    """Rows of two classes that sum to 1."""
    first = np.asarray(first, "f8")
    return np.stack([first, 1 - first], axis=1).astype("f4")


def broker(classify, **changes):
    fields = {"name": "b", "version": "1", "classes": (2222, 2224), "classify": classify}
    return SimpleNamespace(**(fields | changes))


def broken(found) -> set[str]:
    return {f.rule for f in found if not f.kept}


GOOD = broker(lambda b: two(np.full(len(b), 0.25)))


def test_a_good_broker_keeps_every_rule(batch):
    found = check_broker(GOOD, batch)
    assert broken(found) == set()
    assert len(found) == 15


@pytest.mark.parametrize("name", list(BROKERS))
def test_reference_brokers_keep_every_rule(name):
    fitted = BROKERS[name].fit([make_batch(200, s) for s in (1, 2)], seed=1)
    assert broken(check_broker(fitted, make_batch(50, 3)[0])) == set()


CASES = {
    "has a name and a version": broker(GOOD.classify, version=None),
    "has classify": broker(None),
    "names ELAsTiCC2 classes, each once": broker(GOOD.classify, classes=(111, 113)),
    "answers a batch": broker(lambda b: 1 / 0),
    "answers a row an alert, a column a class": broker(lambda b: np.ones((len(b), 3), "f4") / 3),
    "answers finite numbers": broker(lambda b: np.full((len(b), 2), np.nan, "f4")),
    "answers probabilities between 0 and 1": broker(lambda b: two(np.full(len(b), 1.5))),
    "answers rows that sum to 1": broker(lambda b: np.full((len(b), 2), 0.4, "f4")),
    "does not look at ids": broker(lambda b: two(b.object_id % 7 / 7)),
    "does not look at dates": broker(lambda b: two(b.mjd[b.offsets[:-1]] % 977 / 977)),
    "does not look at positions": broker(lambda b: two(b.ra % 360 / 360)),
    "takes an empty batch": broker(lambda b: two(np.full(len(b), 0.5 / bool(len(b))))),
    "does not depend on the order of the batch": broker(lambda b: two(np.arange(len(b)) / 100)),
    "does not depend on the size of the batch": broker(lambda b: two(np.full(len(b), len(b) / 100))),
}


@pytest.mark.parametrize("rule", CASES)
def test_what_is_wrong_is_found(rule, batch):
    with np.errstate(all="ignore"):
        assert rule in broken(check_broker(CASES[rule], batch))


def test_a_broker_that_is_not_the_same_twice_is_found(batch):
    rng = np.random.default_rng(0)
    assert "answers the same again" in broken(check_broker(broker(lambda b: two(rng.random(len(b)))), batch))


def test_a_broker_that_fails_on_one_alert_or_loses_rows_is_found(batch):
    def shy(b):
        if len(b) == 1:
            raise ValueError("lonely")
        return two(np.full(max(len(b), 2), 0.5))

    found = {f.rule: f for f in check_broker(broker(shy), batch)}
    assert found["takes a single alert"].detail == "ValueError: lonely"
    assert found["takes an empty batch"].detail == "shape (2, 2), expected (0, 2)"


def test_advice_does_not_make_a_broker_unusable(batch):
    found = check_broker(CASES["does not look at positions"], batch)
    assert all(f.kept for f in found if f.required)


def test_rows_of_a_batch_are_those_of_its_plain_twin(batch):
    rows = np.array([3, 0, 29, 7, 7])
    mine, theirs = batch.take(rows), take(batch, rows)
    for name, value in theirs.as_dict().items():
        np.testing.assert_array_equal(getattr(mine, name), value)
    np.testing.assert_array_equal(mine.host.mag, theirs.host.mag)
