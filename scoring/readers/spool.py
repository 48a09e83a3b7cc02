"""A topic of brokerbench's own spool: brokerClassification messages with the transport's times.

Blocks of a segment, little-endian: magic "BBK1", body bytes u4, CRC-32 of the body begun with the
flags u4, flags u4; then first offset i8, timestamp i8 us UTC, messages u4, 0 u4, sizes u4[n],
keys i8[n], sequence i8[n], values. A torn block at the end of a segment is what a killed producer
leaves and ends it; damage before the end is an error.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from brokerbench.errors import InputError
from scoring.readers._limits import Meter
from scoring.readers._wire import LAYOUTS, decode, recognise
from scoring.submission import Batch, Policy

MAGIC = b"BBK1"
HEAD = struct.Struct("<4sIII")
BODY = struct.Struct("<qqII")
PER_MESSAGE = 4 + 8 + 8


class _Spool:
    title = "a topic of the spool: segments of brokerClassification messages"
    suffixes = (".seg",)

    def claims(self, path: Path, head: bytes) -> bool:
        """A segment by its name and first bytes."""
        return path.suffix == ".seg" and head[:4] == MAGIC

    def read(self, path: Path, policy: Policy) -> Iterator[Batch]:
        """The messages of a segment; their position is the offset in the topic."""
        meter = Meter(path, policy)
        layout: str = "" if policy.layout == "auto" else policy.layout
        with open(path, "rb") as file:
            at = 0
            while head := file.read(HEAD.size):
                body = b""
                if len(head) == HEAD.size and head[:4] == MAGIC:
                    _, size, crc, flags = HEAD.unpack(head)
                    meter.spend(size)
                    body = file.read(size)
                if not body or len(body) < size or zlib.crc32(body, flags) != crc:
                    if file.read(1):
                        raise InputError(f"{path}: expected whole blocks, got a damaged one at byte {at}")
                    return  # torn: the producer was killed while it wrote
                first, stamp, n, _ = BODY.unpack_from(body)
                if n:
                    blob, bounds = _values(body, n)
                    layout = layout or recognise(bytes(blob[: bounds[1]]))
                    if not layout:
                        raise InputError(
                            f"{path}: expected Avro messages of layout {', '.join(LAYOUTS)}, got others; "
                            "is it a topic of answers?"
                        )
                    batch = decode(blob, bounds, LAYOUTS[layout], file=str(path), first=first)
                    yield replace(batch, published=np.full(len(batch), float(stamp)))
                at += HEAD.size + len(body)


READER = _Spool()


def _values(body: bytes, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Bytes of the messages of a block, and their bounds i8[n + 1]."""
    sizes = np.frombuffer(body, "<u4", n, BODY.size)
    bounds = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    blob = np.frombuffer(body, np.uint8, offset=BODY.size + PER_MESSAGE * n)
    if bounds[-1] > len(blob):
        bounds = np.minimum(bounds, len(blob))  # cut messages are malformed, and counted
    return blob, bounds
