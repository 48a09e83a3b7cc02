"""The spool: topics as append-only segments on disk, for runs without a server."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
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
from streamer.transports.blocks import (
    BODY,
    DAMAGED,
    END,
    FRAME,
    HEAD,
    MAGIC,
    SEGMENT_BYTES,
    VERSION,
    check_version,
    is_damaged,
    parse_block,
    segments_of,
)
from streamer.transports.spool_reader import SpoolConsumer
from streamer.transports.transport import Receipts

__all__ = ["SEGMENT_BYTES", "Spool", "SpoolConsumer", "SpoolProducer"]

_CLOCKS_DIFFER_US = 1_000_000  # clocks of processes that started at different times


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
            check_version(folder)
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


class SpoolProducer:
    """Appends to a topic; one at a time."""

    limit: ClassVar[int] = 1 << 31  # of a block's size, which is u4

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
                file.write(json.dumps({"kind": "spool", "version": VERSION}) + "\n")
        check_version(self._folder)
        self.next_offset, self.cut, self._last = 0, 0, 0
        segments = segments_of(self._folder)
        if not segments:
            self._start_segment()
            return
        first, path = segments[-1]
        raw = memoryview(path.read_bytes())
        self.next_offset, at = first, 0
        while (block := parse_block(raw[at:])) is not None:
            self.next_offset, at = block.first + block.count, at + block.size
            self._last = block.timestamp
        if at < len(raw) and is_damaged(raw, at):
            raise TransportError(DAMAGED.format(path, at))
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
            self._next_segment()
        timestamp = self._now()
        frame = BODY.pack(self.next_offset, timestamp, count, 0)
        crc = zlib.crc32(body, zlib.crc32(frame, flags))
        block = memoryview(HEAD.pack(MAGIC, len(frame) + len(body), crc, flags) + frame + body)
        written = 0
        try:
            while written < len(block):
                written += os.write(self._file, block[written:])
        except OSError as error:
            os.ftruncate(self._file, self._size)
            os.lseek(self._file, self._size, os.SEEK_SET)
            raise self._no_room(f"{len(block)} bytes", error) from error
        self._size += len(block)
        self._last = timestamp
        return timestamp

    def _next_segment(self) -> None:
        full = self._file
        try:
            os.fsync(full)
            self._start_segment()
        except OSError as error:
            raise self._no_room("another segment", error) from error
        os.close(full)

    def _no_room(self, what: str, error: OSError) -> TransportError:
        return TransportError(
            f"{self._folder}: expected room for {what}, got {error.strerror}; "
            "make room and go on where it stopped"
        )

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
            self._append(b"", 0, END)
        self.flush()

    def _ended(self) -> bool:
        if self._size < FRAME:
            return False
        block = parse_block(memoryview(os.pread(self._file, FRAME, self._size - FRAME)))
        return block is not None and bool(block.flags & END) and block.first == self.next_offset

    def close(self) -> None:
        """Let go of the topic."""
        for held in (self._file, self._lock):
            with contextlib.suppress(OSError):
                os.close(held)
