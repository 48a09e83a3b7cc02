"""kill -9 at any moment: nothing is lost, nothing is sent twice."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokerbench.store import Folder
from brokerbench.tables import Ledger
from streamer import local_kafka, merge, replay
from streamer.alerts import prepare
from streamer.collect import collect
from streamer.local_kafka import LocalKafka
from streamer.meter import Watch
from streamer.packets import PacketFile
from streamer.replay import play
from streamer.serve import Batching, Route, serve
from streamer.transports import kafka as kafka_module
from streamer.transports.kafka import Kafka
from streamer.transports.spool import Spool
from tests.conftest import ROOT
from tests.streamer.runs import Prior, make_run

KILLS = 50


@pytest.fixture
def small_steps(monkeypatch) -> None:
    """Packets a few at a time, so that there are many moments to be killed in."""
    monkeypatch.setattr(replay, "SEND", 5)
    monkeypatch.setattr(merge, "BUFFERED", 48)


def prepared(path: Path) -> Folder:
    run = make_run(path, {"00-00000": 60, "00-00001": 40, "01-00000": 50}, visits=150)
    prepare(run)
    return run


def life(work: Callable[[Callable[[int, int], None]], Any], steps: int, spin: int) -> bool:
    """Whether a child that does the work ended by itself; it is killed some time after `steps` steps."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(read)
            work(lambda done, total: os.write(write, b"."))
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    seen = 0
    while seen < steps:
        got = os.read(read, 1)
        if not got:
            break
        seen += 1
    until = time.perf_counter_ns() + spin
    while time.perf_counter_ns() < until:
        pass
    os.kill(child, signal.SIGKILL)
    os.close(read)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        return True
    return False


def killed_often(work: Callable[[Callable[[int, int], None]], Any], *, most: int, seed: int) -> int:
    """How often the work was killed before it was done."""
    chance = random.Random(seed)
    kills = 0
    while True:
        steps = chance.randint(1, most) if kills < KILLS else 10**9
        if life(work, steps, chance.randrange(3_000_000)):
            return kills
        kills += 1


def packets_of(run: Folder, part: str) -> tuple[list[tuple[float, int]], list[bytes]]:
    """(publish, alert_id) and packet of every alert of a part, in the order of its ledger."""
    file = PacketFile(run.path / "stream" / "packets" / f"{part}.packets")
    index = file.index(0, len(file))
    keys = zip(index["publish"].tolist(), index["alert_id"].tolist(), strict=True)
    return list(keys), list(file.read(0, len(file)))


def in_topic(transport: Any, topic: str) -> list[tuple[int, tuple[int, int], bytes]]:
    """(number, (partition, offset), packet) of every message."""
    consumer, out = transport.consumer(topic), []
    while not consumer.drained():
        batch = consumer.poll(1000, 0.1)
        places = zip(batch.partition.tolist(), batch.offset.tolist(), strict=True)
        out += list(zip(batch.sequence.tolist(), places, batch.values, strict=True))
    consumer.close()
    return out


def check(run: Folder, transport: Any, topic: str) -> None:
    """Every alert is in the topic once, numbered by its place in the stream, and where the ledger says."""
    ledger = Folder.open(run.path / "ledger", kind="ledger")
    alerts = {part: packets_of(run, part) for part in ledger.parts}
    in_order = sorted(pair for keys, packets in alerts.values() for pair in zip(keys, packets, strict=True))
    found = in_topic(transport, topic)
    assert len(found) == len(in_order)
    assert {number: packet for number, _, packet in found} == dict(enumerate(p for _, p in in_order))
    at = {place: packet for _, place, packet in found}
    assert len(at) == len(found)
    for part, (_, packets) in alerts.items():
        table = ledger.read("ledger", part, Ledger)
        places = zip(table.partition.tolist(), table.offset.tolist(), strict=True)
        assert [at[place] for place in places] == packets
        assert (table.sent > 0).all()


def test_a_player_killed_fifty_times_sends_everything_once_to_the_spool(
    tmp_path: Path, small_steps: None
) -> None:
    run = prepared(tmp_path / "run")
    spool = Spool(run.path / "topics", segment_bytes=100_000)
    kills = killed_often(lambda progress: play(run, spool, watch=Watch(progress)), most=3, seed=3)
    assert kills >= KILLS
    check(run, spool, "alerts")


@pytest.mark.kafka
def test_a_player_killed_fifty_times_sends_everything_once_to_kafka(
    tmp_path: Path, small_steps: None, kafka: LocalKafka, monkeypatch
) -> None:
    monkeypatch.setattr(kafka_module, "_SETTLE_S", 0.2)  # everything is on one machine
    run, topic = prepared(tmp_path / "run"), f"t-{uuid.uuid4()}"
    transport = Kafka({"bootstrap.servers": kafka.bootstrap, "linger.ms": "1", "batch.size": "20000"})
    kills = killed_often(
        lambda progress: play(run, transport, topic=topic, watch=Watch(progress)), most=4, seed=4
    )
    assert kills >= KILLS
    check(run, transport, topic)


@pytest.mark.kafka
def test_a_kafka_killed_in_mid_stream_and_started_again_has_everything_once(
    tmp_path: Path, small_steps: None, kafka: LocalKafka
) -> None:
    cache = ROOT / ".cache" / "kafka"
    run = prepared(tmp_path / "run")
    own = local_kafka.up(tmp_path / "kafka", cache=cache)
    transport = Kafka({"bootstrap.servers": own.bootstrap})
    halfway, go_on = threading.Event(), threading.Event()

    def progress(done: int, total: int) -> None:
        if done > total // 3 and not halfway.is_set():
            halfway.set()
            go_on.wait(60)

    failures: list[BaseException] = []

    def send() -> None:
        try:
            play(run, transport, topic="t", watch=Watch(progress))
        except BaseException as error:
            failures.append(error)
            raise

    player = threading.Thread(target=send)
    player.start()
    try:
        assert halfway.wait(60)
        local_kafka.down(tmp_path / "kafka", kill=True)
        go_on.set()
        local_kafka.up(tmp_path / "kafka", cache=cache)
        player.join(240)
        assert not player.is_alive()
        assert failures == []
        check(run, transport, "t")
    finally:
        go_on.set()
        local_kafka.down(tmp_path / "kafka")


def test_a_broker_killed_often_answers_everything_and_the_books_balance(tmp_path: Path) -> None:
    run = prepared(tmp_path / "run")
    spool = Spool(run.path / "topics", segment_bytes=50_000)
    sent = play(run, spool).sent
    options = Batching(size=20, commit_s=0.0)
    kills = killed_often(
        lambda progress: serve(Prior(), spool, Route("answers"), batching=options, watch=Watch(progress)),
        most=3,
        seed=5,
    )
    assert kills >= KILLS
    (summary,) = collect(run, spool, ["answers"])
    assert summary.counts["accepted"] == sent
    assert summary.counts["orphan"] == summary.counts["invalid"] == 0
    faults = Folder.open(run.path / "answers" / "prior").manifest["faults"]
    assert faults["conflicting_duplicates"] == 0


def test_a_prepare_killed_often_writes_the_same_bytes(tmp_path: Path) -> None:
    parts = {f"00-{i:05d}": 4 for i in range(70)}
    whole = make_run(tmp_path / "a", parts, visits=60)
    prepare(whole)
    run = make_run(tmp_path / "b", parts, visits=60)
    kills = killed_often(lambda progress: prepare(run, progress=progress), most=2, seed=6)
    assert kills >= 20  # a part is written once: there are no more than 70 lives
    assert Folder.open(run.path / "stream").manifest == Folder.open(whole.path / "stream").manifest
    Folder.open(run.path / "stream").verify()
    parts = Folder.open(whole.path / "stream").parts
    assert [packets_of(run, p) for p in parts] == [packets_of(whole, p) for p in parts]
