"""Faults on purpose: as many as asked for, the same for the same seed, and brokers survive them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.errors import TransportError
from brokerbench.rng import stream
from brokerbench.store import Folder
from brokerbench.tables import Visits
from streamer.alerts import prepare
from streamer.faults import Faults, night_reader, spoil, to_version
from streamer.late_nights import hold_nights
from streamer.packets import PacketFile, Packets
from streamer.replay import play
from streamer.schemas import SCHEMAS
from streamer.schemas.lsst import version_codec
from streamer.serve import Route, serve
from streamer.transports.spool import Spool
from tests.streamer.runs import Prior, make_run


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A spool with some two thousand alerts of Rubin's schema 10.0."""
    run = make_run(tmp_path / "rubin", {"00-00000": 120}, visits=200)
    prepare(run, schema="lsst_v10_0")
    spool = Spool(run.path / "topics")
    play(run, spool)
    return spool


def messages(spool: Spool, topic: str) -> tuple[list[bytes], np.ndarray]:
    batch = spool.consumer(topic).poll(10**6, 0)
    return list(batch.values), batch.sequence


def test_no_faults_make_a_copy(spool: Spool) -> None:
    report = spoil(spool, "alerts", "copy", Faults(1))
    assert report.read == report.sent > 1000
    assert messages(spool, "copy")[0] == messages(spool, "alerts")[0]


@pytest.mark.parametrize("fault", ["duplicates", "truncated", "corrupted", "late"])
def test_there_are_about_as_many_faults_as_asked_for_and_the_same_for_a_seed(
    spool: Spool, fault: str
) -> None:
    faults = Faults(3, **{fault: 0.1}, hold=50)
    report = spoil(spool, "alerts", "bad", faults)
    again = spoil(spool, "alerts", "again", faults)
    other = spoil(spool, "alerts", "other", Faults(4, **{fault: 0.1}, hold=50))
    assert report == again
    assert messages(spool, "bad")[0] == messages(spool, "again")[0]
    assert messages(spool, "bad")[0] != messages(spool, "other")[0]
    n = report.read
    count = getattr(report, fault)
    assert abs(count - 0.1 * n) < 5 * (0.09 * n) ** 0.5
    assert other.read == n
    before, _ = messages(spool, "alerts")
    after, number = messages(spool, "bad")
    changed = sum(a != before[k] for a, k in zip(after, number.tolist(), strict=True))
    if fault == "duplicates":
        assert report.sent == n + count
        assert sum(v - 1 for v in Counter(number.tolist()).values()) == count
        assert changed == 0
    else:
        assert report.sent == n
        assert sorted(number.tolist()) == list(range(n))
        assert changed == (0 if fault == "late" else count)
    if fault == "late":
        moved = np.abs(number - np.arange(n))
        assert 0 < moved.max() <= 50 + 512 + count
    else:
        assert (np.diff(number) >= 0).all()
    if fault == "truncated":
        pairs = zip(after, number.tolist(), strict=True)
        assert all(before[k].startswith(a) for a, k in pairs)


def test_the_schema_steps_in_mid_stream_and_readers_go_on(spool: Spool) -> None:
    report = spoil(spool, "alerts", "stepped", Faults(1, step=700, step_to=(11, 0)))
    after, _ = messages(spool, "stepped")
    assert [a[:5] for a in after[698:702]] == [b"\0\0\0\3\xe8"] * 2 + [b"\0\0\0\4\x4c"] * 2
    assert report.stepped == report.read - 700
    before, _ = messages(spool, "alerts")
    published = np.zeros(len(before), "i8")
    one, _ = SCHEMAS["lsst_v10_0"].decode(Packets.of(before), published)
    two, wrong = SCHEMAS["lsst_v10_0"].decode(Packets.of(after), published)
    assert wrong == []
    for name, value in one.as_dict().items():
        np.testing.assert_array_equal(getattr(two, name), value)


def test_a_broker_survives_everything_and_counts_it(spool: Spool) -> None:
    faults = Faults(5, duplicates=0.05, truncated=0.05, corrupted=0.02, late=0.1, step=900)
    report = spoil(spool, "alerts", "bad", faults)
    served = serve(Prior(), spool, Route("answers", "bad"))
    assert served.received == report.sent
    assert served.failed == 0
    assert served.malformed >= report.truncated * 0.9  # a bit turned in a number goes unseen
    assert served.answered + served.malformed == served.received


def test_faults_are_checked(spool: Spool, stream_run: Folder) -> None:
    with pytest.raises(TransportError, match="faults.late: expected a fraction in 0..1, got 2"):
        Faults(1, late=2)
    with pytest.raises(TransportError, match="faults.hold: expected 1 or more messages, got 0"):
        Faults(1, hold=0)
    with pytest.raises(TransportError, match="faults.late_nights: expected a fraction in 0..1, got -0.1"):
        Faults(1, late_nights=-0.1)
    with pytest.raises(TransportError, match="faults.night_hold: expected 1 or more nights, got 0"):
        Faults(1, night_hold=0)
    with pytest.raises(
        TransportError, match="faults.late_nights: expected night_of to tell nights, got none"
    ):
        spoil(spool, "alerts", "bad", Faults(1, late_nights=0.5))
    with pytest.raises(TransportError, match="expected no such topic yet, got one"):
        spoil(spool, "alerts", "alerts", Faults(1))
    other = Spool(stream_run.path / "topics")
    play(stream_run, other)
    with pytest.raises(TransportError, match="faults.step: expected packets of one LSST schema, got others"):
        spoil(other, "alerts", "bad", Faults(1, step=0))


def test_packets_of_another_version_hold_the_same_values(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", {"00-00000": 20})
    prepare(run, schema="lsst_v11_0")
    file = PacketFile(run.path / "stream" / "packets" / "00-00000.packets")
    packets = file.read(0, len(file))
    back = to_version(to_version(packets, (10, 0)), (11, 0))
    assert list(back) == list(packets)
    assert len(to_version(Packets.of([]), (10, 0))) == 0
    with pytest.raises(TransportError, match="faults.step: expected whole packets, got"):
        to_version(Packets.of([packets[0][:-9]]), (10, 0))
    fields: Any = version_codec(10, 0).schema["fields"]
    assert fields


def nights_of(run: Folder, packets: list[bytes]) -> np.ndarray:
    """Nights by the plan, packet by packet, from the time of the triggering source."""
    visits = run.read("visits", "all", Visits)
    batch, _ = SCHEMAS["lsst_v10_0"].decode(Packets.of(packets), np.zeros(len(packets), "i8"))
    spans = zip(batch.offsets[:-1], batch.offsets[1:], strict=True)
    own = [batch.mjd[low:high][~batch.forced[low:high]][-1] for low, high in spans]
    return np.array([visits.night[np.argmin(np.abs(visits.mjd - when))] for when in own])


@pytest.mark.parametrize("hold", [1, 3])
def test_late_nights_come_whole_after_the_nights_behind_them(spool: Spool, tmp_path: Path, hold: int) -> None:
    run = Folder.open(tmp_path / "rubin")
    night_of = night_reader("lsst_v10_0", run.read("visits", "all", Visits))
    faults = Faults(3, late_nights=0.2, night_hold=hold)
    report = spoil(spool, "alerts", "bad", faults, night_of=night_of)
    again = spoil(spool, "alerts", "again", faults, night_of=night_of)
    spoil(spool, "alerts", "other", Faults(4, late_nights=0.2), night_of=night_of)
    assert report == again
    before, _ = messages(spool, "alerts")
    after, number = messages(spool, "bad")
    assert after == messages(spool, "again")[0]
    assert after != messages(spool, "other")[0]
    assert sorted(number.tolist()) == list(range(len(before)))
    assert after == [before[k] for k in number.tolist()]
    night = nights_of(run, before)
    assert (np.diff(night) >= 0).all()
    assert (night_of(Packets.of(before)) == night).all()
    late = [n for n in np.unique(night).tolist() if stream(3, "late night", n).random() < 0.2]
    assert report.late_nights == len(late) > 2
    sent = np.where(np.isin(night, late), night + hold + 0.5, night)  # between two nights
    assert number.tolist() == np.lexsort((night, sent)).tolist()


def test_all_nights_late_is_the_stream_as_it_was(spool: Spool, tmp_path: Path) -> None:
    run = Folder.open(tmp_path / "rubin")
    night_of = night_reader("lsst_v10_0", run.read("visits", "all", Visits))
    report = spoil(spool, "alerts", "bad", Faults(1, late_nights=1.0), night_of=night_of)
    before, _ = messages(spool, "alerts")
    assert messages(spool, "bad")[0] == before
    assert report.late_nights == len(np.unique(nights_of(run, before)))


def test_packets_of_no_night_stay_where_they_are() -> None:
    told = {b"a": 1, b"b": 2, b"c": 3, b"?": -1}

    def night_of(packets: Packets) -> np.ndarray:
        return np.array([told[p] for p in packets], "i8")

    counts = {"late_nights": 0}
    raws = [b"?", b"a", b"?", b"b", b"a", b"c", b"a"]
    blocks = [(Packets.of(raws[:4]), np.arange(4)), (Packets.of(raws[4:]), np.arange(4, 7))]
    drawn = iter(blocks)
    late = [n for n in (1, 2, 3) if stream(3, "late night", n).random() < 0.5]
    assert late == [1, 2]
    out = list(hold_nights(drawn, night_of, seed=3, share=0.5, nights=1, counts=counts))
    order = [k for _, number in out for k in number.tolist()]
    assert order == [0, 1, 2, 4, 5, 6, 3]
    assert counts == {"late_nights": 2}
    assert [p for packets, _ in out for p in packets] == [raws[k] for k in order]
