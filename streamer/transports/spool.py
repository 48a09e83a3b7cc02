"""The spool: topics as append-only segments on disk, for runs without a server.

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

import contextlib
import fcntl
import json
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import TransportError
from brokerbench.store import atomic_write
from streamer.clock import Clock, WallClock
from streamer.packets import Packets
from streamer.transports.transport import MessageBatch, Receipts

__all__ = ["Spool"]

_MAGIC = 0x314B4242  # "BBK1"
_HEAD = struct.Struct("<IIII")  # magic, body size, crc, flags
_BODY = struct.Struct("<qqII")  # first offset, timestamp, messages, reserved
_FRAME = _HEAD.size + _BODY.size
_PER_MESSAGE = 4 + 8 + 8
_END = 1  # flag: nothing follows
_VERSION = 1
_CLOCKS_DIFFER_US = 1_000_000  # clocks of processes that started at different times
SEGMENT_BYTES = 64 << 20
_DAMAGED = "{}: expected whole blocks, got a damaged one at byte {}; restore the file from a copy"


@dataclass(frozen=True)
class Spool:
    """A folder of topics."""

    folder: Path
    segment_bytes: int = SEGMENT_BYTES
    clock: Clock = WallClock()
    name: ClassVar[str] = "spool"
    idle_s: ClassVar[float] = 0.0

    def producer(self, topic: str, headers: Mapping[str, str] | None = None) -> SpoolProducer:
        """The producer of a topic; TransportError while another one is open. The spool keeps no headers."""
        return SpoolProducer(self._topic(topic), topic, self.segment_bytes, self.clock)

    def consumer(self, topic: str, group: str | None = None) -> SpoolConsumer:
        """A consumer from the group's last commit; from the beginning, without commits, for None.

        A topic that is not there yet is waited for, as an empty one is.
        """
        folder = self._topic(topic)
        if (folder / "topic.json").is_file():
            _check_version(folder)
        return SpoolConsumer(folder, topic, group)

    def topics(self) -> list[str]:
        """Names of the topics there are, sorted."""
        return sorted(f.parent.name for f in self.folder.glob("*/topic.json"))

    def _topic(self, topic: str) -> Path:
        allowed = topic.replace("-", "").replace("_", "").replace(".", "")
        if not allowed.isalnum() or not topic.isascii() or len(topic) > 200:
            raise TransportError(
                f"spool: expected a topic name of letters, digits and . _ -, got {topic!r}; choose another"
            )
        return self.folder / topic


def _check_version(folder: Path) -> None:
    try:
        version = json.loads((folder / "topic.json").read_bytes())["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TransportError(f"{folder}: expected a spool topic, got an unreadable topic.json") from error
    if version != _VERSION:
        raise TransportError(f"{folder}: expected a spool of version {_VERSION}, got version {version}")


def _segments(folder: Path) -> list[tuple[int, Path]]:
    return sorted((int(f.stem), f) for f in folder.glob("*.seg"))


@dataclass(frozen=True)
class _Block:
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
        data = np.frombuffer(self.body, "u1", offset=_PER_MESSAGE * n)
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


def _block(raw: memoryview) -> _Block | None:
    """The block that `raw` begins with, None where it is not whole."""
    if len(raw) < _FRAME:
        return None
    magic, size, crc, flags = _HEAD.unpack_from(raw)
    if magic != _MAGIC or len(raw) < _HEAD.size + size or size < _BODY.size:
        return None
    body = raw[_HEAD.size : _HEAD.size + size]
    if zlib.crc32(body, flags) != crc:
        return None
    first, timestamp, count, _ = _BODY.unpack_from(body)
    if size < _BODY.size + count * _PER_MESSAGE:
        return None
    return _Block(first, timestamp, count, flags, _HEAD.size + size, body[_BODY.size :])


def _damaged(raw: memoryview, at: int) -> bool:
    """Whether a whole block follows behind the broken one at `at`."""
    needle, everything = struct.pack("<I", _MAGIC), bytes(raw[at:])
    found = everything.find(needle, 1)
    while found >= 0:
        if _block(memoryview(everything)[found:]) is not None:
            return True
        found = everything.find(needle, found + 1)
    return False


class SpoolProducer:
    """Appends to a topic; one at a time."""

    def __init__(self, folder: Path, topic: str, segment_bytes: int, clock: Clock) -> None:
        self._folder, self._topic, self._limit, self._clock = folder, topic, segment_bytes, clock
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise TransportError(
                f"{folder}: expected no other producer, got one that holds the topic; wait for it"
            ) from error
        try:
            self._open()
        except BaseException:
            os.close(self._lock)
            raise
        self._receipts: list[tuple[NDArray[np.int64], int, int]] = []

    def _open(self) -> None:
        if not (self._folder / "topic.json").is_file():
            with atomic_write(self._folder / "topic.json", "w") as file:
                file.write(json.dumps({"kind": "spool", "version": _VERSION}) + "\n")
        _check_version(self._folder)
        self.next_offset, self.cut, self._last = 0, 0, 0
        segments = _segments(self._folder)
        if not segments:
            self._start_segment()
            return
        first, path = segments[-1]
        raw = memoryview(path.read_bytes())
        self.next_offset, at = first, 0
        while (block := _block(raw[at:])) is not None:
            self.next_offset, at = block.first + block.count, at + block.size
            self._last = block.timestamp
        if at < len(raw) and _damaged(raw, at):
            raise TransportError(_DAMAGED.format(path, at))
        self.cut = len(raw) - at
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        if self.cut:
            os.ftruncate(self._file, at)
            os.fsync(self._file)
        self._size = os.lseek(self._file, 0, os.SEEK_END)

    def _start_segment(self) -> None:
        path = self._folder / f"{self.next_offset:020d}.seg"
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._size = 0
        folder = os.open(self._folder, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def send(
        self,
        values: Packets,
        keys: NDArray[np.int64],
        sequence: NDArray[np.int64],
        planned: NDArray[np.float64] | None = None,
    ) -> None:
        """Append n packets as one block (several where they are large)."""
        start = 0
        while start < len(values):
            room = values.offsets[start] + max(self._limit, 1 << 20)
            stop = max(start + 1, int(np.searchsorted(values.offsets, room, "right")) - 1)
            stop = min(stop, len(values))
            part = values.slice(start, stop)
            body = b"".join(
                (
                    part.sizes.astype("<u4").tobytes(),
                    keys[start:stop].astype("<i8").tobytes(),
                    sequence[start:stop].astype("<i8").tobytes(),
                    part.data.tobytes(),
                )
            )
            timestamp = self._append(body, stop - start, 0)
            self._receipts.append((sequence[start:stop].astype("i8"), self.next_offset, timestamp))
            self.next_offset += stop - start
            start = stop

    def _append(self, body: bytes, count: int, flags: int) -> int:
        if self._size >= self._limit:
            os.fsync(self._file)
            os.close(self._file)
            self._start_segment()
        timestamp = self._now()
        frame = _BODY.pack(self.next_offset, timestamp, count, 0)
        crc = zlib.crc32(body, zlib.crc32(frame, flags))
        block = memoryview(_HEAD.pack(_MAGIC, len(frame) + len(body), crc, flags) + frame + body)
        written = 0
        try:
            while written < len(block):
                written += os.write(self._file, block[written:])
        except OSError as error:
            os.ftruncate(self._file, self._size)
            os.lseek(self._file, self._size, os.SEEK_SET)
            raise TransportError(
                f"{self._folder}: expected room for {len(block)} bytes, got {error.strerror}; "
                "make room and go on where it stopped"
            ) from error
        self._size += len(block)
        self._last = timestamp
        return timestamp

    def _now(self) -> int:
        """The time of a block, never before the one in front of it. TransportError for a clock set back."""
        now = self._clock.now_us()
        if now < self._last - _CLOCKS_DIFFER_US:
            behind = (self._last - now) / 1e6
            raise TransportError(
                f"{self._folder}: expected a clock that goes forward, got one {behind:.0f} s behind the last "
                "message; set the clock"
            )
        return max(now, self._last)

    def flush(self) -> None:
        """Return once everything sent is on the disk."""
        try:
            os.fsync(self._file)
        except OSError as error:
            raise TransportError(
                f"{self._folder}: expected a disk that writes, got {error.strerror}"
            ) from error

    def receipts(self) -> Receipts:
        """What was appended since the last call."""
        taken, self._receipts = self._receipts, []
        if not taken:
            return Receipts()
        return Receipts(
            np.concatenate([s for s, _, _ in taken]),
            np.zeros(sum(len(s) for s, _, _ in taken), "i4"),
            np.concatenate([np.arange(first, first + len(s), dtype="i8") for s, first, _ in taken]),
            np.repeat(np.array([t for _, _, t in taken], "i8"), [len(s) for s, _, _ in taken]),
        )

    def finish(self) -> None:
        """Flush and write the end marker, unless it is there."""
        if not self._ended():
            self._append(b"", 0, _END)
        self.flush()

    def _ended(self) -> bool:
        if self._size < _FRAME:
            return False
        block = _block(memoryview(os.pread(self._file, _FRAME, self._size - _FRAME)))
        return block is not None and bool(block.flags & _END) and block.first == self.next_offset

    def close(self) -> None:
        """Let go of the topic."""
        with contextlib.suppress(OSError):
            os.close(self._file)
            os.close(self._lock)


class SpoolConsumer:
    """Reads a topic from its beginning or from its group's commit; may follow a producer at work."""

    _WAIT_US = 2000  # between looks at a topic that has nothing new

    def __init__(self, folder: Path, topic: str, group: str | None, clock: Clock | None = None) -> None:
        self._folder, self._topic, self._group = folder, topic, group
        self._clock = clock or WallClock()
        self._committed = folder / "groups" / f"{group}.json"
        self.position = self._last_commit() if group is not None else 0
        self._segment: tuple[int, Path] | None = None
        self._at = 0  # byte in the segment
        self._block: _Block | None = None
        self._ended = False
        self._torn: tuple[Path, int, int] | None = None  # where a broken block was looked at last

    def _last_commit(self) -> int:
        if not self._committed.is_file():
            return 0
        try:
            return int(json.loads(self._committed.read_bytes())["offset"])
        except (ValueError, KeyError, TypeError) as error:
            raise TransportError(
                f"{self._committed}: expected an offset, got an unreadable file; remove it to start over"
            ) from error

    def poll(self, count: int, timeout_s: float) -> MessageBatch:
        """Up to `count` messages, waiting for the first one at most `timeout_s`."""
        until = self._clock.now_us() + round(timeout_s * 1e6)
        found: list[MessageBatch] = []
        left = count
        while left:
            if self._block is None:
                self._block = self._next_block()
            if self._block is None:
                now = self._clock.now_us()
                if found or now >= until:
                    break
                self._clock.sleep_until(min(now + self._WAIT_US, until))
                continue
            start = self.position - self._block.first
            batch = self._block.batch(self._topic, start)
            if len(batch) > left:
                batch = _head(batch, left)
            found.append(batch)
            left -= len(batch)
            self.position += len(batch)
            if self.position == self._block.first + self._block.count:
                self._block = None
        return _join(self._topic, found)

    def _next_block(self) -> _Block | None:
        """The next whole block that holds unread messages."""
        while True:
            if self._segment is None and not self._find_segment():
                return None
            assert self._segment is not None
            block = self._read_block(self._segment[1])
            if block is None:
                following = [s for s in _segments(self._folder) if s[0] > self._segment[0]]
                if not following:
                    return None
                block = self._read_block(self._segment[1])  # it may have grown before the next began
                if block is None:
                    if self._segment[1].stat().st_size != self._at:
                        raise TransportError(_DAMAGED.format(self._segment[1], self._at))
                    self._segment, self._at = following[0], 0
                    continue
            self._at += block.size
            self._ended = bool(block.flags & _END)
            if block.first + block.count > self.position:
                return block

    def _find_segment(self) -> bool:
        before = [s for s in _segments(self._folder) if s[0] <= self.position]
        self._segment = before[-1] if before else None
        return self._segment is not None

    def _read_block(self, path: Path) -> _Block | None:
        with open(path, "rb") as file:
            file.seek(self._at)
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return None
            magic, size, _, _ = _HEAD.unpack(head)
            block = _block(memoryview(head + file.read(size))) if magic == _MAGIC else None
        if block is None:
            self._expect_torn(path)
        return block

    def _expect_torn(self, path: Path) -> None:
        """A torn tail is waited for; damage in front of whole blocks raises."""
        seen = (path, self._at, path.stat().st_size)
        if seen == self._torn:
            return
        self._torn = seen
        raw = memoryview(path.read_bytes())
        if _block(raw[self._at :]) is None and _damaged(raw, self._at):
            raise TransportError(_DAMAGED.format(path, self._at))

    def commit(self) -> None:
        """Have the group go on behind the messages polled so far."""
        if self._group is None:
            raise TransportError(f"{self._topic}: expected a group to commit for, got a consumer without one")
        with atomic_write(self._committed, "w") as file:
            file.write(json.dumps({"offset": self.position}) + "\n")

    def at_end(self) -> bool:
        """Whether the end marker was reached and nothing lies behind it."""
        return self.drained() and self._ended

    def drained(self) -> bool:
        """Whether nothing is left now."""
        if self._block is None:
            self._block = self._next_block()
        return self._block is None

    def committed(self) -> int:
        """Messages of the topic that the group has behind it."""
        return self._last_commit()

    def lag(self) -> dict[int, int]:
        """Messages that are there and not polled yet; the spool has one partition."""
        segments = _segments(self._folder)
        if not segments:
            return {0: 0}
        first, path = segments[-1]
        end, at = first, 0
        with open(path, "rb") as file:
            while len(head := file.read(_FRAME)) == _FRAME:
                magic, size, _, _ = _HEAD.unpack_from(head)
                if magic != _MAGIC or at + _HEAD.size + size > path.stat().st_size:
                    break
                start, _, count, _ = _BODY.unpack_from(head, _HEAD.size)
                end, at = start + count, at + _HEAD.size + size
                file.seek(at)
        return {0: max(0, end - self.position)}

    def close(self) -> None:
        """Nothing to let go of."""


def _head(batch: MessageBatch, count: int) -> MessageBatch:
    return MessageBatch(
        batch.topic,
        batch.values.slice(0, count),
        batch.partition[:count],
        batch.offset[:count],
        batch.timestamp[:count],
        batch.sequence[:count],
    )


def _join(topic: str, batches: list[MessageBatch]) -> MessageBatch:
    if len(batches) == 1:
        return batches[0]
    if not batches:
        return MessageBatch.empty(topic)
    return MessageBatch(
        topic,
        Packets.concat([b.values for b in batches]),
        *(
            np.concatenate([getattr(b, n) for b in batches])
            for n in ("partition", "offset", "timestamp", "sequence")
        ),
    )
