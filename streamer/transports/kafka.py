"""Kafka: its topics. Only the modules kafka*.py import confluent_kafka.

Settings are librdkafka's, passed through as they are. Those that begin with "create." say how a
topic is made: create.partitions, create.replication, and create.X for any topic setting X.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

import confluent_kafka as ck
from confluent_kafka import admin

from brokerbench.errors import TransportError
from streamer.transports.kafka_consumer import KafkaConsumer
from streamer.transports.kafka_errors import WAIT_S as _WAIT_S
from streamer.transports.kafka_errors import patiently, text_of
from streamer.transports.kafka_producer import KafkaProducer

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
        client = self._client(ck.Producer, PRODUCER | {"message.max.bytes": str(max(1000, limit))})
        producer = KafkaProducer(client, topic, headers or {})
        producer.limit = max(0, limit - _OVERHEAD)
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
                f"{self.where}: expected settings of librdkafka, got {text_of(error)}"
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
            denied = [s for s in self._said if "authentication" in s.lower() or "ssl" in s.lower()]
            why = next(iter(denied or self._said[-1:]), "")
            raise TransportError(
                f"{self.where}: expected a Kafka broker that answers, got {why or text_of(error)}; "
                "check address, security settings and that it runs"
            ) from error

    def _partitions(self, client: Any, topic: str) -> list[int]:
        found = self._metadata(client).topics.get(topic)
        if found is None:  # not there, or not for us: only a consumer may ask without making it
            reader = self._client(ck.Consumer, CONSUMER | {"group.id": "brokerbench"})
            found = self._metadata(reader, topic).topics[topic]
            reader.close()
            if found.error is not None and found.error.code() != ck.KafkaError.TOPIC_AUTHORIZATION_FAILED:
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
                    f"{self.where}: expected to make topic {topic}, got {text_of(error)}"
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
                now = patiently(lambda: [watcher.get_watermark_offsets(p, timeout=_WAIT_S) for p in here])
                if now != before:
                    if before is None and all(low == high for low, high in now):
                        return  # never written to
                    before, since = now, time.monotonic()
                time.sleep(0.05)
        except ck.KafkaException as error:
            raise TransportError(
                f"{self.where}: topic {topic}: expected its offsets, got {text_of(error)}"
            ) from error
        finally:
            watcher.close()
