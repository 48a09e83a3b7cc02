"""Reading one topic of Kafka."""

from __future__ import annotations

from typing import Any

import confluent_kafka as ck
import numpy as np

from brokerbench.errors import TransportError
from brokerbench.tables import NO_TIME
from streamer.packets import Packets
from streamer.transports.kafka_errors import WAIT_S, patiently, text_of
from streamer.transports.transport import MessageBatch

__all__ = ["KafkaConsumer"]


class KafkaConsumer:
    """Reads one topic message by message: librdkafka's batch call waits for its time-out."""

    def __init__(self, client: Any, topic: str, partitions: list[int] | None) -> None:
        self._client, self._topic = client, topic
        self._mine: list[int] | None = None  # None until the group has given out partitions
        self._next: dict[int, int] = {}
        self._group = partitions is None
        if partitions is None:
            client.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked)
        else:
            self._mine = partitions
            client.assign([ck.TopicPartition(topic, p, ck.OFFSET_BEGINNING) for p in partitions])

    def _assigned(self, _: Any, partitions: list[Any]) -> None:
        self._mine = [p.partition for p in partitions]
        self._next = {}

    def _revoked(self, _: Any, partitions: list[Any]) -> None:
        self._mine = None

    def poll(self, count: int, timeout_s: float) -> MessageBatch:
        """Up to `count` messages, waiting for the first one at most `timeout_s`."""
        found: list[Any] = []
        while len(found) < count:
            message = self._client.poll(0 if found else timeout_s)
            if message is None:
                break
            error = message.error()
            if error is None:
                found.append(message)
            elif error.code() not in (ck.KafkaError._PARTITION_EOF, ck.KafkaError.UNKNOWN_TOPIC_OR_PART):
                if error.retriable():
                    break
                raise TransportError(f"topic {self._topic}: expected to read, got {error.str()}")
        for message in found:
            self._next[message.partition()] = message.offset() + 1
        return self._batch(found)

    def _batch(self, found: list[Any]) -> MessageBatch:
        stamps = [m.timestamp() for m in found]
        return MessageBatch(
            self._topic,
            Packets.of([m.value() or b"" for m in found]),
            np.array([m.partition() for m in found], "i4"),
            np.array([m.offset() for m in found], "i8"),
            np.array([ms * 1000 if kind else NO_TIME for kind, ms in stamps], "i8"),
            np.array([_sequence(m.headers()) for m in found], "i8"),
        )

    def commit(self) -> None:
        """Have the group go on behind the messages polled so far."""
        if not self._group:
            raise TransportError(f"{self._topic}: expected a group to commit for, got a consumer without one")
        offsets = [ck.TopicPartition(self._topic, p, o) for p, o in self._next.items()]
        if not offsets:
            return
        try:
            self._client.commit(offsets=offsets, asynchronous=False)
        except ck.KafkaException as error:
            raise TransportError(
                f"topic {self._topic}: expected to commit, got {text_of(error)}; messages will be read again"
            ) from error

    def at_end(self) -> bool:
        """Whether every partition that this consumer reads is at its high watermark."""
        return self.drained()

    def drained(self) -> bool:
        """Whether every partition that this consumer reads is at its high watermark."""
        if self._mine is None:
            return False
        try:
            return all(self._position(p) >= self._ends(p)[1] for p in self._mine)
        except ck.KafkaException as error:
            if error.args[0].retriable():
                return False
            raise self._no_offsets(error) from error

    def committed(self) -> int:
        """Messages of the topic that the whole group has behind it."""
        try:
            found = self._client.list_topics(self._topic, timeout=WAIT_S).topics[self._topic].partitions
            here = self._client.committed([ck.TopicPartition(self._topic, p) for p in found], timeout=WAIT_S)
            return sum(max(0, c.offset - self._ends(c.partition)[0]) for c in here if c.offset >= 0)
        except ck.KafkaException as error:
            raise self._no_offsets(error) from error

    def lag(self) -> dict[int, int]:
        """Messages that are there and not polled yet, by partition that this consumer reads."""
        try:
            return {p: max(0, self._ends(p)[1] - self._position(p)) for p in self._mine or ()}
        except ck.KafkaException as error:
            raise self._no_offsets(error) from error

    def _position(self, partition: int) -> int:
        if partition not in self._next:
            here = ck.TopicPartition(self._topic, partition)
            committed = -1
            if self._group:
                committed = patiently(lambda: self._client.committed([here], timeout=WAIT_S))[0].offset
            self._next[partition] = committed if committed >= 0 else self._ends(partition)[0]
        return self._next[partition]

    def _ends(self, partition: int) -> tuple[int, int]:
        here = ck.TopicPartition(self._topic, partition)
        low, high = patiently(lambda: self._client.get_watermark_offsets(here, timeout=WAIT_S))
        return low, high

    def _no_offsets(self, error: Exception) -> TransportError:
        return TransportError(f"topic {self._topic}: expected its offsets, got {text_of(error)}")

    def close(self) -> None:
        """Leave the group."""
        self._client.close()


def _sequence(headers: list[tuple[str, bytes]] | None) -> int:
    for name, value in headers or ():
        if name == "sequence" and value is not None and value.isdigit() and len(value) < 19:
            return int(value)
    return -1
