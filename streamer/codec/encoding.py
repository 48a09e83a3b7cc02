"""Columns bound to a program: checked, then encoded some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import TableError
from streamer.codec.columns import BITS, Ranges, Spliced
from streamer.codec.encode_kernel import encode
from streamer.codec.program import (
    ARRAY,
    DEEP,
    ENTER,
    ENUM,
    FIXED,
    POOLS,
    SPLICE,
    SPLICE_ARRAY,
    UNION,
    Program,
)
from streamer.packets import Packets

__all__ = ["Encoder"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class _Ready:
    """Spliced nodes as the encoding kernel wants them."""

    items: Array
    starts: Array
    table: Array
    first: Array
    last: Array

    @classmethod
    def of(cls, spliced: list[Spliced], longest: int) -> _Ready:
        first, last = np.zeros((2, max(1, len(spliced)), longest), "i8")
        starts, table, at, row = [], [], 0, 0
        for k, s in enumerate(spliced):
            first[k, : len(s.first)], last[k, : len(s.last)] = s.first, s.last
            starts.append(s.items.offsets - s.items.offsets[0] + at)
            table.append(row)
            at += int(starts[-1][-1] - starts[-1][0])
            row += len(s.items.offsets)
        data = [s.items.data[s.items.offsets[0] : s.items.offsets[-1]] for s in spliced]
        none = [np.empty(0, "u1")]
        return cls(
            np.concatenate(data or none),
            np.concatenate(starts or [np.zeros(1, "i8")]),
            np.array(table or [0]),
            first,
            last,
        )


class Encoder:
    """Columns bound to a program, checked; yields packets some at a time."""

    def __init__(self, made: Program, columns: Mapping[str, Any], count: int) -> None:
        self._made, self._count = made, count
        self._sizes = _scope_sizes(made, columns, count)
        self._base, self._pools, self._blob = self._bind(columns)
        spliced = []
        for path in made.spliced:
            spliced.append(_checked_splice(path, columns[path], self._spliced_size(path)))
        self._ready = _Ready.of(spliced, max([0, *(len(s.first) for s in spliced)]))

    def _spliced_size(self, path: str) -> int:
        index = self._made.spliced.index(path)
        scope = next(r[3] for r in self._made.rows if r[0] in (SPLICE, SPLICE_ARRAY) and r[2] == index)
        return self._sizes[scope]

    def _bind(self, columns: Mapping[str, Any]) -> tuple[Array, tuple[Array, ...], Array]:
        made = self._made
        pools: list[list[Array]] = [[] for _ in POOLS]
        ends, base, blobs, blob_end = [0] * len(POOLS), [], [], 0
        for slot in made.slots:
            value = columns[slot.name.rstrip("@")]
            if isinstance(value, Packets):
                value = Ranges.of(value)
            if isinstance(value, Ranges):
                if slot.name.endswith("@"):
                    array: Array = value.size
                else:
                    array = value.start + blob_end
                    blobs.append(value.data)
                    blob_end += len(value.data)
            else:
                array = np.asarray(value)
            pools[slot.pool].append(_as_bits(slot.name, array, slot.pool, self._sizes[slot.scope]))
            base.append(ends[slot.pool])
            ends[slot.pool] += len(array)
        joined = tuple(np.concatenate(p) if p else np.empty(0, b) for p, b in zip(pools, BITS, strict=True))
        blob = np.concatenate(blobs) if blobs else np.empty(0, "u1")
        return np.array(base or [0], "i8"), joined, blob

    def packets(self, at_a_time: int = 1024, *, prefix: bytes = b"") -> Iterator[Packets]:
        """All records, up to `at_a_time` a piece, each behind the prefix."""
        made, ready = self._made, self._ready
        code, jumps = made.code, made.table
        cursor = np.full(2 * len(made.scopes) + 2 * DEEP, -1, "i8")
        parts = (ready.items, ready.starts, ready.table, ready.first, ready.last)
        room, start, front = 1 << 16, 0, np.frombuffer(prefix, "u1")
        while start < self._count:
            stop = min(start + at_a_time, self._count)
            out, offsets, done = np.empty(room, "u1"), np.zeros(stop - start + 1, "i8"), 0
            while start + done < stop:
                rows = np.array([start + done, stop])
                done += encode(
                    code,
                    jumps,
                    rows,
                    self._base,
                    cursor,
                    self._pools,
                    self._blob,
                    parts,
                    front,
                    out,
                    offsets[done:],
                )
                if start + done < stop:
                    room *= 2
                    larger = np.empty(room, "u1")
                    larger[: offsets[done]] = out[: offsets[done]]
                    out = larger
            yield Packets(out[: offsets[-1]], offsets)
            start = stop


def _as_bits(name: str, array: Array, pool: int, size: int) -> Array:
    kinds = {"i": "iub", "f": "f", "u": "b?u"}[POOLS[pool][0]]
    want = np.dtype(POOLS[pool])
    if array.ndim != 1 or array.dtype.kind not in kinds or (want.kind == "f" and array.dtype != want):
        raise TableError(
            f"encoder: {name}: expected a column of {want}, got {array.dtype} of shape {array.shape}"
        )
    if len(array) != size:
        raise TableError(f"encoder: {name}: expected {size} values, got {len(array)}")
    return np.ascontiguousarray(array, want).view(BITS[pool])


def _scope_sizes(made: Program, columns: Mapping[str, Any], count: int) -> list[int]:
    """Items of each scope, from lengths and branches; checked, so that the kernel stays inside."""
    sizes = [count] + [0] * (len(made.scopes) - 1)
    for op, a, b, scope, x, y in made.rows:
        name = made.slots[a].name if a >= 0 else ""
        if op == ARRAY:
            lengths = np.asarray(columns[name])
            if len(lengths) and lengths.min() < 0:
                raise TableError(f"encoder: {name}: expected lengths of 0 or more, got {lengths.min()}")
            sizes[b] = int(lengths.sum())
        elif op == UNION:
            targets = made.jumps[b : b + x]
            branch = np.asarray(columns[name]) if name else np.full(sizes[scope], y)
            if len(branch) and not 0 <= int(branch.min()) <= int(branch.max()) < x:
                raise TableError(f"encoder: {name}: expected branches 0..{x - 1}, got {branch.max()}")
            for i, target in enumerate(targets):
                if made.rows[target][0] == ENTER:  # a scope of its own
                    sizes[made.rows[target][3]] = int((branch == i).sum())
        elif op == ENUM:
            symbols = np.asarray(columns[name])
            if len(symbols) and not 0 <= int(symbols.min()) <= int(symbols.max()) < x:
                raise TableError(f"encoder: {name}: expected symbols 0..{x - 1}, got {symbols.max()}")
        elif op == FIXED:
            strings = columns[name]
            wide = Ranges.of(strings) if isinstance(strings, Packets) else strings
            if (wide.size != x).any():
                raise TableError(f"encoder: {name}: expected strings of {x} bytes, got others")
    for slot in made.slots:
        value = columns[slot.name.rstrip("@")]
        if isinstance(value, Ranges) and len(value) and not _inside(value):
            raise TableError(f"encoder: {slot.name}: expected strings inside their data, got others")
    return sizes


def _inside(strings: Ranges) -> bool:
    ends = strings.start + strings.size
    return strings.start.min() >= 0 and strings.size.min() >= 0 and ends.max() <= len(strings.data)


def _checked_splice(path: str, spliced: Spliced, size: int) -> Spliced:
    first, last, n = spliced.first, spliced.last, len(spliced.items)
    if len(first) != size or len(last) != size:
        raise TableError(f"encoder: {path}: expected {size} spliced values, got {len(first)}")
    if size and (first.min() < 0 or last.max() > n or (last < first).any()):
        raise TableError(f"encoder: {path}: expected ranges of 0..{n}, got others")
    return spliced
