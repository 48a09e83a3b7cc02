"""An Avro schema as a tree of nodes, each with the path of its columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from brokerbench.errors import InputError

__all__ = ["MAX_NODES", "Node", "tree"]

MAX_NODES = 20_000
PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
_LEAST = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}


@dataclass(frozen=True)
class Node:
    """One type of a schema in its place.

    kind: a primitive, fixed, enum, record, array, map or union. path: the name of its column. A
    nullable type is a union of two; what is not null has the path of the union. least: bytes that a
    value takes at least.
    """

    kind: str
    path: str
    children: tuple[Node, ...] = ()
    size: int = 0
    symbols: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    least: int = 0

    @property
    def null(self) -> int | None:
        """Index of null in a union of null and one more, else None."""
        kinds = [c.kind for c in self.children]
        if self.kind == "union" and len(kinds) == 2 and kinds.count("null") == 1:
            return kinds.index("null")
        return None

    @property
    def value(self) -> Node:
        """What a nullable union holds where it is not null; any other node itself."""
        null = self.null
        return self if null is None else self.children[1 - null]

    def find(self, path: str) -> Node:
        """The node at a path: what is not null of a nullable one. InputError where there is none."""
        found = _find(self, path)
        if found is None:
            raise InputError(f"schema: expected a field {path!r}, got none")
        return found

    def nullable(self, path: str) -> Node | None:
        """The nullable union at a path, None where the value there is required."""
        if self.path == path and self.null is not None:
            return self
        found = (child.nullable(path) for child in self.children)
        return next((node for node in found if node is not None), None)


def _find(node: Node, path: str) -> Node | None:
    if node.path == path and node.null is None and node.kind != "null":
        return node
    for child in node.children:
        found = _find(child, path)
        if found is not None:
            return found
    return None


@dataclass
class _Builder:
    named: dict[str, Any] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    count: int = 0

    def build(self, schema: Any, path: str) -> Node:
        self.count += 1
        if self.count > MAX_NODES:
            raise InputError(f"schema: expected at most {MAX_NODES} fields, got more")
        if isinstance(schema, list):
            return self._union(schema, path)
        if isinstance(schema, str):
            if schema in PRIMITIVES:
                return Node(schema, path, least=_LEAST[schema])
            if schema not in self.named:
                raise InputError(f"schema: expected a known type, got {schema!r}")
            return self.build(self.named[schema], path)
        kind = schema["type"]
        if isinstance(kind, (dict, list)) or (kind in self.named and kind not in _COMPLEX):
            return self.build(kind, path)
        if kind in PRIMITIVES:
            return Node(kind, path, least=_LEAST[kind])
        made: Node = getattr(self, f"_{kind}")(schema, path)
        return made

    def _union(self, branches: list[Any], path: str) -> Node:
        if len(branches) > 127:
            raise InputError(f"schema: {path or 'top'}: expected at most 127 branches, got {len(branches)}")
        nullable = len(branches) == 2 and "null" in [_kind(b) for b in branches]
        children = tuple(self.build(b, path if nullable else f"{path}|{i}") for i, b in enumerate(branches))
        least = 1 + min((c.least for c in children), default=0)
        return Node("union", path, children, least=least)

    def _record(self, schema: Any, path: str) -> Node:
        name = schema["name"]
        self.named[name] = schema
        if name in self.open:
            raise InputError(f"schema: expected types that do not hold themselves, got {name} in {name}")
        self.open.append(name)
        fields = schema["fields"]
        children = tuple(self.build(f["type"], f"{path}.{f['name']}" if path else f["name"]) for f in fields)
        self.open.pop()
        least = sum(c.least for c in children)
        return Node("record", path, children, names=tuple(f["name"] for f in fields), least=least)

    def _array(self, schema: Any, path: str) -> Node:
        return Node("array", path, (self.build(schema["items"], f"{path}[]"),), least=1)

    def _map(self, schema: Any, path: str) -> Node:
        value = self.build(schema["values"], f"{path}{{}}")
        return Node("map", path, (Node("string", f"{path}{{}}key", least=1), value), least=1)

    def _enum(self, schema: Any, path: str) -> Node:
        self.named[schema["name"]] = schema
        return Node("enum", path, symbols=tuple(schema["symbols"]), least=1)

    def _fixed(self, schema: Any, path: str) -> Node:
        self.named[schema["name"]] = schema
        return Node("fixed", path, size=int(schema["size"]), least=int(schema["size"]))


_COMPLEX = ("record", "array", "map", "enum", "fixed")


def _kind(schema: Any) -> Any:
    return _kind(schema["type"]) if isinstance(schema, dict) else schema


def tree(schema: Any) -> Node:
    """The tree of a schema parsed by fastavro. InputError where a type holds itself, or is too large."""
    return _Builder().build(schema, "")
