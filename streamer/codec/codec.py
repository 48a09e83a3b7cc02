"""A compiled schema: columns from packets, packets from columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import fastavro

from brokerbench.errors import InputError
from streamer.codec.columns import Decoded, Ranges, Spliced
from streamer.codec.decoding import Decoding
from streamer.codec.encoding import Encoder
from streamer.codec.program import Program, program
from streamer.codec.tree import Node, tree
from streamer.packets import Packets

__all__ = ["Codec", "compile_schema"]

_DEPTH = 60


class Codec:
    """An Avro schema, compiled. `node`: its tree; `schema`: as fastavro parsed it."""

    def __init__(self, schema: Any, node: Node) -> None:
        self.schema, self.node = schema, node
        self._programs: dict[Any, Program] = {}
        self._branches: dict[str, int] = {}
        self._learned: dict[Any, dict[int, float]] = {}

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
        if path not in self._branches:
            node = self.node.nullable(path)
            self._branches[path] = 0 if node is None or node.null is None else 1 - node.null
        return self._branches[path]

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
        return Decoding(made, ranges, self._learned.setdefault(want, {})).run()

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
