"""Random streams named by what they are for, never by when they are asked for."""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["stream"]


def stream(seed: int, *path: str | int) -> np.random.Generator:
    """The random generator of one purpose, e.g. ``stream(seed, "noise", "sn_ia", chunk)``.

    The same seed and path give the same numbers in any process, in any order and for any number
    of workers. Streams of different paths are independent: the path enters the seed of the
    generator (SFC64) through SHA-256.
    """
    digest = hashlib.sha256(repr((int(seed), *path)).encode()).digest()
    words = np.frombuffer(digest, "<u4").tolist()
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(words)))
