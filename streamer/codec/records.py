"""Decoded columns as records (dicts), for people and for tests; slow, off the hot path."""

from __future__ import annotations

from typing import Any

from streamer.codec.codec import Codec
from streamer.codec.columns import Decoded, Ranges
from streamer.codec.tree import Node

__all__ = ["records"]


def records(codec: Codec, decoded: Decoded) -> list[Any]:
    """The values of the packets as fastavro would read them; `decoded` must hold every column."""
    return _values(codec.node, decoded, len(decoded.rows))


def _values(node: Node, decoded: Decoded, count: int) -> list[Any]:
    if node.kind == "null":
        return [None] * count
    if node.kind == "record":
        columns = [_values(c, decoded, count) for c in node.children]
        return [dict(zip(node.names, row, strict=True)) for row in zip(*columns, strict=True)] or [
            {} for _ in range(count)
        ]
    if node.kind == "union":
        return _union(node, decoded, count)
    if node.kind in ("array", "map"):
        lengths = decoded[f"{node.path}#"].tolist()
        inner = [iter(_values(c, decoded, sum(lengths))) for c in node.children]
        if node.kind == "array":
            return [[next(inner[0]) for _ in range(n)] for n in lengths]
        return [{next(inner[0]): next(inner[1]) for _ in range(n)} for n in lengths]
    return _leaf(node, decoded[node.path])


def _leaf(node: Node, column: Any) -> list[Any]:
    if isinstance(column, Ranges):
        return column.texts() if node.kind == "string" else list(column.packets())
    values = column.tolist()
    if node.kind == "enum":
        return [node.symbols[i] for i in values]
    return [bool(v) for v in values] if node.kind == "boolean" else values


def _union(node: Node, decoded: Decoded, count: int) -> list[Any]:
    branch = decoded[f"{node.path}?"].tolist()
    null = node.null
    if null is not None and node.value.kind not in ("record", "array", "map", "enum", "fixed"):
        values = _leaf(node.value, decoded[node.path])
        return [None if b == null else v for b, v in zip(branch, values, strict=True)]
    inner = [iter(_values(c, decoded, branch.count(i))) for i, c in enumerate(node.children)]
    return [next(inner[b]) for b in branch]
