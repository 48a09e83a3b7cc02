"""Kafka, against a real broker."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

import confluent_kafka as ck
import numpy as np
import pytest

from brokerbench.errors import AccountingError, InputError, TransportError
from brokerbench.store import Folder
from brokerbench.tables import Classifications, Ledger
from streamer import local_kafka, replay
from streamer.alerts import prepare
from streamer.collect import collect
from streamer.local_kafka import LocalKafka
from streamer.meter import Watch
from streamer.packets import PacketFile, Packets
from streamer.replay import play
from streamer.serve import Batching, Route, serve
from streamer.transports import open_transport
from streamer.transports.kafka import Kafka
from tests.conftest import ROOT
from tests.streamer.runs import Prior, make_run

pytestmark = pytest.mark.kafka


@pytest.fixture
def transport(kafka: LocalKafka) -> Kafka:
    """A transport to the real broker."""
    return Kafka({"bootstrap.servers": kafka.bootstrap})


@pytest.fixture
def topic() -> str:
    """A topic of one's own."""
    return f"t-{uuid.uuid4()}"


def packets(n: int, size: int = 100) -> tuple[Packets, np.ndarray, np.ndarray]:
    numbers = np.arange(n, dtype="i8")
    return Packets.of([f"{i}:".encode().ljust(size, b"x") for i in range(n)]), numbers % 7, numbers


def read(transport: Kafka, topic: str, group: str | None = None) -> list[tuple[int, int, int, bytes]]:
    """(sequence, partition, offset, value) of everything in the topic."""
    consumer = transport.consumer(topic, group)
    out = []
    while not consumer.drained():
        b = consumer.poll(500, 0.1)
        out += list(zip(b.sequence.tolist(), b.partition.tolist(), b.offset.tolist(), b.values, strict=True))
    consumer.close()
    return out


def test_what_was_sent_comes_back_and_an_object_stays_in_one_partition_in_order(
    transport: Kafka, topic: str
) -> None:
    producer = transport.producer(topic)
    values, keys, numbers = packets(3000)
    producer.send(values, keys, numbers)
    producer.flush()
    receipts = producer.receipts()
    producer.close()
    got = read(transport, topic)
    assert sorted(s for s, *_ in got) == numbers.tolist()
    assert all(value == values[s] for s, _, _, value in got)
    for key in range(7):
        mine = [(s, p, o) for s, p, o, _ in got if s % 7 == key]
        assert len({p for _, p, _ in mine}) == 1
        assert [s for s, _, _ in mine] == sorted(s for s, _, _ in mine)
    where = {s: (p, o) for s, p, o, _ in got}
    told = zip(receipts.sequence.tolist(), receipts.partition.tolist(), receipts.offset.tolist(), strict=True)
    assert {s: (p, o) for s, p, o in told} == where
    assert len(receipts) == 3000


def test_a_play_whose_topic_somebody_else_writes_to_does_not_pass(
    transport: Kafka, topic: str, tmp_path: Path
) -> None:
    """Such as what a player that was killed still had in its sockets, had it come after the read-back."""
    run = make_run(tmp_path / "run", {"00-00000": 30}, visits=60)
    prepare(run)
    other = ck.Producer({"bootstrap.servers": transport._settings["bootstrap.servers"]})

    def progress(done: int, total: int) -> None:
        other.produce(topic, b"again", key=b"1", headers=[("sequence", b"0")])
        other.flush()

    with pytest.raises(AccountingError, match=r"expected \d+ messages in topic t-.*; something else was"):
        play(run, transport, topic=topic, watch=Watch(progress))
    assert not (run.path / "ledger").exists()


def test_topics_are_stamped_by_the_broker(transport: Kafka, topic: str) -> None:
    producer = transport.producer(topic)
    producer.send(*packets(5))
    producer.flush()
    receipts = producer.receipts()
    producer.close()
    consumer = transport.consumer(topic)
    batch = consumer.poll(10, 5)
    while len(batch) < 5:
        more = consumer.poll(10, 5)
        batch = type(batch)(
            topic,
            Packets.concat([batch.values, more.values]),
            *(
                np.concatenate([getattr(batch, n), getattr(more, n)])
                for n in ("partition", "offset", "timestamp", "sequence")
            ),
        )
    assert sorted(batch.timestamp.tolist()) == sorted(receipts.timestamp.tolist())
    assert (batch.timestamp > 1.7e15).all()
    consumer.close()


def test_a_run_is_played_served_and_collected_over_kafka(
    transport: Kafka, topic: str, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run")
    prepare(run)
    sent = play(run, transport, topic=topic).sent
    report = serve(Prior(), transport, Route(f"{topic}-out", topic), batching=Batching(idle_s=0.0))
    assert report.answered == sent > 100
    (summary,) = collect(run, transport, [f"{topic}-out"])
    assert summary.counts["accepted"] == sent
    ledger = Folder.open(run.path / "ledger")
    assert sum(len(ledger.read("ledger", p, Ledger)) for p in ledger.parts) == sent
    answers = Folder.open(run.path / "answers" / "prior")
    for part in answers.parts:
        table = answers.read("classifications", part, Classifications)
        assert (table.published >= table.sent).all()


def test_a_group_goes_on_behind_its_commit(transport: Kafka, topic: str) -> None:
    producer = transport.producer(topic)
    producer.send(*packets(100))
    producer.flush()
    producer.close()
    consumer = transport.consumer(topic, "group")
    seen = []
    while len(seen) < 40:
        seen += consumer.poll(20, 0.5).sequence.tolist()
    consumer.commit()
    assert sum(consumer.lag().values()) == 100 - len(seen)
    assert consumer.committed() == len(seen)
    consumer.close()
    rest = [s for s, *_ in read(transport, topic, "group")]
    assert sorted(seen + rest) == list(range(100))
    with pytest.raises(TransportError, match="expected a group to commit for"):
        transport.consumer(topic).commit()


def test_a_stopped_play_goes_on_in_the_topic(
    transport: Kafka, topic: str, tmp_path: Path, monkeypatch
) -> None:
    run = make_run(tmp_path / "run")
    prepare(run)
    monkeypatch.setattr(replay, "SEND", 10)

    class Stop(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise Stop

    from streamer import merge

    monkeypatch.setattr(merge, "BUFFERED", 40)
    for _ in range(2):
        with pytest.raises(Stop):
            play(run, transport, topic=topic, watch=Watch(stop))
    report = play(run, transport, topic=topic)
    numbers = [s for s, *_ in read(transport, topic)]
    assert sorted(numbers) == list(range(report.sent + report.resumed))


def test_a_packet_larger_than_the_topic_takes_is_refused_before_it_is_sent(
    kafka: LocalKafka, topic: str
) -> None:
    transport = Kafka({"bootstrap.servers": kafka.bootstrap, "create.max.message.bytes": "20000"})
    producer = transport.producer(topic)
    with pytest.raises(TransportError, match="expected packets of at most 18976 bytes, got 20000"):
        producer.send(*packets(1, size=20000))
    producer.send(*packets(1, size=18976))
    producer.flush()
    producer.close()


def test_a_stream_with_one_packet_too_large_is_refused_before_the_first_is_sent(
    kafka: LocalKafka, topic: str, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", {"00-00000": 30}, visits=60)
    prepare(run)
    largest = PacketFile(run.path / "stream" / "packets" / "00-00000.packets").largest()
    settings = {"bootstrap.servers": kafka.bootstrap, "create.max.message.bytes": str(largest + 1023)}
    message = f"at most {largest - 1} bytes, as topic {topic} takes, got one of {largest}; raise"
    with pytest.raises(TransportError, match=message):
        play(run, Kafka(settings), topic=topic)
    assert read(Kafka(settings), topic) == []
    play(run, Kafka(settings | {"create.max.message.bytes": str(largest + 1024)}), topic=f"{topic}-2")


def test_a_topic_for_the_smallest_messages_alone_is_named(kafka: LocalKafka, topic: str) -> None:
    transport = Kafka({"bootstrap.servers": kafka.bootstrap, "create.max.message.bytes": "300"})
    producer = transport.producer(topic)
    with pytest.raises(TransportError, match="expected packets of at most 0 bytes, got 100; raise"):
        producer.send(*packets(1))
    producer.close()


def test_a_full_queue_holds_the_sender_back(kafka: LocalKafka, topic: str) -> None:
    transport = Kafka({"bootstrap.servers": kafka.bootstrap, "queue.buffering.max.messages": "50"})
    producer = transport.producer(topic)
    producer.send(*packets(2000))
    producer.flush()
    assert len(producer.receipts()) == 2000
    producer.close()


def test_settings_are_checked_and_the_address_is_named_where_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="expected a setting bootstrap.servers"):
        open_transport("kafka", run=tmp_path)
    with pytest.raises(TransportError, match="expected create.partitions of 1 or more, got '0'"):
        Kafka({"bootstrap.servers": "x", "create.partitions": "0"})
    with pytest.raises(TransportError, match="expected settings of librdkafka, got No such configuration"):
        Kafka({"bootstrap.servers": "127.0.0.1:1", "no.such": "1"}).topics()


def test_an_unreachable_broker_is_named(monkeypatch) -> None:
    monkeypatch.setattr("streamer.transports.kafka._WAIT_S", 1.0)
    with pytest.raises(TransportError, match="kafka 127.0.0.1:9: expected a Kafka broker that answers"):
        Kafka({"bootstrap.servers": "127.0.0.1:9"}).producer("t")


def test_a_broker_goes_down_and_comes_up_with_its_data(tmp_path: Path, kafka: LocalKafka) -> None:
    cache = ROOT / ".cache" / "kafka"
    first = local_kafka.up(tmp_path / "k", cache=cache)
    assert local_kafka.up(tmp_path / "k", cache=cache) == first
    transport = Kafka({"bootstrap.servers": first.bootstrap})
    producer = transport.producer("t")
    producer.send(*packets(10))
    producer.flush()
    producer.close()
    assert local_kafka.down(tmp_path / "k", kill=True)
    assert local_kafka.status(tmp_path / "k") is None
    assert not local_kafka.down(tmp_path / "k")
    second = local_kafka.up(tmp_path / "k", cache=cache)
    try:
        assert second.bootstrap == first.bootstrap
        assert second.pid != first.pid
        assert len(read(transport, "t")) == 10
    finally:
        local_kafka.down(tmp_path / "k")


def test_missing_jars_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected the jars of Apache Kafka, got none"):
        local_kafka.jars(tmp_path)


def test_members_of_a_group_share_the_partitions_and_answer_every_alert_once(
    kafka: LocalKafka, topic: str, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", {"00-00000": 60}, visits=150)
    prepare(run)
    transport = Kafka({"bootstrap.servers": kafka.bootstrap})
    sent = play(run, transport, topic=topic).sent
    reports = []

    def member() -> None:
        batching = Batching(size=20, commit_s=0.0, expect=sent)
        reports.append(serve(Prior(), transport, Route(f"{topic}-out", topic), batching=batching))

    members = [threading.Thread(target=member) for _ in range(2)]
    for m in members:
        m.start()
    for m in members:
        m.join(120)
    assert len(reports) == 2
    (summary,) = collect(run, transport, [f"{topic}-out"])
    assert summary.counts["accepted"] == sent
    assert sum(r.answered for r in reports) >= sent  # what a rebalance gives out twice is a duplicate
    assert summary.counts["duplicate"] == sum(r.answered for r in reports) - sent


def test_a_broker_that_is_not_ready_is_asked_again_and_not_for_ever(monkeypatch) -> None:
    from streamer.transports import kafka_errors

    monkeypatch.setattr(kafka_errors, "WAIT_S", 0.5)
    left = [ck.KafkaError.NOT_LEADER_FOR_PARTITION, ck.KafkaError.COORDINATOR_LOAD_IN_PROGRESS]

    def ask() -> int:
        if left:
            raise ck.KafkaException(ck.KafkaError(left.pop()))
        return 7

    assert kafka_errors.patiently(ask) == 7

    def never() -> int:
        raise ck.KafkaException(ck.KafkaError(ck.KafkaError.LEADER_NOT_AVAILABLE))

    with pytest.raises(ck.KafkaException):
        kafka_errors.patiently(never)
    calls: list[int] = []

    def forbidden() -> int:
        calls.append(1)
        raise ck.KafkaException(ck.KafkaError(ck.KafkaError.TOPIC_AUTHORIZATION_FAILED))

    with pytest.raises(ck.KafkaException):
        kafka_errors.patiently(forbidden)
    assert calls == [1]
