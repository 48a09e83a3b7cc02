"""Faults of real streams, on purpose: a copy of a topic on which a broker can be tried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import TransportError
from brokerbench.rng import stream
from streamer.codec import Codec, Decoded, Ranges
from streamer.late_nights import NightOf, hold_nights, night_reader
from streamer.packets import Packets, gather
from streamer.schemas.lsst import frame, version_codec
from streamer.transports import Consumer, Transport

__all__ = ["FaultReport", "Faults", "night_reader", "spoil", "to_version"]

_BLOCK = 512


@dataclass(frozen=True)
class Faults:
    """Which faults, as fractions of the messages; all are drawn from the seed and the message's number.

    duplicates: sent twice. truncated: cut somewhere. corrupted: a bit turned. late: held back for up to
    `hold` messages, so that the order of the stream is lost. late_nights: a fraction of the nights, held back
    whole until the end of the `night_hold`-th night behind them. step: from this message on the packets
    are of another version of Rubin's schema, `step_to` (major, minor); -1 for never.
    """

    seed: int
    duplicates: float = 0.0
    truncated: float = 0.0
    corrupted: float = 0.0
    late: float = 0.0
    hold: int = 1000
    late_nights: float = 0.0
    night_hold: int = 1
    step: int = -1
    step_to: tuple[int, int] = (11, 0)

    def __post_init__(self) -> None:
        for name in ("duplicates", "truncated", "corrupted", "late", "late_nights"):
            if not 0 <= getattr(self, name) <= 1:
                raise TransportError(f"faults.{name}: expected a fraction in 0..1, got {getattr(self, name)}")
        if self.hold < 1:
            raise TransportError(f"faults.hold: expected 1 or more messages, got {self.hold}")
        if self.night_hold < 1:
            raise TransportError(f"faults.night_hold: expected 1 or more nights, got {self.night_hold}")


@dataclass(frozen=True)
class FaultReport:
    """Messages read and sent, and how many of each fault; nights in late_nights."""

    read: int
    sent: int
    duplicates: int
    truncated: int
    corrupted: int
    late: int
    stepped: int
    late_nights: int


def spoil(
    transport: Transport, topic: str, to: str, faults: Faults, *, night_of: NightOf | None = None
) -> FaultReport:
    """Copy a topic that has ended to another one, with faults; the same seed gives the same copy.

    night_of: tells the nights of packets, see `night_reader`; needed for late nights. Raises
    TransportError where it is missing, and where the copy exists already.
    """
    if faults.late_nights and night_of is None:
        raise TransportError(
            "faults.late_nights: expected night_of to tell nights, got none; see night_reader"
        )
    if to in transport.topics():
        raise TransportError(f"{to}: expected no such topic yet, got one; choose another name")
    consumer, producer = transport.consumer(topic), transport.producer(to)
    counts = dict.fromkeys((f.name for f in fields(FaultReport)), 0)
    blocks = _numbered(_blocks(consumer))
    if faults.late_nights and night_of is not None:
        blocks = hold_nights(
            blocks,
            night_of,
            seed=faults.seed,
            share=faults.late_nights,
            nights=faults.night_hold,
            counts=counts,
        )
    try:
        for values, number in _spoiled(blocks, faults, counts):
            counts["sent"] += len(values)
            producer.send(values, number, number)
        producer.finish()
    finally:
        consumer.close()
        producer.close()
    return FaultReport(**counts)


def _blocks(consumer: Consumer) -> Iterator[Packets]:
    """The messages of a topic by the same numbers at a time, however they are polled."""
    held: list[Packets] = []
    while True:
        batch = consumer.poll(_BLOCK - sum(map(len, held)), 0.05)
        if len(batch):
            held.append(batch.values)
        ended = not len(batch) and consumer.drained()
        if sum(map(len, held)) == _BLOCK or ended:
            if held:
                yield Packets.concat(held)
            held = []
        if ended:
            return


def _numbered(blocks: Iterator[Packets]) -> Iterator[tuple[Packets, NDArray[np.int64]]]:
    """The blocks with the number of each message."""
    first = 0
    for packets in blocks:
        yield packets, np.arange(first, first + len(packets))
        first += len(packets)


def _spoiled(
    blocks: Iterator[tuple[Packets, NDArray[np.int64]]], faults: Faults, counts: dict[str, int]
) -> Iterator[tuple[Packets, NDArray[np.int64]]]:
    """Packets and their numbers, fault by fault; late ones are held, at most `hold` at a time.

    Blocks are of _BLOCK messages at most; each has its draws by its place in the stream.
    """
    waiting: list[tuple[int, int, bytes]] = []  # due at place, number, packet
    first = 0
    for block, (packets, number) in enumerate(blocks):
        rng = stream(faults.seed, "faults", block)
        n = len(packets)
        draws = rng.random((4, _BLOCK))[:, :n]
        where, bit, delay = rng.random(_BLOCK)[:n], rng.integers(0, 8, _BLOCK)[:n], rng.random(_BLOCK)[:n]
        counts["read"] += n
        if 0 <= faults.step < first + n:
            packets = _stepped(packets, max(0, faults.step - first), faults.step_to)
            counts["stepped"] += n - max(0, faults.step - first)
        packets = _damaged(packets, faults, (draws[1], draws[2]), where, bit, counts)
        late = draws[3] < faults.late
        counts["late"] += int(late.sum())
        for i in np.flatnonzero(late).tolist():
            due_at = first + i + 1 + int(delay[i] * faults.hold)
            waiting.append((due_at, int(number[i]), packets[i]))
        keep = np.flatnonzero(~late)
        twice = draws[0][keep] < faults.duplicates
        counts["duplicates"] += int(twice.sum())
        rows = np.repeat(keep, 1 + twice)
        yield packets.take(rows), number[rows]
        first += n
        due = sorted(w for w in waiting if w[0] <= first)
        waiting = [w for w in waiting if w[0] > first]
        if due:
            yield Packets.of([p for _, _, p in due]), np.array([k for _, k, _ in due])
    if waiting:
        waiting.sort()
        yield Packets.of([p for _, _, p in waiting]), np.array([k for _, k, _ in waiting])


def _damaged(
    packets: Packets,
    faults: Faults,
    draws: tuple[NDArray[np.float64], NDArray[np.float64]],
    where: NDArray[np.float64],
    bit: NDArray[np.int64],
    counts: dict[str, int],
) -> Packets:
    sizes = packets.sizes
    cut, turned = draws[0] < faults.truncated, (draws[1] < faults.corrupted) & (sizes > 0)
    counts["truncated"] += int(cut.sum())
    counts["corrupted"] += int(turned.sum())
    data = packets.data.copy()
    at = packets.offsets[:-1] + (where * sizes).astype("i8")
    data[at[turned]] ^= (1 << bit[turned]).astype("u1")
    return gather(data, packets.offsets[:-1], np.where(cut, (where * sizes).astype("i8"), sizes))


def _stepped(packets: Packets, start: int, version: tuple[int, int]) -> Packets:
    old = packets.slice(0, start)
    return Packets.concat(
        [Packets(old.data, old.offsets), to_version(packets.slice(start, len(packets)), version)]
    )


def to_version(packets: Packets, version: tuple[int, int]) -> Packets:
    """Rubin's packets in another version of the schema; fields that it does not have are left out.

    A number that is null where the new version requires one becomes 0. TransportError for packets of
    other schemas.
    """
    if not len(packets):
        return packets
    number = int.from_bytes(packets[0][1:5], "big")
    heads = {p[:5] for p in packets}
    if len(heads) > 1 or packets[0][:1] != b"\0":
        raise TransportError("faults.step: expected packets of one LSST schema, got others")
    old, new = version_codec(*divmod(number, 100)), version_codec(*version)
    inner = Ranges(packets.data, packets.offsets[:-1] + 5, packets.sizes - 5)
    decoded = old.decode(inner)
    if decoded.wrong:
        raise TransportError(f"faults.step: expected whole packets, got {decoded.wrong[0][1]}")
    columns = _columns_for(decoded, new)
    encoder = new.encoder(columns, len(packets))
    return Packets.concat(list(encoder.packets(prefix=frame(*version))))


def _columns_for(decoded: Decoded, new: Codec) -> dict[str, object]:
    slots = {s.name for s in new.program(None, encode=False, spliced=frozenset()).slots}
    return {name: value for name, value in decoded.columns.items() if name in slots}
