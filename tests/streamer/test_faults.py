"""Faults on purpose: as many as asked for, the same for the same seed, and brokers survive them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.errors import TransportError
from brokerbench.store import Folder
from streamer.alerts import prepare
from streamer.faults import Faults, spoil, to_version
from streamer.packets import PacketFile, Packets
from streamer.replay import play
from streamer.schemas import SCHEMAS
from streamer.schemas.lsst import version_codec
from streamer.serve import serve
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
    served = serve(Prior(), spool, topic_in="bad", topic_out="answers", schema="lsst_v10_0")
    assert served.received == report.sent
    assert served.failed == 0
    assert served.malformed >= report.truncated * 0.9  # a bit turned in a number goes unseen
    assert served.answered + served.malformed == served.received


def test_faults_are_checked(spool: Spool, stream_run: Folder) -> None:
    with pytest.raises(TransportError, match="faults.late: expected a fraction in 0..1, got 2"):
        Faults(1, late=2)
    with pytest.raises(TransportError, match="faults.hold: expected 1 or more messages, got 0"):
        Faults(1, hold=0)
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
