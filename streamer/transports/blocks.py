"""Blocks: how the spool keeps messages on disk.

A topic is a folder of segments named by the offset of their first message. A segment is a row of
blocks; a block is what one `send` wrote:

    magic u4 | body bytes u4 | CRC-32 of all that follows u4 | flags u4
    first offset i8 | timestamp i8 us UTC | messages u4 | 0 u4
    sizes u4[n] | keys i8[n] | sequence i8[n] | values

Blocks appear whole or not at all: a reader stops in front of one that is not, a producer that opens
the topic cuts it off. What `flush` returned from survives a crash of the machine. A damaged block
with whole ones behind it is no torn tail: that is an error, nothing is cut.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from brokerbench.errors import TransportError
from streamer.packets import Packets
from streamer.transports.transport import MessageBatch

__all__ = ["Block", "check_version", "is_damaged", "parse_block", "segments_of"]

MAGIC = 0x314B4242  # "BBK1"
HEAD = struct.Struct("<IIII")  # magic, body size, crc, flags
BODY = struct.Struct("<qqII")  # first offset, timestamp, messages, reserved
FRAME = HEAD.size + BODY.size
PER_MESSAGE = 4 + 8 + 8
END = 1  # flag: nothing follows
VERSION = 1
SEGMENT_BYTES = 64 << 20
DAMAGED = "{}: expected whole blocks, got a damaged one at byte {}; restore the file from a copy"


def check_version(folder: Path) -> None:
    try:
        version = json.loads((folder / "topic.json").read_bytes())["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TransportError(f"{folder}: expected a spool topic, got an unreadable topic.json") from error
    if version != VERSION:
        raise TransportError(f"{folder}: expected a spool of version {VERSION}, got version {version}")


def segments_of(folder: Path) -> list[tuple[int, Path]]:
    return sorted((int(f.stem), f) for f in folder.glob("*.seg"))


@dataclass(frozen=True)
class Block:
    first: int
    timestamp: int
    count: int
    flags: int
    size: int  # header included
    body: memoryview  # behind the frame

    def batch(self, topic: str, start: int) -> MessageBatch:
        """Messages from index `start` on."""
        n = self.count
        sizes = np.frombuffer(self.body, "<u4", n)
        sequence = np.frombuffer(self.body, "<i8", n, 12 * n)
        data = np.frombuffer(self.body, "u1", offset=PER_MESSAGE * n)
        offsets = np.zeros(n + 1, "i8")
        np.cumsum(sizes, out=offsets[1:])
        return MessageBatch(
            topic,
            Packets(data, offsets).slice(start, n),
            np.zeros(n - start, "i4"),
            np.arange(self.first + start, self.first + n, dtype="i8"),
            np.full(n - start, self.timestamp, "i8"),
            sequence[start:].astype("i8"),
        )


def parse_block(raw: memoryview) -> Block | None:
    """The block that `raw` begins with, None where it is not whole."""
    if len(raw) < FRAME:
        return None
    magic, size, crc, flags = HEAD.unpack_from(raw)
    if magic != MAGIC or len(raw) < HEAD.size + size or size < BODY.size:
        return None
    body = raw[HEAD.size : HEAD.size + size]
    if zlib.crc32(body, flags) != crc:
        return None
    first, timestamp, count, _ = BODY.unpack_from(body)
    if size < BODY.size + count * PER_MESSAGE:
        return None
    return Block(first, timestamp, count, flags, HEAD.size + size, body[BODY.size :])


def is_damaged(raw: memoryview, at: int) -> bool:
    """Whether a whole block follows behind the broken one at `at`."""
    needle, everything = struct.pack("<I", MAGIC), bytes(raw[at:])
    found = everything.find(needle, 1)
    while found >= 0:
        if parse_block(memoryview(everything)[found:]) is not None:
            return True
        found = everything.find(needle, found + 1)
    return False
