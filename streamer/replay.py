"""Packets out at their times, at any speed, and the ledger of what was sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import AccountingError, InputError, TransportError
from brokerbench.store import Folder
from streamer.clock import Clock
from streamer.journal import Journal, write_ledger
from streamer.merge import Burst, merged
from streamer.meter import Meter, Watch
from streamer.packets import PacketFile
from streamer.transports import Producer, Receipts, Transport

__all__ = ["Pace", "PlayReport", "play"]

SEND = 512
"""Packets handed to the transport at a time."""


@dataclass(frozen=True)
class Pace:
    """How packets are paced.

    speed: survey seconds a second, 0 for as fast as possible. behind: what to do when the transport
    does not keep up: "catch up" (the plan stands), "shift" (the rest is late by as much) or "fail".
    tolerance: s of slip from which "fail" and "shift" act. outages: (start, end) in s since the start of
    the stream; what is due in between goes out at the end of it, all at once. longest_gap: s; where the
    stream is silent for longer (days, bad weather) it is silent for so long only.
    """

    speed: float = 0.0
    behind: str = "catch up"
    tolerance: float = 1.0
    outages: tuple[tuple[float, float], ...] = ()
    longest_gap: float = float("inf")

    def due(self, publish: NDArray[np.float64]) -> NDArray[np.float64]:
        """When packets are due, s since the start of the stream, outages counted in."""
        out = publish
        for start, end in self.outages:
            out = np.where((out >= start) & (out < end), end, out)
        return out

    def __post_init__(self) -> None:
        if not self.speed >= 0:
            raise TransportError(f"play: expected a speed of 0 or more, got {self.speed}")
        if any(not start < end for start, end in self.outages):
            raise TransportError(f"play: expected outages that end after they start, got {self.outages}")
        if not self.longest_gap > 0:
            raise TransportError(f"play: expected a longest gap of more than 0 s, got {self.longest_gap}")
        if self.behind not in ("catch up", "shift", "fail"):
            raise TransportError(f"play: expected catch up, shift or fail, got {self.behind!r}")


@dataclass(frozen=True)
class PlayReport:
    """What a play did: alerts sent now, alerts sent before (resumed), wall seconds, slip in s.

    Slip is how late the transport was given an alert; NaN at speed 0.
    """

    sent: int
    resumed: int
    bytes: int
    seconds: float
    slip_max: float
    slip_p99: float


@dataclass
class _Slips:
    """Percentiles of slips in bounded memory: counts in bins of 2 %."""

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1200, "i8"))
    largest: float = float("nan")

    _LOW, _STEP = 1e-6, np.log(1.02)

    def add(self, slips: NDArray[np.float64]) -> None:
        if not len(slips):
            return
        late = np.maximum(slips, self._LOW)
        bins = np.clip(np.log(late / self._LOW) / self._STEP, 0, len(self.counts) - 1).astype("i8")
        self.counts += np.bincount(bins, minlength=len(self.counts))
        self.largest = float(np.fmax(self.largest, slips.max()))

    def percentile(self, q: float) -> float:
        total = np.cumsum(self.counts)
        if not total[-1]:
            return float("nan")
        upper = self._LOW * np.exp(self._STEP * (1 + int(np.searchsorted(total, q / 100 * total[-1]))))
        return min(float(upper), self.largest)


def play(
    run: Folder,
    transport: Transport,
    *,
    topic: str = "alerts",
    pace: Pace = Pace(),  # noqa: B008  frozen
    watch: Watch | None = None,
) -> PlayReport:
    """Send the packets of RUN/stream to a topic and write RUN/ledger; goes on where it was stopped.

    What is in the topic already counts as sent. Raises TransportError where something cannot be
    delivered, AccountingError where the topic holds what was not sent.
    """
    watch = watch or Watch()
    clock, meter = watch.clock, watch.meter
    if (run.path / "ledger").exists():
        raise InputError(
            f"{run.path / 'ledger'}: expected a run not yet played, got a ledger; remove it, or use --again"
        )
    stream = Folder.open(run.path / "stream", kind="stream")
    files = [PacketFile(stream.path / "packets" / f"{part}.packets") for part in stream.parts]
    bases = np.concatenate([[0], np.cumsum([len(f) for f in files])]).astype("i8")
    total = int(bases[-1])
    began = clock.now_us()
    with Journal(run.path / "play.journal", total) as journal:
        about = {"run": str(run.manifest.get("name", "")), "schema": stream.manifest["schema"]}
        producer = transport.producer(topic, about)
        try:
            for receipts in _read_back(transport, topic):
                journal.note(receipts)
            resumed = journal.confirmed()
            _expect_room(producer.limit, files, topic)
            sender = _Sender(producer, journal, pace, clock)
            if meter:
                meter.put("alerts_planned", total)
            planned = 0
            for burst in merged(files):
                sequence = journal.place(bases[burst.part] + burst.row, planned)
                planned += len(sequence)
                left = np.flatnonzero(~journal.there(sequence))
                if len(left) < len(sequence):
                    burst, sequence = burst.take(left), sequence[left]
                sender.send(burst, sequence)
                if meter:
                    sender.tell(meter)
                if watch.progress:
                    watch.progress(resumed + sender.sent, total)
            producer.finish()
            journal.note(producer.receipts())
            if meter:
                sender.tell(meter)
        finally:
            producer.close()
        if journal.confirmed() != total:
            raise AccountingError(f"play: expected {total} alerts in the topic, got {journal.confirmed()}")
        _expect_no_more(transport, topic, total)
        write_ledger(run, stream, journal, bases)
    journal.path.unlink()
    seconds = (clock.now_us() - began) / 1e6
    slips = sender.slips
    return PlayReport(sender.sent, resumed, sender.bytes, seconds, slips.largest, slips.percentile(99))


class _Sender:
    """Hands bursts to a producer when they are due."""

    def __init__(self, producer: Producer, journal: Journal, pace: Pace, clock: Clock) -> None:
        self._producer, self._journal, self._pace, self._clock = producer, journal, pace, clock
        self._origin: float | None = None  # us at which publish = 0 is due
        self._before = self._cut = 0.0  # the last publish, and the seconds of silence left out so far
        self.sent, self.bytes, self.slips, self.slip = 0, 0, _Slips(), 0.0

    def send(self, burst: Burst, sequence: NDArray[np.int64]) -> None:
        start, n = 0, len(burst.row)
        while start < n:
            stop = self._wait(burst.publish, start)
            part = burst.packets.slice(start, stop)
            self._producer.send(
                part, burst.object_id[start:stop], sequence[start:stop], burst.publish[start:stop]
            )
            self._journal.note(self._producer.receipts())
            self.sent += stop - start
            self.bytes += len(part.data)
            start = stop

    def tell(self, meter: Meter) -> None:
        """Give a meter the state of the play."""
        meter.put("alerts_sent_total", self._journal.confirmed())
        meter.put("bytes_sent_total", self.bytes)
        meter.put("slip_seconds", self.slip)

    def _wait(self, publish: NDArray[np.float64], start: int) -> int:
        """Wait for the next packet; returns the end of those that are due."""
        most = min(start + SEND, len(publish))
        if not self._pace.speed:
            return most
        planned = self._pace.due(publish[start:most])
        if self._origin is None:
            self._origin = self._clock.now_us() - planned[0] / self._pace.speed * 1e6
            self._before = planned[0]
        gaps = np.diff(planned, prepend=self._before)
        cut = self._cut + np.cumsum(np.maximum(gaps - self._pace.longest_gap, 0))
        times, planned = planned, planned - cut
        due = self._origin + planned / self._pace.speed * 1e6
        self._clock.sleep_until(int(np.ceil(due[0])))
        now = self._clock.now_us()
        count = max(1, int(np.searchsorted(due, now, "right")))
        self._before, self._cut = times[count - 1], cut[count - 1]
        slip = (now - due[:count]) / 1e6
        self.slips.add(slip)
        self.slip = float(slip[0])
        if slip[0] > self._pace.tolerance:
            if self._pace.behind == "fail":
                raise TransportError(
                    f"play: expected to be at most {self._pace.tolerance} s late, got {slip[0]:.3f} s; "
                    "lower the speed or allow it to catch up"
                )
            if self._pace.behind == "shift":
                self._origin += slip[0] * 1e6
        return start + count


def _read_back(transport: Transport, topic: str) -> Iterator[Receipts]:
    """What the topic holds from an earlier play that was stopped."""
    consumer = transport.consumer(topic)
    try:
        while True:
            batch = consumer.poll(4096, 0.05)
            if len(batch):
                yield Receipts(batch.sequence, batch.partition, batch.offset, batch.timestamp)
            elif consumer.drained():
                return
    finally:
        consumer.close()


def _expect_room(limit: int, files: list[PacketFile], topic: str) -> None:
    """TransportError where a packet is larger than the topic takes, before the first one is sent."""
    largest = max((file.largest() for file in files), default=0)
    if largest > limit:
        raise TransportError(
            f"play: expected packets of at most {limit} bytes, as topic {topic} takes, got one of {largest}; "
            "raise its max.message.bytes"
        )


def _expect_no_more(transport: Transport, topic: str, total: int) -> None:
    """AccountingError where the topic holds more: of somebody else, or of a player killed before."""
    consumer = transport.consumer(topic)
    try:
        held = sum(consumer.lag().values())
    finally:
        consumer.close()
    if held > total:
        raise AccountingError(
            f"play: expected {total} messages in topic {topic}, got {held}; something else was sent to it "
            "meanwhile: play to a topic of its own"
        )
