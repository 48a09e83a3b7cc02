"""Rows that ids belong to, by a hash table."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["match", "match_plain"]


def match(keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row in `keys` of each wanted id, i8[m]; -1 where there is none, the first of equal keys."""
    size = 1 << max(4, int(2 * len(keys)).bit_length())
    return _match(keys, wanted, np.full(size, -1, np.int64))


def match_plain(keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """What `match` returns, by sorting."""
    if not len(keys):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(keys, kind="stable")
    at = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    return np.where(keys[order][at] == wanted, order[at], -1)


@numba.njit(cache=True, nogil=True)
def _slot(key: np.int64, mask: np.uint64) -> np.int64:
    # Fibonacci hashing: the high half of the product mixes every bit of the id.
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed >> np.uint64(32)) & mask)


@numba.njit(cache=True, nogil=True)
def _match(keys: NDArray[np.int64], wanted: NDArray[np.int64], table: NDArray[np.int64]) -> NDArray[np.int64]:
    mask = np.uint64(len(table) - 1)
    for row in range(len(keys)):
        at = _slot(keys[row], mask)
        while table[at] >= 0 and keys[table[at]] != keys[row]:
            at = (at + 1) & np.int64(mask)
        if table[at] < 0:
            table[at] = row
    found = np.empty(len(wanted), np.int64)
    for i in range(len(wanted)):
        at = _slot(wanted[i], mask)
        while table[at] >= 0 and keys[table[at]] != wanted[i]:
            at = (at + 1) & np.int64(mask)
        found[i] = table[at]
    return found
