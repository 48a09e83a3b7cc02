"""A real Kafka broker, fed by a real play: wall seconds, for sending is waiting."""

from __future__ import annotations

import resource
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.store import Folder
from streamer.alerts import prepare
from streamer.local_kafka import LocalKafka
from streamer.packets import Packets
from streamer.replay import play
from streamer.transports.kafka import Kafka
from tests.streamer.runs import make_run


@pytest.fixture(scope="module")
def rubin(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Ten thousand of Rubin's alerts without cutouts, prepared."""
    run = make_run(tmp_path_factory.mktemp("rubin") / "run", {"00-00000": 500, "01-00000": 450}, visits=220)
    prepare(run, schema="lsst_v11_0")
    return run


def alerts_in(run: Folder) -> int:
    return sum(p["alerts"] for p in Folder.open(run.path / "stream").manifest["parts"].values())


def test_a_visit_of_ten_thousand_rubin_alerts(
    benchmark: Any, rubin: Folder, kafka: LocalKafka, tmp_path: Path
) -> None:
    transport = Kafka({"bootstrap.servers": kafka.bootstrap})

    def send() -> float:
        shutil.rmtree(rubin.path / "ledger", ignore_errors=True)
        began = time.perf_counter()
        play(rubin, transport, topic=f"v-{uuid.uuid4()}")
        return time.perf_counter() - began

    seconds = benchmark.pedantic(send, rounds=3)
    n = alerts_in(rubin)
    benchmark.extra_info["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    benchmark.extra_info.update(
        rate=round(n / seconds), unit="alerts/s", seconds_for_10k=round(1e4 * seconds / n, 2)
    )


def test_256_packets_of_80_kb_a_second(benchmark: Any, kafka: LocalKafka) -> None:
    """256/s for 6 s; slip is how late `send` was called, the last one how late all was confirmed."""
    transport = Kafka({"bootstrap.servers": kafka.bootstrap})
    raw = np.random.default_rng(1).integers(0, 256, 80_000).astype("u1")
    one = Packets(raw, np.array([0, 80_000]))

    def paced() -> tuple[float, float]:
        producer = transport.producer(f"p-{uuid.uuid4()}")
        producer.send(one, np.zeros(1, "i8"), np.array([10**6]))
        producer.flush()
        begin, slips = time.perf_counter(), []
        for i in range(256 * 6):
            due = begin + i / 256
            while (now := time.perf_counter()) < due:
                time.sleep(min(0.001, due - now))
            slips.append(now - due)
            producer.send(one, np.array([i]), np.array([i]))
        producer.flush()
        late = time.perf_counter() - (begin + 6)
        producer.close()
        return float(np.percentile(slips, 99)), late

    p99, late = benchmark.pedantic(paced, rounds=1)
    benchmark.extra_info["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    benchmark.extra_info.update(
        rate=256, unit="packets/s", slip_p99_ms=round(p99 * 1e3, 1), last_late_ms=round(late * 1e3, 1)
    )


def test_one_message_at_a_time(benchmark: Any, kafka: LocalKafka) -> None:
    """From the call of `send` until `poll` returns the message, in ms; librdkafka's batch call beside it."""
    import confluent_kafka as ck

    transport, topic = Kafka({"bootstrap.servers": kafka.bootstrap}), f"l-{uuid.uuid4()}"
    producer = transport.producer(topic)
    values = Packets.of([b"x" * 1000])
    ours = transport.consumer(topic)
    peer = ck.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": topic, "fetch.wait.max.ms": "50"})
    peer.assign([ck.TopicPartition(topic, p, ck.OFFSET_BEGINNING) for p in range(4)])

    def waits(receive: Any, times: int) -> list[float]:
        out = []
        for i in range(times):
            began, got = time.perf_counter(), 0
            producer.send(values, np.array([i]), np.array([i]))
            while not got:
                got = receive()
            out.append(time.perf_counter() - began)
        return out

    def both() -> tuple[float, float]:
        times = waits(lambda: len(ours.poll(256, 0.1)), 60)
        while peer.consume(100, 0.2):
            pass
        others = waits(lambda: len(peer.consume(256, 0.1)), 30)
        return float(np.median(times[10:])), float(np.median(others[10:]))

    p50, batch = benchmark.pedantic(both, rounds=1)
    benchmark.extra_info.update(
        rate=round(p50 * 1e3, 1), unit="ms", ratio=round(batch / p50, 1), against="consume(256, 0.1)"
    )
    ours.close()
    peer.close()
    producer.close()
