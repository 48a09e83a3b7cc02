"""Trees into programs: rows of numbers that the kernels run through.

A column belongs to a scope: the packets (scope 0), the items of an array, the values of a branch of a union.
A value lies at the number of the scope's current item. A program row is

    operation, value slot, second slot, scope, x, y

with slots into the pools of 64-bit integers, 64- and 32-bit floats and bytes; -1 for a column that
is not asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError, did_you_mean
from streamer.codec.tree import Node

__all__ = ["Program", "Scope", "Slot", "program"]

(
    LONG,
    BYTES,
    STRING,
    ENUM,
    ARRAY,
    UNION,
    FLOAT,
    DOUBLE,
    BOOLEAN,
    FIXED,
    NEXT,
    ENTER,
    JUMP,
    END,
    SPLICE,
    SPLICE_ARRAY,
    NULL_BRANCH,
    SKIP,
) = range(18)
"""Operations up to UNION begin with a number of variable length."""
OPTIONAL = 20
"""The operation of a nullable value is that of the value, and so many more."""

DEEP = 64
"""Room of the kernels for arrays within arrays."""
POOLS = ("i8", "f8", "f4", "u1")
_I8, _F8, _F4, _U1 = range(4)
_POOL = {
    "boolean": _U1,
    "int": _I8,
    "long": _I8,
    "float": _F4,
    "double": _F8,
    "bytes": _I8,
    "string": _I8,
    "fixed": _I8,
    "enum": _I8,
}
_OP = {
    "boolean": BOOLEAN,
    "int": LONG,
    "long": LONG,
    "float": FLOAT,
    "double": DOUBLE,
    "bytes": BYTES,
    "string": STRING,
    "fixed": FIXED,
    "enum": ENUM,
}
_OPT = ("boolean", "int", "long", "float", "double", "bytes", "string")
RANGED = ("bytes", "string", "fixed")


@dataclass(frozen=True)
class Slot:
    """Where a column lies: its name, its pool and its scope. name ends in ? for the branch of a union, in #
    for the length of an array, in @ for the size of a string."""

    name: str
    pool: int
    scope: int


@dataclass(frozen=True)
class Scope:
    """A run of items: its parent (-1 for the packets) and whether it is an array's."""

    parent: int
    array: bool
    path: str


@dataclass
class Program:
    """code i8[k, 6], jumps i8[j], slots, scopes; depth: arrays within arrays."""

    rows: list[list[int]] = field(default_factory=list)
    jumps: list[int] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=lambda: [Scope(-1, False, "")])
    depth: int = 0
    spliced: list[str] = field(default_factory=list)

    @cached_property
    def code(self) -> NDArray[np.int64]:
        """The rows as an array; made once, when the program is complete."""
        return np.array(self.rows, "i8").reshape(-1, 6)

    @cached_property
    def table(self) -> NDArray[np.int64]:
        """The targets of unions as an array, never empty."""
        return np.array(self.jumps or [0], "i8")

    def slot(self, name: str, pool: int, scope: int) -> int:
        self.slots.append(Slot(name, pool, scope))
        return len(self.slots) - 1

    def emit(self, op: int, a: int = -1, b: int = -1, scope: int = 0, x: int = 0, y: int = 0) -> int:
        self.rows.append([op, a, b, scope, x, y])
        return len(self.rows) - 1

    def scope(self, parent: int, path: str, *, array: bool) -> int:
        self.scopes.append(Scope(parent, array, path))
        return len(self.scopes) - 1


@dataclass(frozen=True)
class _Compiler:
    """want: columns to decode, None for all; for an encoder the columns that are given."""

    program: Program
    want: frozenset[str] | None
    encode: bool
    spliced: frozenset[str]

    def slot(self, name: str, pool: int, scope: int) -> int:
        if self.want is not None and name.rstrip("@") not in self.want:
            return -1
        return self.program.slot(name, pool, scope)

    def given(self, node: Node) -> bool:
        """Whether an encoder was given anything of this node."""
        if self.want is None or node.path in self.spliced:
            return True
        own = (node.path, f"{node.path}?", f"{node.path}#")
        return any(name in self.want for name in own) or any(self.given(c) for c in node.children)

    def node(self, node: Node, scope: int, depth: int) -> None:
        if node.path in self.spliced and node.null is None and node.kind in ("record", "array"):
            self.splice(node, scope)
        elif node.kind == "record":
            self.record(node, scope, depth)
        elif node.kind == "union":
            self.union(node, scope, depth)
        elif node.kind in ("array", "map"):
            self.array(node, scope, depth)
        elif node.kind != "null":
            self.leaf(node, scope)

    def record(self, node: Node, scope: int, depth: int) -> None:
        """Fields one by one; neighbours that nobody asks for are passed over in one step."""
        open_op = -1
        for child in node.children:
            op = FIXED if child.kind in ("float", "double", "fixed") else SKIP
            passed = child.kind in ("int", "long") or op == FIXED
            if self.encode or not passed or self.want is None or child.path in self.want:
                self.node(child, scope, depth)
                open_op = -1
                continue
            if open_op != op:
                self.program.emit(op, -1, -1, scope, 0)
            self.program.rows[-1][4] += child.least if op == FIXED else 1
            open_op = op

    def splice(self, node: Node, scope: int) -> None:
        p = self.program
        index = len(p.spliced)
        p.spliced.append(node.path)
        p.emit(SPLICE_ARRAY if node.kind == "array" else SPLICE, -1, index, scope)

    def leaf(self, node: Node, scope: int) -> None:
        a = self.slot(node.path, _POOL[node.kind], scope)
        if self.encode and a < 0:
            raise InputError(f"encoder: expected a column {node.path!r}, which cannot be null, got none")
        b = self.slot(f"{node.path}@", _I8, scope) if node.kind in RANGED else -1
        self.program.emit(_OP[node.kind], a, b, scope, node.size or len(node.symbols))

    def union(self, node: Node, scope: int, depth: int) -> None:
        p, null = self.program, node.null
        if null is not None and self.encode and not self.given(node):
            p.emit(NULL_BRANCH, -1, -1, scope, null)
            return
        value = node.value
        if null is not None and value.kind in _OPT and not (self.encode and value.path in self.spliced):
            a = self.slot(node.path, _POOL[value.kind], scope)
            y = -1
            if value.kind in RANGED:
                y = self.slot(f"{node.path}@", _I8, scope)
            b = self.slot(f"{node.path}?", _U1, scope)
            if self.encode and a < 0:
                raise InputError(f"encoder: expected a column {node.path!r} beside '{node.path}?', got none")
            p.emit(OPTIONAL + _OP[value.kind], a, b, scope, null, y)
            return
        b = self.slot(f"{node.path}?", _U1, scope)
        if self.encode and b < 0 and null is None:
            raise InputError(f"encoder: expected a column '{node.path}?' of branches, got none")
        table = len(p.jumps)
        p.jumps += [0] * len(node.children)
        p.emit(UNION, b, table, scope, len(node.children), -1 if null is None else 1 - null)
        ends = []
        for i, child in enumerate(node.children):
            p.jumps[table + i] = len(p.rows)
            if child.kind != "null":
                inner = scope if child.path in self.spliced else p.scope(scope, child.path, array=False)
                if inner != scope:
                    p.emit(ENTER, scope=inner)
                self.node(child, inner, depth)
            ends.append(p.emit(JUMP))
        for end in ends:
            p.rows[end][4] = len(p.rows)

    def array(self, node: Node, scope: int, depth: int) -> None:
        p = self.program
        count = self.slot(f"{node.path}#", _I8, scope)
        if self.encode and count < 0:
            raise InputError(f"encoder: expected a column '{node.path}#' of lengths, got none")
        inner = p.scope(scope, node.path, array=True)
        p.depth = max(p.depth, depth + 1)
        start = p.emit(ARRAY, count, inner, scope)
        for child in node.children:
            self.node(child, inner, depth + 1)
        p.emit(NEXT, count, inner, scope, start + 1, sum(c.least for c in node.children))
        p.rows[start][4] = len(p.rows)
        p.rows[start][5] = sum(c.least for c in node.children)


def program(
    node: Node, want: frozenset[str] | None, *, encode: bool, spliced: frozenset[str] = frozenset()
) -> Program:
    """The program of a tree.

    want: names of the columns to decode (None for all), or of those given to encode. spliced: paths
    given as ready bytes. InputError for a name that the schema does not have, and where an
    encoder lacks a column that cannot be null.
    """
    everything = Program()
    _Compiler(everything, None, False, frozenset()).node(node, 0, 0)
    known = {s.name for s in everything.slots if not s.name.endswith("@")}
    for name in sorted(want or ()):
        if name not in known:
            raise InputError(
                f"codec: expected a column of the schema, got {name!r}; {did_you_mean(name, known)}"
            )
    out = Program()
    _Compiler(out, want, encode, spliced).node(node, 0, 0)
    out.emit(END)
    return out
