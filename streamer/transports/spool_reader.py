"""Reading a topic of the spool, also while it is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

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
    Block,
    is_damaged,
    parse_block,
    segments_of,
)
from streamer.transports.transport import MessageBatch

__all__ = ["SpoolConsumer"]


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
        self._block: Block | None = None
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

    def _next_block(self) -> Block | None:
        """The next whole block that holds unread messages."""
        while True:
            if self._segment is None and not self._find_segment():
                return None
            assert self._segment is not None
            block = self._read_block(self._segment[1])
            if block is None:
                following = [s for s in segments_of(self._folder) if s[0] > self._segment[0]]
                if not following:
                    return None
                block = self._read_block(self._segment[1])  # it may have grown before the next began
                if block is None:
                    if self._segment[1].stat().st_size != self._at:
                        raise TransportError(DAMAGED.format(self._segment[1], self._at))
                    self._segment, self._at = following[0], 0
                    continue
            self._at += block.size
            self._ended = bool(block.flags & END)
            if block.first + block.count > self.position:
                return block

    def _find_segment(self) -> bool:
        before = [s for s in segments_of(self._folder) if s[0] <= self.position]
        self._segment = before[-1] if before else None
        return self._segment is not None

    def _read_block(self, path: Path) -> Block | None:
        with open(path, "rb") as file:
            file.seek(self._at)
            head = file.read(HEAD.size)
            if len(head) < HEAD.size:
                return None
            magic, size, _, _ = HEAD.unpack(head)
            block = parse_block(memoryview(head + file.read(size))) if magic == MAGIC else None
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
        if parse_block(raw[self._at :]) is None and is_damaged(raw, self._at):
            raise TransportError(DAMAGED.format(path, self._at))

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
        segments = segments_of(self._folder)
        if not segments:
            return {0: 0}
        first, path = segments[-1]
        end, at = first, 0
        with open(path, "rb") as file:
            while len(head := file.read(FRAME)) == FRAME:
                magic, size, _, _ = HEAD.unpack_from(head)
                if magic != MAGIC or at + HEAD.size + size > path.stat().st_size:
                    break
                start, _, count, _ = BODY.unpack_from(head, HEAD.size)
                end, at = start + count, at + HEAD.size + size
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
