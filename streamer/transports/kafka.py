"""Kafka: the only module that imports confluent_kafka.

Settings are librdkafka's, passed through as they are. Those that begin with "create." say how a
topic is made: create.partitions, create.replication, and create.X for any topic setting X.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

import confluent_kafka as ck
import numpy as np
from confluent_kafka import admin
from numpy.typing import NDArray

from brokerbench.errors import TransportError
from brokerbench.tables import NO_TIME
from streamer.packets import Packets
from streamer.transports.transport import MessageBatch, Receipts

__all__ = ["Kafka", "KafkaConsumer", "KafkaProducer"]

PRODUCER = {
    "log_level": "2",
    "enable.idempotence": "true",
    "acks": "all",
    "compression.type": "lz4",
    "linger.ms": "5",
    "batch.size": "1000000",
    "queue.buffering.max.kbytes": "262144",
}
CONSUMER = {
    "log_level": "2",
    "enable.auto.commit": "false",
    "auto.offset.reset": "earliest",
    "fetch.wait.max.ms": "50",
}
TOPIC = {"partitions": "4", "replication": "1", "message.timestamp.type": "LogAppendTime"}
"""Topics are stamped by the Kafka broker, as Rubin's are: no participant's clock is trusted."""

_CREATE = "create."
_WAIT_S = 15.0
_OVERHEAD = 1024  # record batch, key and headers around one message
_SETTLE_S = 1.0


class Kafka:
    """The topics of one Kafka cluster."""

    name: ClassVar[str] = "kafka"
    idle_s: ClassVar[float] = 10.0

    def __init__(self, settings: Mapping[str, str]) -> None:
        options = {str(k): str(v) for k, v in settings.items()}
        self._create = TOPIC | {k[len(_CREATE) :]: v for k, v in options.items() if k.startswith(_CREATE)}
        self._said: list[str] = []
        self._settings = {k: v for k, v in options.items() if not k.startswith(_CREATE)}
        if "bootstrap.servers" not in self._settings:
            raise TransportError("kafka: expected a setting bootstrap.servers, got none; give HOST:PORT")
        for key in ("partitions", "replication"):
            if not self._create[key].isdigit() or self._create[key] == "0":
                raise TransportError(f"kafka: expected create.{key} of 1 or more, got {self._create[key]!r}")

    @property
    def where(self) -> str:
        """The address, for messages."""
        return f"kafka {self._settings['bootstrap.servers']}"

    def producer(self, topic: str, headers: Mapping[str, str] | None = None) -> KafkaProducer:
        """An idempotent producer to the topic, which is made if need be.

        Waits until nothing arrives in the topic any more: what a killed producer left in its sockets.
        """
        manager = self._admin()
        described = self._partitions(manager, topic)
        if not described:
            self._make(manager, topic)
        limit = self._largest(manager, topic)
        client = self._client(ck.Producer, PRODUCER | {"message.max.bytes": str(limit)})
        producer = KafkaProducer(client, topic, headers or {})
        producer.limit = limit - _OVERHEAD
        if described:
            self._settle(topic, described)
        return producer

    def consumer(self, topic: str, group: str | None = None) -> KafkaConsumer:
        """A consumer from the group's last commit; from the beginning, without commits, for None."""
        partitions = self._partitions(self._admin(), topic)
        settings = CONSUMER | {"group.id": group or f"brokerbench-{uuid.uuid4()}"}
        client = self._client(ck.Consumer, settings)
        return KafkaConsumer(client, topic, None if group else partitions)

    def topics(self) -> list[str]:
        """Names of the topics there are, sorted."""
        return sorted(t for t in self._metadata(self._admin()).topics if not t.startswith("__"))

    def _client(self, kind: Any, settings: Mapping[str, str]) -> Any:
        try:
            return kind({**settings, **self._settings, "error_cb": self._hear})
        except (ck.KafkaException, ValueError, TypeError) as error:
            raise TransportError(
                f"{self.where}: expected settings of librdkafka, got {_text(error)}"
            ) from error

    def _hear(self, error: Any) -> None:
        """What librdkafka says aside: why a connection fails."""
        self._said = [*self._said[-9:], error.str()]

    def _admin(self) -> Any:
        return self._client(admin.AdminClient, {"log_level": "2"})

    def _metadata(self, client: Any, topic: str | None = None) -> Any:
        try:
            return (
                client.list_topics(topic, timeout=_WAIT_S) if topic else client.list_topics(timeout=_WAIT_S)
            )
        except ck.KafkaException as error:
            client.poll(0)
            why = next((s for s in self._said if "authentication" in s.lower() or "ssl" in s.lower()), "")
            raise TransportError(
                f"{self.where}: expected a Kafka broker that answers, got {why or _text(error)}; "
                "check address, security settings and that it runs"
            ) from error

    def _partitions(self, client: Any, topic: str) -> list[int]:
        found = self._metadata(client).topics.get(topic)
        if found is None:
            return []
        if found.error is not None:
            raise TransportError(f"{self.where}: topic {topic}: expected access, got {found.error.str()}")
        return sorted(found.partitions)

    def _make(self, client: Any, topic: str) -> None:
        config = {k: v for k, v in self._create.items() if k not in ("partitions", "replication")}
        new = admin.NewTopic(
            topic,
            num_partitions=int(self._create["partitions"]),
            replication_factor=int(self._create["replication"]),
            config=config,
        )
        try:
            client.create_topics([new], operation_timeout=_WAIT_S)[topic].result(_WAIT_S)
        except ck.KafkaException as error:
            if error.args[0].code() != ck.KafkaError.TOPIC_ALREADY_EXISTS:
                raise TransportError(
                    f"{self.where}: expected to make topic {topic}, got {_text(error)}"
                ) from error
        until = time.monotonic() + _WAIT_S
        while not self._partitions(client, topic):
            if time.monotonic() > until:
                raise TransportError(f"{self.where}: expected topic {topic} once it was made, got none")
            time.sleep(0.05)

    def _largest(self, client: Any, topic: str) -> int:
        """The largest message that the topic takes, in bytes."""
        resource = admin.ConfigResource(admin.ConfigResource.Type.TOPIC, topic)
        try:
            answer = client.describe_configs([resource], request_timeout=_WAIT_S)[resource].result(_WAIT_S)
        except ck.KafkaException:
            return 1_000_000  # not allowed to ask: what every Kafka takes unless told otherwise
        return int(answer["max.message.bytes"].value)

    def _settle(self, topic: str, partitions: list[int]) -> None:
        watcher = self._client(ck.Consumer, CONSUMER | {"group.id": f"brokerbench-{uuid.uuid4()}"})
        try:
            before, since = None, time.monotonic()
            here = [ck.TopicPartition(topic, p) for p in partitions]
            while time.monotonic() - since < _SETTLE_S:
                now = _patiently(lambda: [watcher.get_watermark_offsets(p, timeout=_WAIT_S) for p in here])
                if now != before:
                    if before is None and all(low == high for low, high in now):
                        return  # never written to
                    before, since = now, time.monotonic()
                time.sleep(0.05)
        except ck.KafkaException as error:
            raise TransportError(
                f"{self.where}: topic {topic}: expected its offsets, got {_text(error)}"
            ) from error
        finally:
            watcher.close()


class KafkaProducer:
    """Sends to one topic; what it says is delivered comes from the delivery reports."""

    limit = 1_000_000

    def __init__(self, client: Any, topic: str, headers: Mapping[str, str]) -> None:
        self._client, self._topic = client, topic
        self._headers = list(headers.items())
        self._delivered: list[tuple[int, int, int, int]] = []
        self._failed: list[str] = []
        self._open = 0

    def send(
        self,
        values: Packets,
        keys: NDArray[np.int64],
        sequence: NDArray[np.int64],
        planned: NDArray[np.float64] | None = None,
    ) -> None:
        """Queue n packets, waiting where the queue is full. TransportError where an earlier one failed."""
        if len(values) and int(values.sizes.max()) > self.limit:
            raise TransportError(
                f"topic {self._topic}: expected packets of at most {self.limit} bytes, got "
                f"{values.sizes.max()}; raise max.message.bytes of the topic"
            )
        due = [None] * len(values) if planned is None else planned.tolist()
        for value, key, number, when in zip(values, keys.tolist(), sequence.tolist(), due, strict=True):
            headers = [("sequence", str(number)), *self._headers]
            if when is not None:
                headers.append(("planned", f"{when:.6f}"))
            while True:
                try:
                    self._client.produce(
                        self._topic,
                        value,
                        key=str(key),
                        headers=headers,
                        on_delivery=partial(self._report, number),
                    )
                    break
                except BufferError:
                    self._client.poll(0.05)
                except ck.KafkaException as error:
                    raise TransportError(
                        f"topic {self._topic}: expected to send, got {_text(error)}"
                    ) from error
            self._open += 1
        self._client.poll(0)
        self._check()

    def _report(self, number: int, error: Any, message: Any) -> None:
        self._open -= 1
        if error is not None:
            self._failed.append(error.str())
            return
        kind, millis = message.timestamp()
        when = millis * 1000 if kind != ck.TIMESTAMP_NOT_AVAILABLE else NO_TIME
        self._delivered.append((number, message.partition(), message.offset(), when))

    def _check(self) -> None:
        if self._failed:
            raise TransportError(
                f"topic {self._topic}: expected every packet to be delivered, got {len(self._failed)} that "
                f"were not ({self._failed[0]}); start again to go on where it stopped"
            )

    def flush(self) -> None:
        """Return once every packet is delivered. TransportError after 60 s without progress."""
        left, since = self._open, time.monotonic()
        while self._open:
            self._client.flush(1.0)
            self._check()
            if self._open < left:
                left, since = self._open, time.monotonic()
            elif time.monotonic() - since > 60:
                raise TransportError(
                    f"topic {self._topic}: expected delivery reports, got none for 60 s with {left} packets "
                    "under way; start again to go on where it stopped"
                )
        self._check()

    def receipts(self) -> Receipts:
        """What was delivered since the last call."""
        taken, self._delivered = self._delivered, []
        table = np.array(taken, "i8").reshape(-1, 4)
        return Receipts(table[:, 0], table[:, 1].astype("i4"), table[:, 2], table[:, 3])

    def finish(self) -> None:
        """Flush; Kafka has no end of a topic."""
        self.flush()

    def close(self) -> None:
        """Drop what is still queued."""
        self._client.purge()
        self._client.poll(0)


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
                f"topic {self._topic}: expected to commit, got {_text(error)}; messages will be read again"
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
            raise TransportError(f"topic {self._topic}: expected its offsets, got {_text(error)}") from error

    def committed(self) -> int:
        """Messages of the topic that the whole group has behind it."""
        try:
            found = self._client.list_topics(self._topic, timeout=_WAIT_S).topics[self._topic].partitions
            here = self._client.committed([ck.TopicPartition(self._topic, p) for p in found], timeout=_WAIT_S)
            return sum(max(0, c.offset - self._ends(c.partition)[0]) for c in here if c.offset >= 0)
        except ck.KafkaException as error:
            raise TransportError(f"topic {self._topic}: expected its offsets, got {_text(error)}") from error

    def lag(self) -> dict[int, int]:
        """Messages that are there and not polled yet, by partition that this consumer reads."""
        try:
            return {p: max(0, self._ends(p)[1] - self._position(p)) for p in self._mine or ()}
        except ck.KafkaException as error:
            raise TransportError(f"topic {self._topic}: expected its offsets, got {_text(error)}") from error

    def _position(self, partition: int) -> int:
        if partition not in self._next:
            here = ck.TopicPartition(self._topic, partition)
            committed = -1
            if self._group:
                committed = _patiently(lambda: self._client.committed([here], timeout=_WAIT_S))[0].offset
            self._next[partition] = committed if committed >= 0 else self._ends(partition)[0]
        return self._next[partition]

    def _ends(self, partition: int) -> tuple[int, int]:
        here = ck.TopicPartition(self._topic, partition)
        low, high = _patiently(lambda: self._client.get_watermark_offsets(here, timeout=_WAIT_S))
        return low, high

    def close(self) -> None:
        """Leave the group."""
        self._client.close()


_PASSING = frozenset(
    (
        ck.KafkaError.NOT_LEADER_FOR_PARTITION,
        ck.KafkaError.LEADER_NOT_AVAILABLE,
        ck.KafkaError.UNKNOWN_TOPIC_OR_PART,
        ck.KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        ck.KafkaError.COORDINATOR_NOT_AVAILABLE,
        ck.KafkaError.NOT_COORDINATOR,
        ck.KafkaError._TRANSPORT,
        ck.KafkaError._TIMED_OUT,
    )
)
"""What a broker says that has just started, or has just made a topic."""


def _patiently(ask: Callable[[], Any]) -> Any:
    """What `ask` returns, asked again for up to _WAIT_S while the broker is not ready to say."""
    until = time.monotonic() + _WAIT_S
    while True:
        try:
            return ask()
        except ck.KafkaException as error:
            if error.args[0].code() not in _PASSING or time.monotonic() > until:
                raise
        time.sleep(0.1)


def _sequence(headers: list[tuple[str, bytes]] | None) -> int:
    for name, value in headers or ():
        if name == "sequence" and value is not None and value.isdigit() and len(value) < 19:
            return int(value)
    return -1


def _text(error: Exception) -> str:
    first = error.args[0] if error.args else error
    return first.str() if isinstance(first, ck.KafkaError) else str(error)
