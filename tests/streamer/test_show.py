"""Looking into streams."""

from __future__ import annotations

import io
import json
from pathlib import Path

import fastavro
import numpy as np
import pytest

from brokerbench.errors import InputError, UnknownName
from brokerbench.store import Folder
from streamer.alerts import prepare
from streamer.packets import PacketFile, Packets
from streamer.replay import play
from streamer.schemas import SCHEMAS
from streamer.show import export_packets, read_records, show_alert, tail, to_json
from streamer.transports.spool import Spool
from tests.streamer.runs import make_run


@pytest.mark.parametrize("schema", sorted(SCHEMAS))
def test_records_are_those_of_fastavro_for_every_schema(tmp_path: Path, schema: str) -> None:
    run = make_run(tmp_path / "run", {"00-00000": 8}, bands=("g", "r", "i"))
    prepare(run, schema=schema)
    file = PacketFile(run.path / "stream" / "packets" / "00-00000.packets")
    packets = list(file.read(0, len(file)))
    got = read_records(Packets.of([*packets, b"\xff\xff"]), schema)
    assert got[-1] is None
    avro, framing = SCHEMAS[schema].avro, SCHEMAS[schema].framing
    for raw, record in zip(packets, got, strict=False):
        if framing == "container":
            expected = next(fastavro.reader(io.BytesIO(raw)))
        else:
            body = raw[5:] if framing == "confluent" else raw
            expected = fastavro.schemaless_reader(io.BytesIO(body), avro, None)
        assert record == expected
    with pytest.raises(UnknownName, match="did you mean"):
        read_records(Packets.of([]), schema + "x")


def test_one_alert_is_found_by_its_id(stream_run: Folder) -> None:
    file = PacketFile(stream_run.path / "stream" / "packets" / "00-00001.packets")
    wanted = int(file.index(3, 4)["alert_id"][0])
    assert show_alert(stream_run, wanted)["alertId"] == wanted
    with pytest.raises(InputError, match="expected the id of an alert in it, got 5"):
        show_alert(stream_run, 5)


def test_the_tail_of_a_topic_is_its_last_messages(stream_run: Folder, monkeypatch) -> None:
    spool = Spool(stream_run.path / "topics")
    total = play(stream_run, spool).sent
    monkeypatch.setattr("streamer.show._POLL", 7)
    everything = spool.consumer("alerts").poll(10**6, 0)
    for count in (0, 1, 10, total + 5):
        last = tail(spool, "alerts", count)
        n = min(count, total)
        assert last.offset.tolist() == list(range(total - n, total))
        assert list(last.values) == list(everything.values)[total - n :]
    with pytest.raises(InputError, match="nothing: expected a topic, got none"):
        tail(spool, "nothing", 3)


def test_packets_are_exported_as_avro_and_json(stream_run: Folder, tmp_path: Path) -> None:
    total = export_packets(stream_run, tmp_path / "avro")
    assert len(list((tmp_path / "avro").iterdir())) == total > 100
    assert export_packets(stream_run, tmp_path / "json", form="json", limit=5) == 5
    play(stream_run, Spool(stream_run.path / "topics"))
    first = Spool(stream_run.path / "topics").consumer("alerts").poll(total, 0).values.take(np.arange(5))
    names = {path.stem for path in (tmp_path / "json").iterdir()}
    assert {(tmp_path / "avro" / f"{name}.avro").read_bytes() for name in names} == set(first)
    for path in (tmp_path / "json").iterdir():
        record = json.loads(path.read_text())
        object_id, alert_id = (int(x) for x in path.stem.split("_"))
        assert record["alertId"] == alert_id
        assert record["diaObject"]["diaObjectId"] == object_id
        raw = (tmp_path / "avro" / f"{path.stem}.avro").read_bytes()
        assert json.loads(to_json(read_records(Packets.of([raw]), "elasticc_v0_9_1")[0])) == record
    with pytest.raises(InputError, match="expected the form avro or json, got 'xml'"):
        export_packets(stream_run, tmp_path / "x", form="xml")


def test_json_holds_what_json_cannot() -> None:
    value = {"a": float("nan"), "b": [b"\0\1", np.inf], "c": None}
    assert json.loads(to_json(value)) == {"a": "nan", "b": ["AAE=", "inf"], "c": None}
