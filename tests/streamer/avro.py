"""Random Avro schemas and values, and a plain encoder that writes arrays in blocks of any kind."""

from __future__ import annotations

import random
import struct
from typing import Any

NUMBERS = ("int", "long", "float", "double")
UNAMBIGUOUS = (
    ("null",),
    ("boolean",),
    NUMBERS,
    ("string", "enum"),
    ("bytes", "fixed", "array"),
    ("record", "map"),
)
"""At most one of each group in a union: fastavro finds the branch from the value."""


class Schemas:
    """Draws schemas; names are numbered."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self._names = 0

    def name(self) -> str:
        self._names += 1
        return f"n{self._names}"

    def record(self, depth: int = 0) -> dict[str, Any]:
        fields = [{"name": self.name(), "type": self.any(depth + 1)} for _ in range(self.r.randint(1, 6))]
        return {"type": "record", "name": self.name(), "fields": fields}

    def any(self, depth: int) -> Any:
        simple = [
            "null",
            "boolean",
            *NUMBERS,
            "string",
            "bytes",
            "enum",
            "fixed",
            "union",
            "nullable",
            "nullable",
        ]
        deep = ["array", "record", "map"] if depth < 4 else []
        return self.of(self.r.choice(simple + deep), depth)

    def of(self, kind: str, depth: int) -> Any:
        if kind == "record":
            return self.record(depth)
        if kind == "array":
            return {"type": "array", "items": self.any(depth + 1)}
        if kind == "map":
            return {"type": "map", "values": self.any(depth + 1)}
        if kind == "enum":
            return {
                "type": "enum",
                "name": self.name(),
                "symbols": [f"s{i}" for i in range(self.r.randint(1, 9))],
            }
        if kind == "fixed":
            return {"type": "fixed", "name": self.name(), "size": self.r.randint(0, 9)}
        if kind in ("union", "nullable"):
            groups = list(UNAMBIGUOUS[1:])
            self.r.shuffle(groups)
            several = 1 if kind == "nullable" else self.r.randint(1, len(groups))
            kinds = [self.r.choice(g) for g in groups[:several]]
            kinds = [k for k in kinds if depth < 4 or k not in ("array", "record", "map")] or ["long"]
            branches = [self.of(k, depth + 1) for k in kinds]
            if kind == "nullable" or self.r.random() < 0.5:
                branches.insert(self.r.randint(0, len(branches)), "null")
            return branches
        return kind


LONGS = (0, -1, 1, 63, 64, -64, -65, 2**31 - 1, -(2**31), 2**62, -(2**63), 2**63 - 1, 127, 128, 8191, 8192)
DOUBLES = (0.0, -0.0, 1.5, float("inf"), float("-inf"), 5e-324, 1.7976931348623157e308)
TEXTS = ("", "a", "Y", "naïve", "日本語", "🔭" * 3, "x" * 70, "\x00")


class Values:
    """Draws values of a schema, with the bytes that they have in Avro.

    blocks: write arrays and maps in several blocks, some of them with their size in bytes.
    """

    def __init__(self, seed: int, *, blocks: bool = False) -> None:
        self.r = random.Random(seed)
        self.blocks = blocks

    def draw(self, schema: Any) -> tuple[Any, bytes]:
        r = self.r
        if isinstance(schema, list):
            branch = r.randrange(len(schema))
            value, raw = self.draw(schema[branch])
            return value, varint(branch) + raw
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind == "null":
            return None, b""
        if kind == "boolean":
            value = r.random() < 0.5
            return value, bytes([value])
        if kind in ("int", "long"):
            value = r.choice(LONGS) if r.random() < 0.4 else r.randint(-1000, 1000)
            value = value if kind == "long" else max(-(2**31), min(value, 2**31 - 1))
            return value, varint(value)
        if kind in ("float", "double"):
            value = r.choice(DOUBLES) if r.random() < 0.3 else r.gauss(0, 1e3)
            if kind == "double":
                return value, struct.pack("<d", value)
            value = value if abs(value) < 1e38 else 0.25
            raw = struct.pack("<f", value)
            return struct.unpack("<f", raw)[0], raw
        if kind == "string":
            text = r.choice(TEXTS)
            return text, varint(len(text.encode())) + text.encode()
        if kind == "bytes":
            value = r.randbytes(r.randint(0, 9))
            return value, varint(len(value)) + value
        if kind == "fixed":
            value = r.randbytes(schema["size"])
            return value, value
        if kind == "enum":
            index = r.randrange(len(schema["symbols"]))
            return schema["symbols"][index], varint(index)
        if kind == "record":
            drawn = [(f["name"], self.draw(f["type"])) for f in schema["fields"]]
            return {n: v for n, (v, _) in drawn}, b"".join(raw for _, (_, raw) in drawn)
        count = r.choice((0, 0, 1, 2, 3, 8))
        if kind == "array":
            items = [self.draw(schema["items"]) for _ in range(count)]
            return [v for v, _ in items], self.block([raw for _, raw in items])
        keys = [f"k{i}" for i in range(count)]
        pairs = [self.draw(schema["values"]) for _ in keys]
        raws = [varint(len(k)) + k.encode() + raw for k, (_, raw) in zip(keys, pairs, strict=True)]
        return {k: v for k, (v, _) in zip(keys, pairs, strict=True)}, self.block(raws)

    def block(self, items: list[bytes]) -> bytes:
        out, at = b"", 0
        while at < len(items):
            size = self.r.randint(1, len(items) - at) if self.blocks else len(items)
            body = b"".join(items[at : at + size])
            if self.blocks and self.r.random() < 0.5:
                out += varint(-size) + varint(len(body)) + body
            else:
                out += varint(size) + body
            at += size
        return out + b"\0"


def varint(value: int) -> bytes:
    zigzag, out = (value << 1) ^ (value >> 63), bytearray()
    while zigzag > 127:
        out.append(zigzag & 127 | 128)
        zigzag >>= 7
    out.append(zigzag)
    return bytes(out)
