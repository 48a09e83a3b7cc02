"""Playing a run: order, pace, ledger, and going on after a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.errors import AccountingError, InputError, TransportError
from brokerbench.store import Folder, read_table
from brokerbench.tables import Alerts, DiaObjects, Ledger, LightCurves, Visits
from streamer import merge, replay
from streamer.alerts import prepare
from streamer.clock import ManualClock, WallClock
from streamer.meter import Watch
from streamer.packets import PacketFile, Packets
from streamer.replay import Pace, play
from streamer.transports import MessageBatch
from streamer.transports.spool import Spool
from tests.streamer.runs import make_run


def spool_of(run: Folder, **settings: Any) -> Spool:
    return Spool(run.path / "topics", **settings)


def topic(run: Folder, name: str = "alerts") -> list[MessageBatch]:
    consumer = spool_of(run).consumer(name)
    out = []
    while not consumer.drained():
        out.append(consumer.poll(500, 0))
    return out


def everything(run: Folder) -> list[tuple[float, int, bytes]]:
    """(publish, alert_id, packet) of all parts, sorted."""
    rows = []
    stream = Folder.open(run.path / "stream")
    for part in stream.parts:
        file = PacketFile(stream.path / "packets" / f"{part}.packets")
        index = file.index(0, len(file))
        rows += list(
            zip(index["publish"].tolist(), index["alert_id"].tolist(), file.read(0, len(file)), strict=True)
        )
    return sorted(rows)


@pytest.mark.parametrize("buffered", [1, 100, 8192])
def test_parts_are_merged_by_time_and_id_for_any_buffer(
    stream_run: Folder, monkeypatch, buffered: int
) -> None:
    monkeypatch.setattr(merge, "BUFFERED", buffered)
    report = play(stream_run, spool_of(stream_run))
    expected = [packet for _, _, packet in everything(stream_run)]
    got = [v for b in topic(stream_run) for v in b.values]
    assert got == expected
    assert report.sent == len(expected) > 100
    assert report.bytes == sum(map(len, expected))
    assert np.isnan(report.slip_max)


def test_messages_are_numbered_by_their_place_in_the_stream_not_by_part(stream_run: Folder) -> None:
    play(stream_run, spool_of(stream_run))
    numbers = np.concatenate([b.sequence for b in topic(stream_run)])
    np.testing.assert_array_equal(numbers, np.arange(len(numbers)))
    parts = Folder.open(stream_run.path / "ledger").parts
    tables = [read_table(stream_run.path / "ledger" / "ledger" / f"{part}.parquet", Ledger) for part in parts]
    assert len(parts) > 1
    spans = [(t.offset.min(), t.offset.max()) for t in tables if len(t)]
    assert all(low < other[1] for low, _ in spans for other in spans)  # parts lie among one another


def test_alerts_of_one_moment_are_sorted_by_id(tmp_path: Path) -> None:
    files = []
    ids = np.random.default_rng(4).permutation(300).astype("i8")
    from streamer.packets import PacketWriter

    for i in range(3):
        mine = np.sort(ids[i::3])
        path = tmp_path / f"{i}.packets"
        with PacketWriter(path) as writer:
            writer.write(Packets.of([str(k).encode() for k in mine]), np.full(100, 5.0), mine, mine)
        files.append(PacketFile(path))
    got = [int(v) for burst in merge.merged(files) for v in burst.packets]
    assert got == list(range(300))


def test_the_ledger_says_what_was_sent_when_and_where(stream_run: Folder) -> None:
    play(stream_run, spool_of(stream_run))
    ledger = Folder.open(stream_run.path / "ledger", kind="ledger")
    messages = topic(stream_run)
    where = {int(o): int(t) for b in messages for o, t in zip(b.offset, b.timestamp, strict=True)}
    visits = stream_run.read("visits", "all", Visits)
    offsets = []
    for part in ledger.parts:
        table = ledger.read("ledger", part, Ledger)
        alerts = read_table(stream_run.path / "stream" / "alerts" / f"{part}.parquet", Alerts)
        lc = stream_run.read("light_curves", part, LightCurves)
        objects = stream_run.read("dia_objects", part, DiaObjects)
        assert (table.alert_id == alerts.alert_id).all()
        assert (table.object_id == objects.object_id[alerts.object]).all()
        assert (table.mjd == visits.mjd[lc.visit[alerts.row]]).all()
        assert table.sent.tolist() == [where[o] for o in table.offset.tolist()]
        for o in np.unique(table.object_id):
            mine = table.object_id == o
            assert table.detection[mine].tolist() == list(range(1, mine.sum() + 1))
            assert (np.diff(table.mjd[mine]) > 0).all()
        offsets += table.offset.tolist()
    assert sorted(offsets) == list(range(len(where)))
    assert not (stream_run.path / "play.journal").exists()
    with pytest.raises(InputError, match="expected a run not yet played, got a ledger"):
        play(stream_run, spool_of(stream_run))


class Breaks(Exception):
    """The crash."""


def breaking(run: Folder, after: int) -> Any:
    """Progress that crashes the player once `after` alerts were sent."""

    def progress(done: int, total: int) -> None:
        if done >= after:
            raise Breaks

    return progress


def test_a_stopped_play_goes_on_and_every_alert_is_in_the_topic_once(stream_run: Folder, monkeypatch) -> None:
    monkeypatch.setattr(merge, "BUFFERED", 40)
    monkeypatch.setattr(replay, "SEND", 7)
    for after in (1, 30, 90):
        with pytest.raises(Breaks):
            play(stream_run, spool_of(stream_run), watch=Watch(breaking(stream_run, after)))
    report = play(stream_run, spool_of(stream_run))
    expected = [packet for _, _, packet in everything(stream_run)]
    assert [v for b in topic(stream_run) for v in b.values] == expected
    assert report.resumed >= 90
    assert report.resumed + report.sent == len(expected)


def test_a_play_stopped_after_the_end_marker_only_writes_the_ledger(stream_run: Folder, monkeypatch) -> None:
    def crash(*_: object) -> None:
        raise Breaks

    monkeypatch.setattr(replay, "write_ledger", crash)
    with pytest.raises(Breaks):
        play(stream_run, spool_of(stream_run))
    monkeypatch.undo()
    size = sum(f.stat().st_size for f in (stream_run.path / "topics").rglob("*.seg"))
    report = play(stream_run, spool_of(stream_run))
    assert report.sent == 0
    assert size == sum(f.stat().st_size for f in (stream_run.path / "topics").rglob("*.seg"))


def test_a_topic_of_another_run_is_refused(stream_run: Folder) -> None:
    producer = spool_of(stream_run).producer("alerts")
    producer.send(Packets.of([b"x"]), np.zeros(1, "i8"), np.array([10**9]))
    producer.close()
    with pytest.raises(AccountingError, match="it holds another run"):
        play(stream_run, spool_of(stream_run))


def test_a_topic_that_holds_an_alert_twice_is_refused(stream_run: Folder) -> None:
    producer = spool_of(stream_run).producer("alerts")
    producer.send(Packets.of([b"x", b"y"]), np.zeros(2, "i8"), np.array([3, 3]))
    producer.close()
    with pytest.raises(AccountingError, match="expected every alert in the topic once, got one twice"):
        play(stream_run, spool_of(stream_run))


class Lossy:
    """A transport that confirms all but the last packet."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def producer(self, name: str, headers: Any = None) -> Any:
        inner = self._spool.producer(name)
        confirm = inner.receipts

        def receipts() -> Any:
            taken = confirm()
            return type(taken)(*(getattr(taken, n)[:-1] for n in taken.__dataclass_fields__))

        inner.receipts = receipts  # type: ignore[method-assign]
        return inner

    def consumer(self, name: str, group: str | None = None) -> Any:
        return self._spool.consumer(name, group)


def test_an_alert_that_is_not_confirmed_is_missed(stream_run: Folder) -> None:
    with pytest.raises(AccountingError, match="alerts in the topic, got"):
        play(stream_run, Lossy(spool_of(stream_run)))
    assert not (stream_run.path / "ledger").exists()


def test_alerts_leave_at_their_times_divided_by_the_speed(stream_run: Folder) -> None:
    clock = ManualClock(10**9)
    report = play(stream_run, spool_of(stream_run, clock=clock), pace=Pace(1000.0), watch=Watch(clock=clock))
    due = np.array([publish for publish, _, _ in everything(stream_run)])
    sent = np.concatenate([b.timestamp for b in topic(stream_run)])
    # the clock counts whole microseconds
    np.testing.assert_allclose(sent - 10**9, (due - due[0]) / 1000 * 1e6, atol=2)
    assert report.slip_max <= 2e-6
    assert report.seconds == pytest.approx((due[-1] - due[0]) / 1000, abs=1e-5)


class Slow(ManualClock):
    """A clock that loses 3 s each time it wakes up."""

    def sleep_until(self, when_us: int) -> None:
        super().sleep_until(when_us)
        self.advance(3)


def test_falling_behind_is_reported_and_caught_up_or_shifted_or_failed(tmp_path: Path) -> None:
    spans = {}
    for behind in ("catch up", "shift"):
        run = make_run(tmp_path / behind.replace(" ", "-"))
        prepare(run)
        clock = Slow()
        report = play(
            run, spool_of(run, clock=clock), pace=Pace(86400 / 2.0, behind), watch=Watch(clock=clock)
        )
        sent = np.concatenate([b.timestamp for b in topic(run)])
        spans[behind] = sent[-1] - sent[0]
        assert report.slip_max >= 3
        assert report.slip_max * 1.03 >= report.slip_p99 > 0
    assert spans["shift"] > spans["catch up"]
    run = make_run(tmp_path / "fail")
    prepare(run)
    clock = Slow()
    with pytest.raises(TransportError, match="expected to be at most 1.0 s late, got 3.0"):
        play(run, spool_of(run, clock=clock), pace=Pace(1.0, "fail"), watch=Watch(clock=clock))


def test_what_is_due_in_an_outage_goes_out_at_its_end_at_once(stream_run: Folder) -> None:
    due = np.array([publish for publish, _, _ in everything(stream_run)])
    gap = (float(due[20]), float(due[60]) + 5)
    clock = ManualClock()
    play(
        stream_run,
        spool_of(stream_run, clock=clock),
        pace=Pace(100.0, outages=(gap,)),
        watch=Watch(clock=clock),
    )
    sent = np.concatenate([b.timestamp for b in topic(stream_run)]) / 1e6 * 100 + due[0]
    expected = np.where((due >= gap[0]) & (due < gap[1]), gap[1], due)
    np.testing.assert_allclose(sent, expected, atol=3e-4)  # whole microseconds, times 100


def test_silence_is_cut_to_the_longest_gap(stream_run: Folder, monkeypatch) -> None:
    monkeypatch.setattr(replay, "SEND", 7)
    monkeypatch.setattr(merge, "BUFFERED", 40)
    due = np.array([publish for publish, _, _ in everything(stream_run)])
    clock = ManualClock(10**9)
    play(
        stream_run,
        spool_of(stream_run, clock=clock),
        pace=Pace(10.0, longest_gap=3600.0),
        watch=Watch(clock=clock),
    )
    sent = np.concatenate([b.timestamp for b in topic(stream_run)])
    gaps = np.diff(due)
    assert (gaps > 3600).sum() > 20
    expected = np.concatenate([[0], np.cumsum(np.minimum(gaps, 3600.0))]) / 10
    np.testing.assert_allclose((sent - 10**9) / 1e6, expected, atol=2e-5)


def test_a_pace_is_checked() -> None:
    with pytest.raises(TransportError, match="expected a longest gap of more than 0 s, got 0"):
        Pace(1, longest_gap=0)
    with pytest.raises(TransportError, match="expected outages that end after they start"):
        Pace(1, outages=((3.0, 3.0),))
    with pytest.raises(TransportError, match="expected a speed of 0 or more, got -1"):
        Pace(-1)
    with pytest.raises(TransportError, match="expected a speed of 0 or more, got nan"):
        Pace(float("nan"))
    with pytest.raises(TransportError, match="expected catch up, shift or fail, got 'drop'"):
        Pace(1, "drop")


def test_slip_percentiles_are_those_of_numpy_within_a_bin() -> None:
    slips = np.random.default_rng(5).lognormal(-3, 2, 10_000)
    counted = replay._Slips()
    for part in np.split(slips, 10):
        counted.add(part)
    counted.add(np.empty(0))
    for q in (50, 90, 99):
        # bins of 2 %
        assert counted.percentile(q) == pytest.approx(np.percentile(slips, q), rel=0.03)
    assert counted.largest == slips.max()


def test_clocks_go_forward() -> None:
    wall = WallClock()
    before = wall.now_us()
    wall.sleep_until(before - 10)
    assert wall.now_us() >= before
    wall.sleep_until(before + 2000)
    assert wall.now_us() >= before + 2000
    with pytest.raises(TransportError, match="expected a step forward, got -1"):
        ManualClock().advance(-1)


def test_a_run_without_alerts_plays_to_an_empty_topic(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", {"00-00000": 0})
    prepare(run)
    assert play(run, spool_of(run)).sent == 0
    assert spool_of(run).consumer("alerts").at_end()
    assert len(Folder.open(run.path / "ledger").read("ledger", "00-00000", Ledger)) == 0
