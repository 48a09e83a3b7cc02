"""A compiled schema: columns from packets, packets from columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import fastavro
import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError, TableError
from streamer.codec import kernels
from streamer.codec.program import POOLS, Program, program
from streamer.codec.tree import Node, tree
from streamer.packets import Packets, gather

__all__ = ["Codec", "Decoded", "Encoder", "Ranges", "Spliced", "compile_schema"]

Array = NDArray[Any]
_BITS = ("i8", "u8", "u4", "u1")  # how the kernels see POOLS
_DEPTH = 60


@dataclass(frozen=True, eq=False)
class Ranges:
    """n byte strings that lie somewhere in data: start i8[n], size i8[n]; in no order, overlapping or not."""

    data: NDArray[np.uint8]
    start: NDArray[np.int64]
    size: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def packets(self) -> Packets:
        """The strings copied end to end."""
        return gather(self.data, self.start, self.size)

    def texts(self) -> list[str]:
        """The strings as text."""
        return [raw.decode() for raw in self.packets()]

    @classmethod
    def of(cls, packets: Packets) -> Ranges:
        """The ranges of packets."""
        return cls(packets.data, packets.offsets[:-1], packets.sizes)


@dataclass(frozen=True, eq=False)
class Spliced:
    """Ready bytes in place of a record or of the items of an array.

    items: the values encoded before. first, last i8[n]: value i is items first[i]..last[i]; one of them
    for a record.
    """

    items: Packets
    first: NDArray[np.int64]
    last: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Decoded:
    """Columns of the packets that are whole.

    rows i8[n]: which packets. columns: by path; NaN, 0 or an empty string where a nullable value is
    null. PATH? is the branch of a union (u1), PATH# the length of an array (i8). wrong: (packet,
    what was wrong) of the others.
    """

    rows: NDArray[np.int64]
    columns: Mapping[str, Any]
    wrong: list[tuple[int, str]]

    def __getitem__(self, path: str) -> Any:
        return self.columns[path]

    def __contains__(self, path: object) -> bool:
        return path in self.columns


class Codec:
    """An Avro schema, compiled. `node`: its tree; `schema`: as fastavro parsed it."""

    def __init__(self, schema: Any, node: Node) -> None:
        self.schema, self.node = schema, node
        self._programs: dict[Any, Program] = {}
        self._items: dict[tuple[Any, int], float] = {}  # items a packet of each array scope, learned

    def at(self, path: str) -> Codec:
        """The codec of the value at a path, e.g. of the items of an array, ``"prvDiaSources[]"``."""
        return Codec(None, _shifted(self.node.find(path), len(path)))

    @property
    def node_name(self) -> str:
        """What a packet is, for messages: the name of the schema."""
        name = self.schema.get("name", "record") if isinstance(self.schema, dict) else "record"
        return f"a packet of {name}"

    def branch_of(self, path: str) -> int:
        """The branch of a nullable field in which it has a value."""
        node = self.node.nullable(path)
        return 0 if node is None or node.null is None else 1 - node.null

    def program(self, want: frozenset[str] | None, *, encode: bool, spliced: frozenset[str]) -> Program:
        """The program for some columns, compiled once."""
        key = (want, encode, spliced)
        if key not in self._programs:
            made = program(self.node, want, encode=encode, spliced=spliced)
            if made.depth > _DEPTH:
                raise InputError(f"schema: expected at most {_DEPTH} arrays within arrays, got {made.depth}")
            self._programs[key] = made
        return self._programs[key]

    def decode(self, packets: Packets | Ranges, want: frozenset[str] | None = None) -> Decoded:
        """The columns `want` (all for None) of n packets.

        Malformed packets are told apart and never raise. Memory is bounded by the packets' size.
        """
        ranges = Ranges.of(packets) if isinstance(packets, Packets) else packets
        made = self.program(want, encode=False, spliced=frozenset())
        return _Decoding(self, want, made, ranges).run()

    def encoder(self, columns: Mapping[str, Any], count: int) -> Encoder:
        """An encoder of `count` records from columns named as in Decoded.

        Columns are arrays, Ranges for strings and bytes, or Spliced. A nullable column that is not given
        is null; a float is null where it is NaN unless its PATH? is given. TableError where lengths
        do not agree, InputError for a name that the schema does not have or a missing column.
        """
        spliced = frozenset(k for k, v in columns.items() if isinstance(v, Spliced))
        given = frozenset(columns) - spliced
        return Encoder(self.program(given, encode=True, spliced=spliced), columns, count)

    def encode(self, columns: Mapping[str, Any], count: int) -> Packets:
        """`count` records at once; see `encoder`."""
        return Packets.concat(list(self.encoder(columns, count).packets(max(1, count))))


class _Decoding:
    """One call of Codec.decode: pools that grow where arrays turn out longer than expected."""

    def __init__(self, codec: Codec, want: Any, made: Program, ranges: Ranges) -> None:
        self._codec, self._want, self._made, self._ranges = codec, want, made, ranges
        n = len(ranges)
        self._caps = np.zeros(len(made.scopes), "i8")
        for s in range(len(made.scopes)):
            self._enlarge(s, n if s == 0 else int(n * codec._items.get((want, s), 4.0)) + 64)
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
        return np.array(base, "i8"), tuple(np.empty(e, b) for e, b in zip(ends, _BITS, strict=True))

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
        cursor = np.full(len(made.scopes), -1, "i8")
        status = np.zeros((n, 2), "i8")
        code, jumps = made.code, np.array(made.jumps or [0], "i8")
        at = 0
        while at < n:
            at, scope, need = kernels.decode(
                code, jumps, ranges.data, spans, self._base, self._caps, cursor, self._pools, status, at
            )
            if scope >= 0:
                self._grow(scope, need, cursor)
        for s in range(1, len(made.scopes)):
            if made.scopes[s].array and n:
                before = self._codec._items.get((self._want, s), 0.0)
                self._codec._items[self._want, s] = max(before * 0.9, 1.1 * (cursor[s] + 1) / n)
        bad = np.flatnonzero(status[:, 0])
        wrong = [(int(i), f"{kernels.ERRORS[status[i, 0]]} at byte {status[i, 1]}") for i in bad]
        return Decoded(np.flatnonzero(status[:, 0] == 0), self._columns(cursor), wrong)

    def _columns(self, cursor: Array) -> dict[str, Any]:
        arrays: dict[str, Any] = {}
        for slot, base in zip(self._made.slots, self._base.tolist(), strict=True):
            raw = self._pools[slot.pool][base : base + cursor[slot.scope] + 1]
            arrays[slot.name] = raw.view(POOLS[slot.pool])
        data = self._ranges.data
        for name in [k for k in arrays if k.endswith("@")]:
            sizes, path = arrays.pop(name), name[:-1]
            arrays[path] = Ranges(data, arrays[path], sizes)
        return arrays


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
        scope = next(r[3] for r in self._made.rows if r[0] in (20, 21) and r[1] == index)
        return self._sizes[scope]

    def _bind(self, columns: Mapping[str, Any]) -> tuple[Array, tuple[Array, ...], Array]:
        made = self._made
        pools: list[list[Array]] = [[] for _ in POOLS]
        ends, base, blobs, blob_end = [0] * len(POOLS), [], [], 0
        starts: dict[str, int] = {}
        for slot in made.slots:
            value = columns[slot.name.rstrip("@")]
            if isinstance(value, Packets):
                value = Ranges.of(value)
            if isinstance(value, Ranges):
                if slot.name.endswith("@"):
                    array: Array = value.size
                else:
                    starts[slot.name] = blob_end
                    array = value.start + blob_end
                    blobs.append(value.data)
                    blob_end += len(value.data)
            else:
                array = np.asarray(value)
            pools[slot.pool].append(_as_bits(slot.name, array, slot.pool, self._sizes[slot.scope]))
            base.append(ends[slot.pool])
            ends[slot.pool] += len(array)
        joined = tuple(np.concatenate(p) if p else np.empty(0, b) for p, b in zip(pools, _BITS, strict=True))
        blob = np.concatenate(blobs) if blobs else np.empty(0, "u1")
        return np.array(base, "i8"), joined, blob

    def packets(self, at_a_time: int = 1024, *, prefix: bytes = b"") -> Iterator[Packets]:
        """All records, up to `at_a_time` a piece, each behind the prefix."""
        made, ready = self._made, self._ready
        code, jumps = made.code, np.array(made.jumps or [0], "i8")
        cursor = np.full(len(made.scopes), -1, "i8")
        parts = (ready.items, ready.starts, ready.table, ready.first, ready.last)
        room, start, front = 1 << 16, 0, np.frombuffer(prefix, "u1")
        while start < self._count:
            stop = min(start + at_a_time, self._count)
            out, offsets, done = np.empty(room, "u1"), np.zeros(stop - start + 1, "i8"), 0
            while start + done < stop:
                rows = np.array([start + done, stop])
                done += kernels.encode(
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
    return np.ascontiguousarray(array, want).view(_BITS[pool])


def _scope_sizes(made: Program, columns: Mapping[str, Any], count: int) -> list[int]:
    """Items of each scope, from lengths and branches; checked, so that the kernel stays inside."""
    sizes = [count] + [0] * (len(made.scopes) - 1)
    for op, a, b, scope, x, y in made.rows:
        name = made.slots[a].name if a >= 0 and op not in (20, 21) else ""
        if op == 12:  # array
            lengths = np.asarray(columns[name])
            if len(lengths) and lengths.min() < 0:
                raise TableError(f"encoder: {name}: expected lengths of 0 or more, got {lengths.min()}")
            sizes[b] = int(lengths.sum())
        elif op == 9:  # union
            targets = made.jumps[b : b + x]
            branch = np.asarray(columns[name]) if name else np.full(sizes[scope], y)
            if len(branch) and not 0 <= int(branch.min()) <= int(branch.max()) < x:
                raise TableError(f"encoder: {name}: expected branches 0..{x - 1}, got {branch.max()}")
            for i, target in enumerate(targets):
                if made.rows[target][0] == 10:  # enters a scope of its own
                    sizes[made.rows[target][3]] = int((branch == i).sum())
        elif op == 8:  # enum
            symbols = np.asarray(columns[name])
            if len(symbols) and not 0 <= int(symbols.min()) <= int(symbols.max()) < x:
                raise TableError(f"encoder: {name}: expected symbols 0..{x - 1}, got {symbols.max()}")
        elif op == 7:  # fixed
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


def _shifted(node: Node, skip: int) -> Node:
    """The node with paths that begin at it."""
    path = node.path[skip:].removeprefix(".")
    children = tuple(_shifted(c, skip) for c in node.children)
    return Node(node.kind, path, children, node.size, node.symbols, node.names, node.least)


def compile_schema(schema: Any) -> Codec:
    """The codec of a schema: Avro JSON as text or decoded, or parsed by fastavro. Compiled once.

    InputError where it is no schema, a type holds itself, or it is too large.
    """
    return _compiled(schema if isinstance(schema, str) else json.dumps(schema))


@lru_cache(maxsize=64)
def _compiled(text: str) -> Codec:
    try:
        parsed = fastavro.parse_schema(_plain(json.loads(text)))
        node = tree(parsed)
    except InputError:
        raise
    except Exception as error:  # fastavro and json raise several trees of their own
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"schema: expected an Avro schema, got {first}") from error
    return Codec(parsed, node)


def _plain(schema: Any) -> Any:
    """The schema without what fastavro adds to a parsed one."""
    if isinstance(schema, dict):
        return {k: _plain(v) for k, v in schema.items() if not k.startswith("__")}
    return [_plain(s) for s in schema] if isinstance(schema, list) else schema
