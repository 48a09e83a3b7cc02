"""All published layouts of answers, as brokers really sent them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from fastavro.schema import load_schema

from brokerbench.store import Folder
from brokerbench.tables import NO_TIME, Classifications, Ledger
from brokerbench.taxonomy import ELASTICC2
from streamer.alerts import prepare
from streamer.collect import collect
from streamer.layouts import LAYOUTS, known_layouts
from streamer.packets import Packets
from streamer.received import decode_answers, modern_ids
from streamer.replay import play
from streamer.transports.spool import Spool
from tests.streamer.runs import make_run

MILLIS = 1_700_000_000_000


def written(schema: Any, record: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return out.getvalue()


def test_there_are_eight_layouts_of_four_kinds() -> None:
    assert list(known_layouts()) == [*LAYOUTS, "fastdb_v10_0", "fastdb_v11_0", "fastdb_v11_1"]


def v0_9(alert: int, pairs: list[tuple[str, str, int, float]], millis: int = MILLIS) -> dict[str, Any]:
    return {
        "alertId": alert,
        "diaSourceId": alert,
        "elasticcPublishTimestamp": millis,
        "brokerIngestTimestamp": None,
        "brokerName": "Fink",
        "brokerVersion": "2.0",
        "classifications": [
            {"classifierName": n, "classifierParams": p, "classId": c, "probability": q}
            for n, p, c, q in pairs
        ],
    }


def test_v0_9_is_the_real_schema(shared_data: Path) -> None:
    folder = shared_data / "04_elasticc" / "plasticc_alerts" / "schema_v0_9"
    real = load_schema(str(folder / "elasticc.v0_9.brokerClassification.avsc"))
    record = v0_9(7, [("AGN", "version 1.0", 221, 0.25)])
    plain = written(LAYOUTS["elasticc_v0_9"].schema, record)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, real, record)
    assert plain == out.getvalue()


def test_several_classifiers_in_a_message_become_an_answer_of_each() -> None:
    """Fink's messages: five classifiers in one, some with the arg-max class alone."""
    schema = LAYOUTS["elasticc_v0_9"].schema
    messages = [
        v0_9(
            1, [("AGN", "a", 221, 0.2), ("SNN", "b", 111, 0.9), ("AGN", "a", 0, 0.8), ("SNN", "c", 111, 0.5)]
        ),
        v0_9(2, []),
        v0_9(3, [("SNN", "b", 111, 0.4), ("SNN", "b", 0, 0.6)], millis=MILLIS * 1000),
    ]
    answers, wrong, layout = decode_answers(Packets.of([written(schema, m) for m in messages]))
    assert (wrong, layout) == ([], "elasticc_v0_9")
    got = {}
    for i, alert in enumerate(answers.alert_id.tolist()):
        span = slice(answers.offsets[i], answers.offsets[i + 1])
        pairs = zip(answers.class_id[span].tolist(), answers.probability[span].tolist(), strict=True)
        got[alert, answers.senders[answers.sender[i]]] = [(c, round(p, 5)) for c, p in pairs]
    fink = ("Fink", "2.0")
    assert got == {
        (1, (*fink, "AGN", "a")): [(221, 0.2), (0, 0.8)],
        (1, (*fink, "SNN", "b")): [(111, 0.9)],
        (1, (*fink, "SNN", "c")): [(111, 0.5)],
        (2, (*fink, "", "")): [],
        (3, (*fink, "SNN", "b")): [(111, 0.4), (0, 0.6)],
    }
    assert set(answers.rows.tolist()) == {0, 1, 2}
    assert (answers.claimed_publish == MILLIS * 1000).all()  # once in ms, once in us
    assert (answers.claimed_ingest == NO_TIME).all()


def test_v4_1_has_no_broker_and_a_time_in_microseconds() -> None:
    record = {
        "alertId": 5,
        "diaObjectId": 6,
        "elasticcPublishTimestamp": MILLIS * 1000,
        "brokerIngestTimestamp": MILLIS * 1000 + 7,
        "classifications": [{"classifierName": "x", "classId": 111, "probability": 1.0}],
    }
    raw = written(LAYOUTS["lsst_v4_1"].schema, record)
    answers, wrong, layout = decode_answers(Packets.of([raw] * 3))
    assert (wrong, layout) == ([], "lsst_v4_1")
    assert answers.senders == [("", "", "x", "")]
    assert answers.alert_id.tolist() == [5, 5, 5]
    assert answers.claimed_ingest.tolist() == [MILLIS * 1000 + 7] * 3


def test_the_first_form_of_v4_1_has_ids_as_text() -> None:
    """Fields and types as in DESC's TOM of March 2022 (tom_desc, stream/parsers/elasticc_schema)."""
    schema = LAYOUTS["lsst_v4_1_text"].schema
    kinds = {f["name"]: f["type"] for f in schema["fields"]}
    assert (kinds["alertId"], kinds["diaObjectId"]) == ("long", "string")
    texts = ["111", "0", "2222", "-5", "11120", "Ia", "", "\u0662", "9" * 12]
    pairs = [{"classifierName": f"c{i % 2}", "classId": t, "probability": 0.1} for i, t in enumerate(texts)]
    messages = [
        {"alertId": 5, "diaObjectId": "Example13579", "classifications": pairs},
        {"alertId": 6, "diaObjectId": "", "classifications": []},
    ]
    answers, wrong, layout = decode_answers(Packets.of([written(schema, m) for m in messages]))
    assert (wrong, layout) == ([], "lsst_v4_1_text")
    got = {}
    for i, alert in enumerate(answers.alert_id.tolist()):
        span = slice(answers.offsets[i], answers.offsets[i + 1])
        got[alert, answers.senders[answers.sender[i]][2]] = answers.class_id[span].tolist()
    assert got == {(5, "c0"): [111, 2222, 11120, -1, -1], (5, "c1"): [0, -1, -1, -1], (6, ""): []}
    assert (answers.claimed_publish == NO_TIME).all()
    old = {"alertId": 7, "diaObjectId": "x", "classifications": pairs[:2]}
    answers, _, _ = decode_answers(Packets.of([written(schema, old)]))
    modern, was_old = modern_ids(answers, LAYOUTS["lsst_v4_1_text"], ELASTICC2)
    assert modern.class_id.tolist() == [2222, 1100]
    assert was_old.all()


def test_fastdb_messages_are_alerts_with_names_and_classes_behind(shared_data: Path) -> None:
    file = shared_data / "04_lsst_alerts" / "alert_packet" / "10" / "0" / "sample_data" / "fakeAlert.avro"
    with open(file, "rb") as stream:
        alert: Any = next(fastavro.reader(stream))
    schema = known_layouts()["fastdb_v10_0"].schema
    extra = {
        "brokerName": "Lasair",
        "classifierName": "sherlock",
        "classifierVersion": "v2",
        "classifications": [{"classId": 2222, "probability": 0.25}, {"classId": 200, "probability": 0.75}],
    }
    alert["diaSource"]["diaSourceId"] = alert["diaSourceId"] = 99
    answers, wrong, layout = decode_answers(Packets.of([written(schema, {**alert, **extra})]))
    assert (wrong, layout) == ([], "fastdb_v10_0")
    assert answers.senders == [("Lasair", "v2", "sherlock", "")]
    assert answers.alert_id.tolist() == [99]
    assert answers.class_id.tolist() == [2222, 200]
    assert answers.claimed_publish.tolist() == [NO_TIME]


def test_the_layout_of_a_topic_is_that_of_most_of_its_messages() -> None:
    schema = LAYOUTS["elasticc_v0_9"].schema
    good = [written(schema, v0_9(i, [("c", "", 111, 1.0)])) for i in range(9)]
    answers, wrong, layout = decode_answers(Packets.of([b"x", *good, good[0][:-4]]))
    assert layout == "elasticc_v0_9"
    assert answers.rows.tolist() == list(range(1, 10))
    assert [row for row, _ in wrong] == [0, 10]
    assert decode_answers(Packets.of([b"x"]))[2] == ""
    # once it is known no other layout is tried
    other = written(
        LAYOUTS["lsst_v4_1"].schema,
        {
            "alertId": 5,
            "diaObjectId": 6,
            "elasticcPublishTimestamp": 1,
            "brokerIngestTimestamp": None,
            "classifications": [],
        },
    )
    _, wrong, layout = decode_answers(Packets.of([other]), "elasticc_v0_9_1")
    assert layout == "elasticc_v0_9_1"
    assert len(wrong) == 1


@pytest.mark.parametrize(
    ("layout", "ids", "expected", "old"),
    [
        ("elasticc_v0_9_1", [2222, 0], [2222, 0], False),
        ("elasticc_v0_9_1", [200, 300], [200, 300], False),
        ("elasticc_v0_9_1", [111, 0], [2222, 1100], True),  # an old id in a new layout: Fink in 2026
        ("elasticc_v0_9_1", [0], [0], False),
        ("elasticc_v0_9", [0], [1100], True),
        ("elasticc_v0_9", [22, 10, 1], [2330, 2210, 2200], True),
        ("elasticc_v0_9", [2222, 111], [2222, 111], False),  # of no taxonomy: 111 stays and is invalid
        ("elasticc_v0_9", [999, 111], [-1, 2222], True),
    ],
)
def test_old_class_ids_are_mapped(layout: str, ids: list[int], expected: list[int], old: bool) -> None:
    if layout == "elasticc_v0_9":
        record = v0_9(1, [("c", "", c, 0.1) for c in ids])
    else:
        record = {k: v for k, v in v0_9(1, []).items() if k != "classifications"}
        record |= {"classifierName": "c", "classifierParams": ""}
        record["classifications"] = [{"classId": c, "probability": 0.1} for c in ids]
    known = known_layouts()[layout]
    answers, _, _ = decode_answers(Packets.of([written(known.schema, record)]), layout)
    mapped, is_old = modern_ids(answers, known, ELASTICC2)
    assert mapped.class_id.tolist() == expected
    assert is_old.tolist() == [old]


def test_a_run_collects_answers_of_the_old_layout(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    prepare(run)
    spool = Spool(run.path / "topics")
    play(run, spool)
    ledger = Folder.open(run.path / "ledger")
    ids = np.concatenate([ledger.read("ledger", p, Ledger).alert_id for p in ledger.parts]).tolist()
    schema = LAYOUTS["elasticc_v0_9"].schema
    pairs = [("AGN", "", 221, 0.2), ("AGN", "", 0, 0.8), ("SNN", "", 111, 0.9), ("SNN", "", 0, 0.1)]
    messages = [written(schema, v0_9(i, pairs)) for i in ids]
    messages += [b"?", written(schema, v0_9(ids[0], pairs)), written(schema, v0_9(17, pairs))]
    producer = spool.producer("fink")
    n = np.zeros(len(messages), "i8")
    producer.send(Packets.of(messages), n, n)
    producer.finish()
    producer.close()
    agn, snn = collect(run, spool, ["fink"])
    total = len(ids)
    for summary, classes in ((agn, (1100, 2332)), (snn, (1100, 2222))):
        assert summary.classes == classes
        assert summary.counts == {
            "received": total + 2,
            "accepted": total,
            "duplicate": 1,
            "orphan": 1,
            "invalid": 0,
        }
        folder = Folder.open(run.path / "answers" / summary.name)
        assert folder.manifest["faults"]["class_ids_of_elasticc_1"] == total + 2
    table = Folder.open(run.path / "answers" / "SNN").read("classifications", "00-00000", Classifications)
    assert (table.probability == np.array([0.1, 0.9], "f4")).all()
    assert Folder.open(run.path / "rejects" / "fink").manifest["counts"]["malformed"] == 1
