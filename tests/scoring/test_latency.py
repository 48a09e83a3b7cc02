"""Latencies: percentiles of counts, in fixed memory."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scoring.accounting import Books
from scoring.latency import CELLS, PERCENTILES, cell_floor, cell_of, count_latencies, none, total


def _sample(n: int = 20_000) -> np.ndarray:
    return np.round(np.random.default_rng(1).lognormal(12, 2.5, n)).astype("i8")


def test_cells_follow_each_other_without_gap() -> None:
    floors = cell_floor(np.arange(CELLS))
    assert floors[0] == 0
    assert (np.diff(floors) > 0).all()
    for cell in (0, 1, 2047, 2048, 4095, 4096, 50_000, CELLS - 1):
        assert cell_of(int(floors[cell])) == cell
        if cell:
            assert cell_of(int(floors[cell]) - 1) == cell - 1
    assert cell_of(np.iinfo("i8").max) == CELLS - 1


@pytest.mark.parametrize("percent", PERCENTILES)
def test_percentiles_are_right_to_a_cell(percent: float) -> None:
    micros = _sample()
    want = np.quantile(micros, percent / 100, method="inverted_cdf") / 1e6
    got = count_latencies(micros).percentile(percent)
    assert want * (1 - 2**-11) - 1e-6 <= got <= want


def test_latencies_of_pieces_add_up_to_those_of_the_whole() -> None:
    micros = _sample(1000)
    whole = count_latencies(micros)
    pieces = total([count_latencies(p) for p in np.array_split(micros, 7)])
    assert (whole.counts == pieces.counts).all()
    assert (whole.low, whole.high, whole.n) == (pieces.low, pieces.high, pieces.n)


def test_negative_and_sub_second_latencies_are_not_hidden() -> None:
    few = count_latencies(np.array([-5, -1, 200, 3_000, 40_000_000], "i8"))
    assert few.negative == 2
    assert few.low == -5
    edges, counts = few.histogram()
    assert sum(counts) == few.n == 5
    assert edges[0] == -3
    assert counts[0] == 3  # negative ones and 0.2 ms
    assert few.percentile(10) == -5e-6
    assert few.percentile(40) == -1e-6
    assert few.percentile(60) == 2e-4
    assert few.percentile(100) == pytest.approx(40.0, rel=2**-11)


def test_the_interval_of_a_percentile_holds_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    truth = math.exp(12) / 1e6
    held = 0
    for _ in range(400):
        some = count_latencies(np.round(rng.lognormal(12, 1, 200)).astype("i8"))
        low, high = some.interval(50, confidence=0.9)
        held += low <= truth <= high
    assert held / 400 > 0.88  # 0.9 less two standard errors of 400 draws, as ranks are whole


def test_a_percentile_beyond_the_sample_has_no_upper_end() -> None:
    low, high = count_latencies(np.arange(1, 11, dtype="i8")).interval(99.9, confidence=0.95)
    assert low > 0
    assert math.isnan(high)


def test_no_message_has_no_latency() -> None:
    assert none().n == 0
    assert math.isnan(none().percentile(50))
    assert all(math.isnan(x) for x in none().interval(50, confidence=0.9))
    assert count_latencies(np.zeros(0, "i8")).n == 0


def test_books_that_lost_an_alert_are_refused() -> None:
    from brokerbench.errors import AccountingError

    books = Books(10, 8, 0, 1, received=8, accepted=8, duplicate=0, orphan=0, invalid=0, malformed=0)
    with pytest.raises(
        AccountingError, match="x: expected sent = on time \\+ late \\+ missing, got 10 = 8 \\+ 0"
    ):
        books.check(where="x")


def test_answers_within_a_deadline_are_counted() -> None:
    some = count_latencies(np.array([-1, 0, 59_000_000, 60_000_000, 61_000_000, 7_200_000_000], "i8"))
    assert some.within(60.0) == 4
    assert some.within(3600.0) == 5
    assert some.within(1e6) == 6
