"""The loop around a broker: receive, decode, classify, stamp, send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import TransportError
from brokerbench.tables import AlertBatch
from streamer.answers import Sender, encode_answers
from streamer.clock import Clock
from streamer.isolate import Quarantine
from streamer.meter import Meter, Watch
from streamer.schemas import SCHEMAS, schema_of
from streamer.transports import MessageBatch, Transport

__all__ = ["Batching", "Broker", "Route", "ServeReport", "serve"]

_LOOK_US = 300_000  # between looks at what the whole group has done


class Broker(Protocol):
    """What a broker is."""

    @property
    def name(self) -> str:
        """Its name; topics and groups are called after it."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def classes(self) -> Sequence[int]:
        """Class ids of the columns of `classify`."""

    def classify(self, batch: AlertBatch) -> NDArray[np.float32]:
        """Probabilities f4[n, len(classes)] of the n alerts."""


@dataclass(frozen=True)
class Route:
    """Where a broker's alerts come from, in which schema and as which group, and where its answers go.

    schema: None for the one that most of the first alerts show by their first bytes. group: the broker's
    name for None.
    """

    topic_out: str
    topic_in: str = "alerts"
    schema: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class Batching:
    """How alerts are taken from a topic, and until when.

    size: alerts a batch. wait_ms: to wait for the first of them. patience_s: for the topic to appear.
    commit_s: between commits. expect: end once the group has received so many messages of the topic,
    whatever the topic's end looks like; or what tells the number, None as long as it is not known.
    until_end: end at the topic's end otherwise. idle_s: how long the topic must have been at its end;
    None for what the transport needs (Kafka has no end marker).
    """

    size: int = 256
    wait_ms: float = 20.0
    patience_s: float = 60.0
    commit_s: float = 0.5
    idle_s: float | None = None
    until_end: bool = True
    expect: int | Callable[[], int | None] | None = None

    def expected(self) -> int | None:
        """How many messages there will be, None where nobody can tell now."""
        return self.expect() if callable(self.expect) else self.expect


@dataclass(frozen=True)
class ServeReport:
    """What a broker received and what became of it: received = answered + failed + malformed.

    failed: alerts on which the broker raised or gave no row of probabilities. reasons: the first
    few, as (topic, partition, offset, what was wrong).
    """

    name: str
    received: int
    answered: int
    failed: int
    malformed: int
    batches: int
    seconds: float
    reasons: tuple[tuple[str, int, int, str], ...] = ()


@dataclass
class _Counts:
    received: int = 0
    answered: int = 0
    failed: int = 0
    malformed: int = 0
    batches: int = 0
    reasons: list[tuple[str, int, int, str]] = field(default_factory=list)

    def reject(self, messages: MessageBatch, row: int, reason: str) -> None:
        if len(self.reasons) < 100:
            at = (messages.topic, int(messages.partition[row]), int(messages.offset[row]))
            self.reasons.append((*at, reason))


def serve(
    broker: Broker,
    transport: Transport,
    route: Route,
    *,
    batching: Batching | None = None,
    watch: Watch | None = None,
) -> ServeReport:
    """Answer the alerts of a topic with a broker until the topic's end; goes on at the group's commit.

    A message that does not decode, and an alert on which the broker fails, are counted and never stop
    the loop. Offsets are committed once the answers are safe. TransportError where the topic does not
    appear in time.
    """
    watch = watch or Watch()
    clock, meter = watch.clock, watch.meter
    options = batching or Batching()
    service = _Service(broker, SCHEMAS[route.schema] if route.schema else None, Sender.of(broker), clock)
    began = clock.now_us()
    consumer = transport.consumer(route.topic_in, route.group or broker.name)
    producer = transport.producer(route.topic_out)
    expect = options.expected()
    counts = service.counts
    committed = last = looked = told = began
    unsafe = False  # whether there are answers behind which the group would not go on
    idle_s = transport.idle_s if options.idle_s is None else options.idle_s
    try:
        while True:
            messages = consumer.poll(options.size, options.wait_ms / 1e3)
            now = clock.now_us()
            if len(messages):
                last, unsafe = now, True
                service.answer(messages, producer)
                if meter:
                    service.tell(meter, (clock.now_us() - now) / 1e6)
                if watch.progress:
                    watch.progress(counts.received, -1 if expect is None else expect)
            elif not counts.received and now - began > options.patience_s * 1e6:
                _expect_topic(transport, route.topic_in, options.patience_s)
            if expect is None and not len(messages):
                expect = options.expected()
            quiet = not len(messages) and now - last >= idle_s * 1e6
            ended = options.until_end and expect is None and quiet and consumer.at_end()
            if expect is not None and not len(messages) and now - looked > _LOOK_US:
                producer.flush()
                consumer.commit()
                committed, looked, unsafe = now, now, False
                ended = consumer.committed() >= expect
            if meter and now - told > _LOOK_US:
                told = now
                for partition, count in consumer.lag().items():
                    meter.put("lag_messages", count, broker=broker.name, partition=str(partition))
            if ended or (unsafe and now - committed > options.commit_s * 1e6):
                producer.flush()
                consumer.commit()
                committed, unsafe = now, False
            if ended:
                break
        producer.finish()
    finally:
        consumer.close()
        producer.close()
    seconds = (clock.now_us() - began) / 1e6
    facts = (counts.received, counts.answered, counts.failed, counts.malformed, counts.batches)
    return ServeReport(broker.name, *facts, seconds, tuple(counts.reasons))


def _expect_topic(transport: Transport, topic: str, patience_s: float) -> None:
    if topic not in transport.topics():
        raise TransportError(
            f"{topic}: expected the topic within {patience_s:g} s, got none; play the run first"
        )


class _Service:
    """One broker at work on batches of messages."""

    def __init__(self, broker: Broker, schema: Any, sender: Sender, clock: Clock) -> None:
        self._broker, self._schema, self._sender, self._clock = broker, schema, sender, clock
        self.counts = _Counts()

    def answer(self, messages: MessageBatch, producer: Any) -> None:
        """Classify the alerts of a batch of messages and send the answers."""
        counts, ingest = self.counts, self._clock.now_us()
        if self._schema is None:
            ((kind, _),) = Counter(map(schema_of, messages.values)).most_common(1)
            self._schema = SCHEMAS[kind]
        batch, wrong = self._schema.decode(messages.values, messages.timestamp)
        for row, reason in wrong:
            counts.reject(messages, row, reason)
        counts.received += len(messages)
        counts.malformed += len(wrong)
        counts.batches += 1
        rows = np.delete(np.arange(len(messages)), [row for row, _ in wrong])
        for part, kept, probability in self._classified(batch, messages, rows):
            if not len(kept):
                continue
            ids = (part.alert_id[kept], part.source_id[kept])
            times = (part.published[kept], np.full(len(kept), ingest, "i8"))
            answers = encode_answers(self._sender, ids, times, probability)
            producer.send(answers, part.object_id[kept], ids[0])
            counts.answered += len(kept)

    def tell(self, meter: Meter, seconds: float) -> None:
        """Give a meter the state of the broker; seconds: how long the last batch took."""
        for name in ("received", "answered", "failed", "malformed"):
            meter.put(f"alerts_{name}_total", getattr(self.counts, name), broker=self._broker.name)
        meter.put("batch_seconds", seconds, broker=self._broker.name)

    def _classified(
        self, batch: AlertBatch, messages: MessageBatch, rows: NDArray[np.int64]
    ) -> list[tuple[AlertBatch, NDArray[np.int64], NDArray[np.float32]]]:
        """(batch, rows answered, probabilities); alert by alert where the batch as a whole fails."""
        if not len(batch):
            return []
        try:
            return [(batch, np.arange(len(batch)), self._probabilities(batch))]
        except Quarantine as error:
            self.counts.failed += len(batch)
            for row in rows.tolist():
                self.counts.reject(messages, row, f"broker was quarantined: {error}")
            return []
        except Exception as error:  # a participant's code may raise anything
            if len(batch) == 1:
                self.counts.failed += 1
                self.counts.reject(messages, int(rows[0]), f"broker raised {type(error).__name__}: {error}")
                return []
        out = []
        for i in range(len(batch)):
            out += self._classified(batch_rows(batch, i, i + 1), messages, rows[i : i + 1])
        return out

    def _probabilities(self, batch: AlertBatch) -> NDArray[np.float32]:
        probability = np.asarray(self._broker.classify(batch), "f4")
        want = (len(batch), len(self._sender.classes))
        if probability.shape != want:
            raise ValueError(f"expected probabilities of shape {want}, got {probability.shape}")
        return probability


def batch_rows(batch: AlertBatch, start: int, stop: int) -> AlertBatch:
    """Alerts start..stop of a batch."""
    low, high = batch.offsets[start], batch.offsets[stop]
    items = {"mjd", "band", "flux", "flux_err", "forced"}
    arrays = {
        name: value[low:high] if name in items else value[start:stop]
        for name, value in batch.as_dict().items()
        if name != "offsets"
    }
    rows = np.arange(start, stop)
    return AlertBatch(
        offsets=batch.offsets[start : stop + 1] - low,
        host=batch.host.take(rows),
        host2=batch.host2.take(rows),
        **arrays,
    )
