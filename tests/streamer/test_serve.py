"""The loop around a broker."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from fastavro.schema import load_schema

from brokerbench.errors import TransportError
from brokerbench.store import Folder
from streamer.answers import Sender, encode_answers
from streamer.clock import ManualClock
from streamer.meter import Watch
from streamer.packets import PacketFile, Packets
from streamer.received import decode_answers
from streamer.replay import play
from streamer.serve import Batching, Route, serve
from streamer.transports.spool import Spool
from tests.streamer.runs import Prior


@pytest.fixture
def spool(stream_run: Folder) -> Spool:
    """The spool of a run that was played."""
    spool = Spool(stream_run.path / "topics")
    play(stream_run, spool)
    return spool


def answers(spool: Spool, topic: str = "answers") -> list[bytes]:
    consumer, out = spool.consumer(topic), []
    while not consumer.drained():
        out += list(consumer.poll(1000, 0).values)
    return out


def alert_ids(raw: list[bytes]) -> np.ndarray:
    decoded, wrong, layout = decode_answers(Packets.of(raw))
    assert layout == "elasticc_v0_9_1"
    assert not wrong
    return decoded.alert_id


def test_every_alert_is_answered_with_the_real_schema(spool: Spool, shared_data: Path) -> None:
    real = load_schema(
        str(shared_data / "04_elasticc" / "schema" / "elasticc.v0_9_1.brokerClassification.avsc")
    )
    clock = ManualClock(1_700_000_000_123_456)
    report = serve(Prior(), spool, Route("answers"), batching=Batching(size=50), watch=Watch(clock=clock))
    alerts = spool.consumer("alerts").poll(10_000, 0)
    raw = answers(spool)
    assert report.received == report.answered == len(raw) == len(alerts) > 100
    assert report.batches == -(-len(raw) // 50)
    for message, published in zip(raw, alerts.timestamp, strict=True):
        r = fastavro.schemaless_reader(io.BytesIO(message), real, None)
        assert r["classifierName"] == r["brokerName"] == "prior"
        assert r["brokerVersion"] == "1"
        assert r["classifications"] == [
            {"classId": 2222, "probability": 0.5},
            {"classId": 2223, "probability": float(np.float32(0.3))},
            {"classId": 2332, "probability": float(np.float32(0.2))},
        ]
        assert round(r["elasticcPublishTimestamp"].timestamp() * 1e3) == published // 1000
        assert round(r["brokerIngestTimestamp"].timestamp() * 1e3) == 1_700_000_000_123


def test_messages_are_the_bytes_of_fastavro(shared_data: Path) -> None:
    real = load_schema(
        str(shared_data / "04_elasticc" / "schema" / "elasticc.v0_9_1.brokerClassification.avsc")
    )
    rng = np.random.default_rng(8)
    classes = (0, 63, 64, 2222, 2332, -1)
    sender = Sender("a broker", "1.0", "naïve", "", classes)
    n = 50
    ids = rng.integers(-(1 << 62), 1 << 62, n), rng.integers(0, 1 << 52, n)
    times = rng.integers(0, 1 << 46, (2, n)) * 1000
    p = rng.random((n, len(classes))).astype("f4")
    packets = encode_answers(sender, ids, (times[0], times[1]), p)
    for i in range(n):
        record = {
            "alertId": int(ids[0][i]),
            "diaSourceId": int(ids[1][i]),
            "elasticcPublishTimestamp": int(times[0][i]) // 1000,
            "brokerIngestTimestamp": int(times[1][i]) // 1000,
            "brokerName": "a broker",
            "brokerVersion": "1.0",
            "classifierName": "naïve",
            "classifierParams": "",
            "classifications": [
                {"classId": c, "probability": float(q)} for c, q in zip(classes, p[i], strict=True)
            ],
        }
        out = io.BytesIO()
        fastavro.schemaless_writer(out, real, record)
        assert packets[i] == out.getvalue()
    decoded, wrong, _ = decode_answers(packets)
    assert not wrong
    assert (decoded.alert_id == ids[0]).all()
    assert (decoded.claimed_publish == times[0]).all()
    assert (decoded.claimed_ingest == times[1]).all()
    assert (decoded.probability.reshape(n, -1) == p).all()
    assert decoded.senders == [("a broker", "1.0", "naïve", "")]


def test_a_stopped_broker_goes_on_and_answers_everything(spool: Spool) -> None:
    class Stops(Prior):
        left = 3

        def classify(self, batch: Any) -> Any:
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            return super().classify(batch)

    with pytest.raises(KeyboardInterrupt):
        serve(Stops(), spool, Route("answers"), batching=Batching(size=20, commit_s=0.0))
    report = serve(Prior(), spool, Route("answers"), batching=Batching(size=20))
    total = len(spool.consumer("alerts").poll(10_000, 0))
    raw = answers(spool)
    assert 0 < report.received < total
    assert len(np.unique(alert_ids(raw))) == total


def test_the_last_answers_before_a_silence_are_committed_in_it(stream_run: Folder) -> None:
    """Between two nights nothing arrives; a broker killed then must not answer the last alerts again."""
    spool = Spool(stream_run.path / "more")
    producer = spool.producer("alerts")
    packets = PacketFile(stream_run.path / "stream" / "packets" / "00-00000.packets").read(0, 30)
    numbers = np.arange(30, dtype="i8")
    producer.send(packets, numbers, numbers)
    producer.flush()

    class Ticks(ManualClock):
        """A tenth of a second goes by at every look; the broker is killed after ten seconds."""

        def now_us(self) -> int:
            self.advance(0.1)
            if super().now_us() > 10e6:
                raise KeyboardInterrupt
            return super().now_us()

    batching = Batching(size=100, wait_ms=0.0, commit_s=2.0, until_end=False)
    with pytest.raises(KeyboardInterrupt):
        serve(Prior(), spool, Route("answers"), batching=batching, watch=Watch(clock=Ticks()))
    assert spool.consumer("alerts", "prior").committed() == 30


def test_a_broker_that_raises_costs_the_alert_and_not_the_stream(spool: Spool) -> None:
    class Fragile(Prior):
        def classify(self, batch: Any) -> Any:
            if (batch.alert_id % 5 == 0).any():
                raise RuntimeError("cannot")
            return super().classify(batch)

    report = serve(Fragile(), spool, Route("answers"), batching=Batching(size=16))
    got = alert_ids(answers(spool))
    assert (got % 5 != 0).all()
    assert report.failed > 5
    assert report.received == report.answered + report.failed
    assert len(got) == report.answered
    assert "broker raised RuntimeError: cannot" in report.reasons[0][3]


@pytest.mark.parametrize("shape", [(1, 3), (0, 3), (7,), (7, 2)])
def test_probabilities_of_another_shape_are_a_failure_of_the_broker(spool: Spool, shape: tuple) -> None:
    class Odd(Prior):
        def classify(self, batch: Any) -> Any:
            return np.zeros(shape if len(batch) > 1 or shape == (1, 3) else (3, 1), "f4")

    report = serve(Odd(), spool, Route("answers"))
    if shape == (1, 3):  # right for one alert at a time
        assert report.answered == report.received
    else:
        assert report.failed == report.received
        assert "expected probabilities of shape (1, 3)" in report.reasons[0][3]


def test_malformed_alerts_are_counted_and_passed_over(spool: Spool) -> None:
    good = list(spool.consumer("alerts").poll(3, 0).values)
    producer = spool.producer("mixed")
    numbers = np.arange(5, dtype="i8")
    producer.send(Packets.of([good[0], b"nonsense", good[1], good[2][:50], good[2]]), numbers, numbers)
    producer.finish()
    producer.close()
    report = serve(Prior(), spool, Route("answers", "mixed"))
    assert (report.received, report.answered, report.malformed) == (5, 3, 2)
    assert [reason[:3] for reason in report.reasons] == [("mixed", 0, 1), ("mixed", 0, 3)]
    assert len(answers(spool)) == 3


def test_a_broker_waits_for_its_topic_and_not_for_ever(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="alerts: expected the topic within 0.1 s, got none"):
        serve(Prior(), Spool(tmp_path), Route("answers"), batching=Batching(patience_s=0.1))


def test_a_broker_may_be_told_how_many_alerts_to_expect(spool: Spool) -> None:
    total = len(spool.consumer("alerts").poll(10_000, 0))
    report = serve(Prior(), spool, Route("answers"), batching=Batching(expect=total, until_end=False))
    assert report.answered == total
    again = serve(Prior(), spool, Route("more"), batching=Batching(expect=total))
    assert again.received == 0  # the group has them behind it


def test_how_many_alerts_to_expect_may_become_known_later(spool: Spool) -> None:
    """A broker that was started before its stream was prepared must not end in the first gap of it."""
    total, asked = len(spool.consumer("alerts").poll(10_000, 0)), []

    def expect() -> int | None:
        asked.append(None)
        return total if len(asked) > 3 else None

    batching = Batching(size=50, wait_ms=0.0, idle_s=3600.0, expect=expect)
    seen: list[tuple[int, int]] = []
    watch = Watch(lambda *told: seen.append(told))
    report = serve(Prior(), spool, Route("answers"), batching=batching, watch=watch)
    assert report.answered == total
    assert len(asked) == 4
    assert {of for _, of in seen} == {-1}
