"""What every transport does, and the arrays that pass through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import TransportError, UnknownName, did_you_mean
from streamer.packets import Packets

__all__ = ["Consumer", "MessageBatch", "Producer", "Receipts", "Transport", "open_transport"]


@dataclass(frozen=True, eq=False)
class MessageBatch:
    """n messages of one topic, in the order in which they were read.

    partition i4[n]; offset i8[n]; timestamp i8[n] us UTC, when the transport took the message;
    sequence i8[n], the number that the sender gave it, -1 for none.
    """

    topic: str
    values: Packets
    partition: NDArray[np.int32]
    offset: NDArray[np.int64]
    timestamp: NDArray[np.int64]
    sequence: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offset)

    @classmethod
    def empty(cls, topic: str) -> MessageBatch:
        """No messages of a topic."""
        none = np.empty(0, "i8")
        return cls(topic, Packets.concat([]), np.empty(0, "i4"), none, none, none)


@dataclass(frozen=True, eq=False)
class Receipts:
    """What the transport confirmed: sequence i8[n], partition i4[n], offset i8[n], timestamp i8[n] us UTC."""

    sequence: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, "i8"))
    partition: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, "i4"))
    offset: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, "i8"))
    timestamp: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, "i8"))

    def __len__(self) -> int:
        return len(self.sequence)


class Producer(Protocol):
    """Sends to one topic."""

    @property
    def limit(self) -> int:
        """Bytes of the largest packet that the topic takes."""

    def send(
        self,
        values: Packets,
        keys: NDArray[np.int64],
        sequence: NDArray[np.int64],
        planned: NDArray[np.float64] | None = None,
    ) -> None:
        """Send n packets; keys i8[n] (the object id: one object stays in order), sequence i8[n].

        planned: f8[n] s since the start of the stream, when each was due; goes into a header where the
        transport has headers.
        """

    def flush(self) -> None:
        """Return once everything sent is durable; TransportError where something is not."""

    def receipts(self) -> Receipts:
        """What was confirmed since the last call."""

    def finish(self) -> None:
        """Flush and say that nothing follows, where the transport can say so."""

    def close(self) -> None:
        """Let go of the topic without waiting for anything."""


class Consumer(Protocol):
    """Reads one topic, alone or as a member of a group."""

    def poll(self, count: int, timeout_s: float) -> MessageBatch:
        """Up to `count` messages, waiting for the first one at most `timeout_s`."""

    def commit(self) -> None:
        """Have the group go on behind the messages polled so far."""

    def at_end(self) -> bool:
        """Whether nothing is left and nothing follows: end marker, or high watermark of every partition."""

    def drained(self) -> bool:
        """Whether nothing is left now; more may follow."""

    def committed(self) -> int:
        """Messages of the topic that the whole group has behind it."""

    def lag(self) -> dict[int, int]:
        """Messages that are there and not polled yet, by partition that this consumer reads."""

    def close(self) -> None:
        """Leave the group."""


class Transport(Protocol):
    """Opens topics."""

    @property
    def name(self) -> str:
        """What `open_transport` calls it."""

    @property
    def idle_s(self) -> float:
        """How long a topic must have been at its end before that is the end, in s."""

    def producer(self, topic: str, headers: Mapping[str, str] | None = None) -> Producer:
        """A producer to the topic, which is made if need be; headers go with every message if it has them."""

    def consumer(self, topic: str, group: str | None = None) -> Consumer:
        """A consumer from the group's last commit; from the beginning, and without commits, for None."""

    def topics(self) -> list[str]:
        """Names of the topics there are."""


def open_transport(name: str, *, run: Path, settings: Mapping[str, str] | None = None) -> Transport:
    """The transport of that name: "spool" (below the run's folder) or "kafka".

    settings: any librdkafka setting for kafka; segment_bytes for the spool.
    """
    options: dict[str, Any] = dict(settings or {})
    if name == "spool":
        from streamer.transports.spool import SEGMENT_BYTES, Spool

        size = options.pop("segment_bytes", None)
        if options:
            raise TransportError(f"spool: expected no setting but segment_bytes, got {sorted(options)}")
        if size is not None and not str(size).isdigit():
            raise TransportError(f"spool: expected segment_bytes as a number, got {size!r}")
        return Spool(Path(run) / "topics", int(size) if size else SEGMENT_BYTES)
    if name == "kafka":
        from streamer.transports.kafka import Kafka

        return Kafka(options)
    raise UnknownName(
        f"transport: expected spool or kafka, got {name!r}; {did_you_mean(name, ['spool', 'kafka'])}"
    )
