"""What a stream is doing right now."""

from __future__ import annotations

import io
import urllib.error
import urllib.request

import pytest
from rich.console import Console

from brokerbench.errors import TransportError
from brokerbench.store import Folder
from streamer.meter import METRICS, Meter, Watch, live_table, metrics_endpoint
from streamer.replay import play
from streamer.serve import Batching, Route, serve
from streamer.transports.spool import Spool
from tests.streamer.runs import Prior


def test_play_and_serve_tell_a_meter(stream_run: Folder) -> None:
    meter, spool = Meter(), Spool(stream_run.path / "topics")
    sent = play(stream_run, spool, watch=Watch(meter=meter)).sent
    serve(Prior(), spool, Route("answers"), batching=Batching(size=20), watch=Watch(meter=meter))
    values = {name: v for (name, _), v in meter.values().items()}
    assert values["alerts_planned"] == values["alerts_sent_total"] == sent
    assert values["alerts_received_total"] == values["alerts_answered_total"] == sent
    assert values["alerts_failed_total"] == values["alerts_malformed_total"] == 0
    assert values["bytes_sent_total"] > 1000 * sent
    assert values["batch_seconds"] > 0
    assert set(values) <= set(METRICS)


def test_lag_is_what_is_there_and_not_read(stream_run: Folder) -> None:
    spool = Spool(stream_run.path / "topics", segment_bytes=20_000)
    assert spool.consumer("alerts").lag() == {0: 0}
    sent = play(stream_run, spool).sent
    consumer = spool.consumer("alerts", "g")
    assert consumer.lag() == {0: sent}
    consumer.poll(30, 0)
    assert consumer.lag() == {0: sent - 30}
    while len(consumer.poll(50, 0)):
        pass
    assert consumer.lag() == {0: 0}


def test_rate_and_time_left_come_from_the_last_seconds(monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr("streamer.meter.time.monotonic", lambda: now[0])
    meter = Meter()
    assert meter.rate() == 0
    assert meter.left_s() != meter.left_s()
    meter.put("alerts_planned", 1000)
    for sent in (0, 100, 300):
        meter.put("alerts_sent_total", sent)
        now[0] += 1
    assert meter.rate() == 150
    assert meter.left_s() == pytest.approx(700 / 150)
    now[0] += 60
    assert meter.rate() == 0  # a stall shows without another number
    meter.put("alerts_sent_total", 300)
    assert meter.rate() == 0


def test_the_endpoint_speaks_the_text_format_on_loopback_alone() -> None:
    meter = Meter()
    meter.put("alerts_sent_total", 12)
    meter.put("lag_messages", 3, broker='a "b"\\', partition="0")
    with metrics_endpoint(meter, 0) as address:
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=10) as reply:
            assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            text = reply.read().decode()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(address + "/x", timeout=10)
        port = int(address.split(":")[2].split("/")[0])
        with (
            pytest.raises(TransportError, match=f"expected port {port} to be free"),
            metrics_endpoint(meter, port),
        ):
            pass
    assert text == (
        "# HELP brokerbench_alerts_sent_total alerts that the transport confirmed\n"
        "# TYPE brokerbench_alerts_sent_total counter\n"
        "brokerbench_alerts_sent_total 12\n"
        "# HELP brokerbench_lag_messages messages of a partition that a broker has not read yet\n"
        "# TYPE brokerbench_lag_messages gauge\n"
        'brokerbench_lag_messages{broker="a \\"b\\"\\\\",partition="0"} 3\n'
    )
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address, timeout=2)


def test_the_live_table_shows_every_number() -> None:
    meter = Meter()
    meter.put("alerts_planned", 5000)
    meter.put("slip_seconds", 0.25)
    meter.put("lag_messages", 3, broker="prior", partition="1")
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(live_table(meter))
    text = console.export_text()
    for part in ("alerts a second", "5,000", "0.250", "lag messages prior 1", "3"):
        assert part in text


def test_a_number_that_nobody_declared_is_refused() -> None:
    with pytest.raises(TransportError, match="meter: expected one of"):
        Meter().put("alerts", 1)
