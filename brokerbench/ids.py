"""Identifiers that say nothing: a keyed permutation of 52-bit numbers.

Objects and alerts are numbered by part, chunk and row inside the harness. Such a number would tell
a participant the class (a part holds one class), so what leaves the harness is its image under a
Feistel network (Luby & Rackoff 1988) keyed by the run's seed. 52 bits keep every id exact in JSON,
JavaScript and float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brokerbench.errors import TableError
from brokerbench.rng import stream

__all__ = ["BITS", "permute", "serial", "unpermute"]

BITS = 52
_HALF = BITS // 2
_MASK = np.uint64((1 << _HALF) - 1)
_ROUNDS = 6

PART_BITS, CHUNK_BITS, ROW_BITS = 8, 20, 24


def serial(part: int, chunk: int, rows: ArrayLike) -> NDArray[np.int64]:
    """The running number of rows of one chunk, i8[n] below 2**52.

    part < 256, chunk < 2**20, rows < 2**24; raises TableError outside these ranges.
    """
    number = np.asarray(rows, dtype=np.int64)
    limits = ((part, PART_BITS, "part"), (chunk, CHUNK_BITS, "chunk"))
    for value, bits, name in limits:
        if not 0 <= value < 1 << bits:
            raise TableError(f"ids.serial: expected {name} in 0..{(1 << bits) - 1}, got {value}")
    if number.size and (number.min() < 0 or number.max() >= 1 << ROW_BITS):
        raise TableError(
            f"ids.serial: expected rows in 0..{(1 << ROW_BITS) - 1}, "
            f"got {number.min()}..{number.max()}; use smaller chunks"
        )
    return number + (((part << CHUNK_BITS) + chunk) << ROW_BITS)


def permute(seed: int, purpose: str, numbers: ArrayLike) -> NDArray[np.int64]:
    """Ids of serial numbers, i8[n], a bijection of 0..2**52-1 keyed by (seed, purpose).

    numbers: i8[n] in 0..2**52-1.
    """
    left, right = _halves(numbers)
    for key in _keys(seed, purpose):
        left, right = right, left ^ _mix(right, key)
    return ((left << np.uint64(_HALF)) | right).astype(np.int64)


def unpermute(seed: int, purpose: str, ids: ArrayLike) -> NDArray[np.int64]:
    """Serial numbers of ids, i8[n]: the inverse of `permute`."""
    left, right = _halves(ids)
    for key in _keys(seed, purpose)[::-1]:
        left, right = right ^ _mix(left, key), left
    return ((left << np.uint64(_HALF)) | right).astype(np.int64)


def _halves(numbers: ArrayLike) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    value = np.asarray(numbers, dtype=np.int64)
    if value.size and (value.min() < 0 or value.max() >= 1 << BITS):
        raise TableError(f"ids: expected numbers in 0..2**{BITS}-1, got {value.min()}..{value.max()}")
    bits = value.astype(np.uint64)
    return bits >> np.uint64(_HALF), bits & _MASK


def _keys(seed: int, purpose: str) -> list[np.uint64]:
    draws = stream(seed, "ids", purpose).integers(0, 1 << 63, _ROUNDS, dtype=np.uint64)
    return list(draws)


def _mix(half: NDArray[np.uint64], key: np.uint64) -> NDArray[np.uint64]:
    # splitmix64 finaliser (Steele, Lea & Flood 2014): every input bit reaches every output bit.
    with np.errstate(over="ignore"):
        x = half ^ key
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (x ^ (x >> np.uint64(31))) & _MASK
