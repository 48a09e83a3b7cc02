"""Collecting answers: every message is accepted or rejected with a reason, and the books balance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.errors import AccountingError, InputError
from brokerbench.store import Folder
from brokerbench.tables import NO_TIME, Classifications, Ledger, Rejects
from streamer import collect as collecting
from streamer.answers import Sender, encode_answers
from streamer.collect import collect
from streamer.packets import Packets
from streamer.rejects import REASONS, RejectFiles
from streamer.replay import play
from streamer.serve import Route, serve
from streamer.spill import ROW, Spill, Spilled
from streamer.transports.spool import Spool
from tests.streamer.runs import Prior

SENDER = Sender("b", "2", "c", "p", (2222, 2223, 2332))


@pytest.fixture
def spool(stream_run: Folder) -> Spool:
    """The spool of a run that was played."""
    spool = Spool(stream_run.path / "topics")
    play(stream_run, spool)
    return spool


def sent_ids(run: Folder) -> np.ndarray:
    ledger = Folder.open(run.path / "ledger")
    return np.concatenate([ledger.read("ledger", p, Ledger).alert_id for p in ledger.parts])


def answer(ids: Any, probability: Any, sender: Sender = SENDER, times: int = 10**15) -> Packets:
    ids = np.atleast_1d(np.asarray(ids, "i8"))
    p = np.atleast_2d(np.asarray(probability, "f4"))
    when = np.full(len(ids), times, "i8")
    return encode_answers(sender, (ids, ids), (when, when), np.broadcast_to(p, (len(ids), p.shape[1])).copy())


def put(spool: Spool, *packets: Packets, topic: str = "answers") -> None:
    producer = spool.producer(topic)
    for p in packets:
        n = np.zeros(len(p), "i8")
        producer.send(p, n, n)
    producer.finish()
    producer.close()


def rejects(run: Folder, topic: str = "answers") -> list[tuple[str, str]]:
    folder = Folder.open(run.path / "rejects" / topic, kind="rejects")
    tables = [folder.read("rejects", p, Rejects) for p in folder.parts]
    return [(r, d) for t in tables for r, d in zip(t.reason, t.detail, strict=True)]


def accepted(run: Folder, name: str) -> Classifications:
    folder = Folder.open(run.path / "answers" / name, kind="answers")
    return Classifications.concat([folder.read("classifications", p, Classifications) for p in folder.parts])


def test_the_answers_of_a_broker_come_back_with_transport_times(stream_run: Folder, spool: Spool) -> None:
    serve(Prior(), spool, Route("answers"))
    (summary,) = collect(stream_run, spool, ["answers"])
    ids = sent_ids(stream_run)
    assert summary.classes == Prior.classes
    assert summary.classifier == {"broker": "prior", "version": "1", "name": "prior", "params": ""}
    assert summary.counts == {
        "received": len(ids),
        "accepted": len(ids),
        "duplicate": 0,
        "orphan": 0,
        "invalid": 0,
    }
    ledger = Folder.open(stream_run.path / "ledger")
    folder = Folder.open(stream_run.path / "answers" / "prior", kind="answers")
    assert folder.parts == ledger.parts
    messages = spool.consumer("answers").poll(10_000, 0)
    assert messages.timestamp.min() > 0
    for part in folder.parts:
        table = folder.read("classifications", part, Classifications)
        sent = ledger.read("ledger", part, Ledger)
        at = np.argsort(sent.alert_id)[np.searchsorted(np.sort(sent.alert_id), table.alert_id)]
        assert (sent.alert_id[at] == table.alert_id).all()
        assert (sent.object_id[at] == table.object_id).all()
        assert (sent.sent[at] == table.sent).all()
        assert (table.published >= table.sent).all()
        assert np.isin(table.published, messages.timestamp).all()
        assert (table.received == NO_TIME).all()
        assert (np.diff(table.published) >= 0).all()
        np.testing.assert_array_equal(
            table.probability, np.tile(np.array([0.5, 0.3, 0.2], "f4"), (len(table), 1))
        )
    assert rejects(stream_run) == []
    assert not (stream_run.path / "answers" / ".spill").exists()


def test_every_kind_of_reject_is_counted_with_its_reason(stream_run: Folder, spool: Spool) -> None:
    ids = sent_ids(stream_run)
    p = [0.2, 0.3, 0.5]
    put(
        spool,
        answer(ids[:4], p),
        answer(ids[0], p),  # the same again
        answer(ids[1], [0.5, 0.3, 0.2]),  # another answer to the same alert
        answer([12345, -7, 1 << 60], p),  # never sent
        answer(ids[5], [0.5, np.nan, 0.5]),
        answer(ids[5], [-0.1, 0.6, 0.5]),
        answer(ids[5], [1.5, 0, 0]),
        answer(ids[5], p, Sender("b", "2", "c", "p", (2222, 4242, 2332))),
        answer(ids[5], p, Sender("b", "2", "c", "p", (2222, 2222, 2332))),
        answer(ids[5], np.empty((1, 0)), Sender("b", "2", "c", "p", ())),
        Packets.of([b"", b"\xff" * 40, answer(ids[6], p)[0] + b"\0", answer(ids[6], p)[0][:-3]]),
    )
    (summary,) = collect(stream_run, spool, ["answers"])
    assert summary.counts == {"received": 15, "accepted": 4, "duplicate": 2, "orphan": 3, "invalid": 6}
    found = rejects(stream_run)
    count = {r: sum(x == r for x, _ in found) for r in REASONS}
    assert count == {"duplicate": 2, "orphan": 3, "invalid": 6, "malformed": 4}
    details = " | ".join(d for _, d in found)
    for text in (
        "the same answer",
        "another answer",
        "alert -7 was never sent",
        "expected a probability in 0..1, got nan for class 2223",
        "got 1.5 for class 2222",
        "expected a class id of elasticc2, got 4242",
        "expected each class once, got 2222 again",
        "expected a classification, got none",
        "bytes behind the record",
    ):
        assert text in details
    manifest = Folder.open(stream_run.path / "answers" / "c").manifest
    assert manifest["faults"]["conflicting_duplicates"] == 1
    assert manifest["faults"]["sum_not_1"] == 0
    table = accepted(stream_run, "c")
    assert (table.probability == np.array(p, "f4")).all()
    assert (table.claimed_publish == 10**15).all()


def test_the_first_answer_counts(stream_run: Folder, spool: Spool) -> None:
    ids = sent_ids(stream_run)
    put(spool, answer(ids, [0.2, 0.3, 0.5]), answer(ids, [0.5, 0.3, 0.2]))
    collect(stream_run, spool, ["answers"])
    table = accepted(stream_run, "c")
    assert len(table) == len(ids)
    assert (table.probability[:, 0] == np.float32(0.2)).all()


def test_probabilities_are_kept_as_received_and_odd_sums_are_counted(
    stream_run: Folder, spool: Spool
) -> None:
    ids = sent_ids(stream_run)
    only_ia = Sender("Pitt-Google Broker", "v0.7", "SNN", "", (2222,))
    too_much = Sender("x", "1", "greedy", "", (2222, 2223))
    put(spool, answer(ids[:9], [0.75], only_ia), answer(ids[9], [1.0], only_ia))
    put(spool, answer(ids[:3], [0.9, 0.9], too_much), topic="more")
    summaries = {s.name: s for s in collect(stream_run, spool, ["answers", "more"])}
    assert summaries["SNN"].classes == (2222,)
    assert summaries["greedy"].classes == (2222, 2223)
    assert sorted(accepted(stream_run, "SNN").probability[:, 0].tolist()) == [0.75] * 9 + [1.0]
    faults = [Folder.open(stream_run.path / "answers" / n).manifest["faults"] for n in ("SNN", "greedy")]
    assert [f["sum_not_1"] for f in faults] == [9, 3]
    assert (accepted(stream_run, "greedy").probability == np.float32(0.9)).all()


def test_classifiers_are_told_apart_by_broker_version_name_and_parameters(
    stream_run: Folder, spool: Spool
) -> None:
    ids = sent_ids(stream_run)
    senders = [
        Sender(b, v, n, p, (2222,)) for b in "ab" for v in "12" for n in ("same", "../x") for p in "pq"
    ]
    put(spool, *(answer(ids[:2], [1.0], s) for s in senders))
    summaries = collect(stream_run, spool, ["answers"])
    assert len({s.name for s in summaries}) == len(senders) == 16
    folders = {f.name for f in (stream_run.path / "answers").iterdir()}
    assert folders == {s.name for s in summaries}
    assert all(accepted(stream_run, s.name).classifier.tolist() == [i, i] for i, s in enumerate(summaries))


def test_a_classifier_whose_answers_are_all_invalid_is_still_counted(
    stream_run: Folder, spool: Spool
) -> None:
    ids = sent_ids(stream_run)
    put(spool, answer(ids[:5], [np.nan, 0.5, 0.5]))
    (summary,) = collect(stream_run, spool, ["answers"])
    assert summary.counts["invalid"] == summary.counts["received"] == 5
    assert summary.classes == (200,)
    assert len(accepted(stream_run, "c")) == 0


def test_the_result_does_not_depend_on_how_much_is_held_in_memory(
    stream_run: Folder, spool: Spool, monkeypatch
) -> None:
    ids = sent_ids(stream_run)
    put(spool, *(answer(i, [0.1, 0.2, 0.7]) for i in np.random.default_rng(1).permutation(ids)))
    collect(stream_run, spool, ["answers"])
    whole = accepted(stream_run, "c")
    import shutil

    for name in ("answers", "rejects"):
        shutil.rmtree(stream_run.path / name)
    monkeypatch.setattr(Spill, "HELD", 10)
    monkeypatch.setattr(collecting, "_POLL", 13)
    collect(stream_run, spool, ["answers"])
    small = accepted(stream_run, "c")
    for name, value in whole.as_dict().items():
        assert (value == getattr(small, name)).all()


def test_a_killed_collect_starts_over(stream_run: Folder, spool: Spool, monkeypatch) -> None:
    serve(Prior(), spool, Route("answers"))
    monkeypatch.setattr(collecting._Collector, "balance", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        collect(stream_run, spool, ["answers"])
    assert not (stream_run.path / "answers").exists()
    monkeypatch.undo()
    collect(stream_run, spool, ["answers"])
    assert len(accepted(stream_run, "prior")) == len(sent_ids(stream_run))
    with pytest.raises(InputError, match="expected a run without answers, got some"):
        collect(stream_run, spool, ["answers"])


def test_a_message_that_gets_lost_inside_is_found_by_the_books(
    stream_run: Folder, spool: Spool, monkeypatch
) -> None:
    serve(Prior(), spool, Route("answers"))
    take = Spill.take

    def forgetful(self: Spill, bucket: int) -> Spilled:
        s = take(self, bucket)
        keep = len(s.rows) - 1
        return Spilled(s.rows[:keep], s.class_id[: keep * 3], s.probability[: keep * 3])

    monkeypatch.setattr(Spill, "take", forgetful)
    with pytest.raises(AccountingError, match="expected accepted \\+ rejected"):
        collect(stream_run, spool, ["answers"])
    assert not (stream_run.path / "answers").exists()


def test_a_topic_that_is_not_there_is_an_error(stream_run: Folder, spool: Spool) -> None:
    with pytest.raises(InputError, match="nobody: expected a topic of answers, got none"):
        collect(stream_run, spool, ["nobody"])


def test_too_many_classifiers_are_refused_and_counted(stream_run: Folder, spool: Spool, monkeypatch) -> None:
    monkeypatch.setattr(collecting, "MOST_CLASSIFIERS", 2)
    ids = sent_ids(stream_run)
    put(spool, *(answer(ids[0], [1.0], Sender("b", str(v), "n", "", (2222,))) for v in range(5)))
    assert len(collect(stream_run, spool, ["answers"])) == 2
    assert [r for r, _ in rejects(stream_run)] == ["invalid"] * 3


def test_rejects_are_written_in_pieces(stream_run: Folder, spool: Spool, monkeypatch) -> None:
    monkeypatch.setattr(RejectFiles, "_AT_A_TIME", 4)
    put(spool, Packets.of([b"x"] * 10))
    assert collect(stream_run, spool, ["answers"]) == []
    folder = Folder.open(stream_run.path / "rejects" / "answers")
    assert folder.parts == ["00000", "00001", "00002"]
    assert [len(folder.read("rejects", p, Rejects)) for p in folder.parts] == [4, 4, 2]
    assert folder.manifest["counts"]["malformed"] == 10


def test_an_empty_spill_is_empty(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "s")
    assert len(spill.take(3).rows) == 0
    spill.put(Spilled(np.zeros(1, ROW), np.empty(0, "i4"), np.empty(0, "f4")), np.array([2]))
    assert len(spill.take(2).rows) == 1
    assert len(spill.take(2).rows) == 0
