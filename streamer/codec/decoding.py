"""One call of a decoder: pools that grow where arrays turn out longer than expected."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.codec import kernels
from streamer.codec.columns import BITS, Decoded, Ranges
from streamer.codec.program import DEEP, POOLS, Program

__all__ = ["Decoding"]

Array = NDArray[Any]


class Decoding:
    """One call of Codec.decode: pools that grow where arrays turn out longer than expected."""

    def __init__(self, made: Program, ranges: Ranges, learned: dict[int, float]) -> None:
        """learned: items a packet of each array scope in earlier calls; kept up to date."""
        self._made, self._ranges, self._learned = made, ranges, learned
        n = len(ranges)
        self._caps = np.zeros(len(made.scopes), "i8")
        for s in range(len(made.scopes)):
            self._enlarge(s, n if s == 0 else int(n * learned.get(s, 4.0)) + 64)
        self._base, self._pools = self._layout()

    def _enlarge(self, scope: int, size: int) -> None:
        """Room for `size` items of an array; branches have as much room as what they are in."""
        scopes = self._made.scopes
        self._caps[scope] = size if scope == 0 or scopes[scope].array else self._caps[scopes[scope].parent]

    def _layout(self) -> tuple[Array, tuple[Array, ...]]:
        base, ends = [], [0] * len(POOLS)
        for slot in self._made.slots:
            base.append(ends[slot.pool])
            ends[slot.pool] += int(self._caps[slot.scope])
        return np.array(base or [0], "i8"), tuple(np.empty(e, b) for e, b in zip(ends, BITS, strict=True))

    def _grow(self, scope: int, need: int, cursor: Array) -> None:
        scopes, old_base, old_pools = self._made.scopes, self._base, self._pools
        self._enlarge(scope, max(need, 2 * int(self._caps[scope])))
        for s in range(scope + 1, len(scopes)):
            if not scopes[s].array:
                self._enlarge(s, 0)
        self._base, self._pools = self._layout()
        for i, slot in enumerate(self._made.slots):
            n = cursor[slot.scope] + 1
            new = self._pools[slot.pool][self._base[i] : self._base[i] + n]
            new[:] = old_pools[slot.pool][old_base[i] : old_base[i] + n]

    def run(self) -> Decoded:
        made, ranges = self._made, self._ranges
        n = len(ranges)
        spans = np.stack([ranges.start, ranges.start + ranges.size], axis=1)
        cursor = np.full(2 * len(made.scopes) + 2 * DEEP, -1, "i8")
        status = np.zeros((n, 2), "i8")
        code, jumps = made.code, made.table
        data = ranges.data.view()
        data.flags.writeable = False  # else the kernel is compiled twice, for both kinds of array
        at = 0
        while at < n:
            at, scope, need = kernels.decode(
                code, jumps, data, spans, self._base, self._caps, cursor, self._pools, status, at
            )
            if scope >= 0:
                self._grow(scope, need, cursor)
        for s in range(1, len(made.scopes)):
            if made.scopes[s].array and n:
                before = self._learned.get(s, 0.0)
                self._learned[s] = max(before * 0.9, 2.0 * (cursor[s] + 1) / n)
        bad = np.flatnonzero(status[:, 0])
        wrong = [(int(i), f"{kernels.ERRORS[status[i, 0]]} at byte {status[i, 1]}") for i in bad]
        return Decoded(np.flatnonzero(status[:, 0] == 0), self._columns(cursor), wrong)

    def _columns(self, cursor: Array) -> dict[str, Any]:
        arrays: dict[str, Any] = {}
        for slot, base in zip(self._made.slots, self._base[: len(self._made.slots)].tolist(), strict=True):
            raw = self._pools[slot.pool][base : base + cursor[slot.scope] + 1]
            arrays[slot.name] = raw.view(POOLS[slot.pool])
        data = self._ranges.data
        for name in [k for k in arrays if k.endswith("@")]:
            sizes, path = arrays.pop(name), name[:-1]
            arrays[path] = Ranges(data, arrays[path], sizes)
        return arrays
