"""A broker in a process of its own: it may raise, hang or die."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.errors import TransportError
from brokerbench.store import Folder
from streamer import isolate
from streamer.isolate import IsolatedBroker, Quarantine
from streamer.received import decode_answers
from streamer.replay import play
from streamer.serve import Batching, Route, ServeReport, serve
from streamer.transports.spool import Spool
from tests.streamer import brokers
from tests.streamer.runs import Prior


@pytest.fixture
def spool(stream_run: Folder) -> Spool:
    """The spool of a run that was played."""
    spool = Spool(stream_run.path / "topics")
    play(stream_run, spool)
    return spool


def served(
    spool: Spool, factory: Any, *, timeout_s: float = 30.0, size: int = 16
) -> tuple[ServeReport, Any, int]:
    broker = IsolatedBroker(factory, timeout_s=timeout_s)
    try:
        report = serve(broker, spool, Route("answers"), batching=Batching(size=size))
        consumer = spool.consumer("answers")
        decoded, _, _ = decode_answers(consumer.poll(100_000, 0).values)
        return report, decoded, broker.restarts
    finally:
        broker.close()


def sevens(spool: Spool, size: int) -> tuple[int, int]:
    """Alerts in batches that hold an id that divides by 7, and such batches."""
    from streamer.schemas import SCHEMAS

    messages = spool.consumer("alerts").poll(100_000, 0)
    batch, _ = SCHEMAS["elasticc_v0_9_1"].decode(messages.values, messages.timestamp)
    hit = [(batch.alert_id[k : k + size] % 7 == 0) for k in range(0, len(batch), size)]
    return sum(len(h) for h in hit if h.any()), sum(bool(h.any()) for h in hit)


def test_answers_are_those_of_the_broker_itself(spool: Spool) -> None:
    report, decoded, restarts = served(spool, Prior, size=64)
    assert report.name == "prior"
    assert report.answered == report.received == len(decoded.alert_id) > 100
    assert restarts == 0
    assert (decoded.probability.reshape(-1, 3) == np.array([0.5, 0.3, 0.2], "f4")).all()
    assert decoded.senders == [("prior", "1", "prior", "")]


@pytest.mark.parametrize(("factory", "timeout_s"), [(brokers.Dies, 30.0), (brokers.Hangs, 1.0)])
def test_a_broker_that_dies_or_hangs_costs_the_batch_and_is_started_again(
    spool: Spool, factory: Any, timeout_s: float
) -> None:
    size = 150  # few batches: each new process imports everything
    lost, batches = sevens(spool, size)
    assert batches
    report, decoded, restarts = served(spool, factory, timeout_s=timeout_s, size=size)
    assert report.failed == lost
    assert report.answered == report.received - lost == len(decoded.alert_id)
    assert restarts == batches
    text = "no answer within 1 s" if factory is brokers.Hangs else "the process ended with code -9"
    assert f"broker was quarantined: {text}" in report.reasons[0][3]


def test_a_broker_that_raises_costs_its_alerts_alone(spool: Spool) -> None:
    report, decoded, restarts = served(spool, brokers.Raises)
    assert restarts == 0
    assert report.failed > 0
    assert (decoded.alert_id % 7 != 0).all()
    assert report.received == report.answered + report.failed
    assert "RuntimeError: seven" in report.reasons[0][3]


def test_an_array_of_another_shape_is_the_broker_s_failure(spool: Spool) -> None:
    report, _, _ = served(spool, brokers.Odd)
    assert report.failed == report.received
    assert "expected probabilities of shape (1, 3), got (1, 99)" in report.reasons[0][3]


def test_a_broker_that_cannot_start_is_an_error() -> None:
    with pytest.raises(TransportError, match="expected it to start, got RuntimeError: no model"):
        IsolatedBroker(brokers.cannot)
    with pytest.raises(TransportError, match="one that did not: the process ended with code 3"):
        IsolatedBroker(brokers.leaves)


class Pipe:
    """A pipe that holds what a dishonest process would send."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def poll(self, timeout: float) -> bool:
        return True

    def recv_bytes(self, most: int) -> bytes:
        return self.raw


@pytest.mark.parametrize(
    ("raw", "message"),
    [(b"\0", "an answer cut short"), (b"\0" + b"\1\0\0\0" * 2, "another size than it says")],
)
def test_a_dishonest_answer_is_quarantined(raw: bytes, message: str, tmp_path: Path) -> None:
    broker = object.__new__(IsolatedBroker)
    broker._mine = Pipe(raw)  # type: ignore[assignment]
    with pytest.raises(Quarantine, match=message):
        broker._receive(1.0)
    assert isolate._MOST > 1 << 20
