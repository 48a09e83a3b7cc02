"""Ids are a bijection that says nothing of what it hides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokerbench.errors import TableError
from brokerbench.ids import BITS, permute, serial, unpermute

NUMBERS = st.lists(st.integers(0, 2**BITS - 1), min_size=1, max_size=50, unique=True)


@given(NUMBERS, st.integers(0, 2**31))
def test_unpermute_undoes_permute(numbers: list[int], seed: int) -> None:
    ids = permute(seed, "object", numbers)
    assert unpermute(seed, "object", ids).tolist() == numbers
    assert len(set(ids.tolist())) == len(numbers)


def test_ids_depend_on_seed_and_purpose() -> None:
    numbers = np.arange(100)
    one = permute(1, "object", numbers)
    assert not np.isin(one, permute(2, "object", numbers)).any()
    assert not np.isin(one, permute(1, "alert", numbers)).any()


def test_ids_are_exact_in_a_float() -> None:
    ids = permute(3, "object", serial(255, 2**20 - 1, np.arange(2**24 - 100, 2**24)))
    assert ids.max() < 2**53
    assert (ids.astype("f8").astype("i8") == ids).all()


def test_ids_of_neighbours_are_spread_evenly() -> None:
    ids = permute(5, "object", serial(0, 0, np.arange(4096)))
    counts = np.histogram(ids, bins=16, range=(0, 2**BITS))[0]
    # chi2 with 15 degrees of freedom exceeds 37.7 with probability 1e-3
    assert ((counts - 256) ** 2 / 256).sum() < 37.7
    # order carries no information: rank correlation of 4096 pairs has sigma 1/64
    assert abs(np.corrcoef(np.argsort(np.argsort(ids)), np.arange(4096))[0, 1]) < 4 / 64


def test_part_is_not_visible_in_ids() -> None:
    one = permute(5, "object", serial(0, 0, np.arange(2000)))
    two = permute(5, "object", serial(1, 0, np.arange(2000)))
    pooled = np.argsort(np.argsort(np.concatenate([one, two])))
    # Mann-Whitney: the mean rank of 2,000 of 4,000 has sigma 25.8 * ...: z below 4
    z = (pooled[:2000].mean() - 1999.5) / np.sqrt(4001 * 2000 / 12 / 2000)
    assert abs(z) < 4


@pytest.mark.parametrize(
    "arguments", [(256, 0, [0]), (-1, 0, [0]), (0, 1 << 20, [0]), (0, 0, [1 << 24]), (0, 0, [-1])]
)
def test_a_number_out_of_range_is_an_error(arguments: tuple[int, int, list[int]]) -> None:
    with pytest.raises(TableError, match="expected .* in 0"):
        serial(*arguments)


def test_ids_out_of_range_are_an_error() -> None:
    with pytest.raises(TableError, match="expected numbers in 0"):
        unpermute(1, "object", [2**BITS])
