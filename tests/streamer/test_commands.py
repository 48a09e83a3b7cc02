"""What people read when they look into streams and play them, from the command line."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import numpy as np
import pytest

from brokerbench.errors import InputError
from brokerbench.store import Folder, read_table, write_table
from brokerbench.table import columns
from brokerbench.tables import Alerts, DiaObjects, Objects
from challenges.cli import run as brokerbench
from streamer.alerts import prepare
from streamer.archives import archive_nights, play_archive
from streamer.local_kafka import LocalKafka
from streamer.meter import Watch
from streamer.packets import PacketFile, Packets
from streamer.replay import play
from streamer.schemas import SCHEMAS, schema_of
from streamer.serve import Batching, Route, serve
from streamer.transports.kafka import Kafka
from streamer.transports.spool import Spool
from tests.streamer.runs import Prior, make_run

PARTS = {"00-00000": 12, "00-00001": 9}


def made(path: Path, schema: str = "elasticc_v0_9_1") -> Folder:
    run = make_run(path, PARTS, visits=60, bands=("g", "r", "i"))
    prepare(run, schema=schema)
    return run


@pytest.mark.parametrize("schema", sorted(SCHEMAS))
def test_a_packet_tells_its_schema(schema: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = made(tmp_path / "run", schema)
    packets = PacketFile(run.path / "stream" / "packets" / "00-00000.packets").read(0, 5)
    assert {schema_of(raw, schema) for raw in packets} == {schema}
    play(run, Spool(run.path / "topics"))
    other = make_run(tmp_path / "other")  # its own stream is not made: the packets say what they are
    (other.path / "topics").symlink_to(run.path / "topics")
    assert brokerbench(["alerts", "tail", str(other.path), "-n", "2"]) == 0
    said = capsys.readouterr().out
    assert said.count(f"bytes of {schema}") == 2
    assert "not an alert" not in said


@pytest.mark.parametrize("schema", sorted(SCHEMAS))
def test_a_broker_started_before_its_stream_finds_out_what_it_is_sent(schema: str, tmp_path: Path) -> None:
    run = made(tmp_path / "run", schema)
    sent = play(run, Spool(run.path / "topics")).sent
    report = serve(Prior(), Spool(run.path / "topics"), Route("answers"))
    assert (report.answered, report.malformed) == (sent, 0)


def test_packets_of_three_surveys_need_no_hint(tmp_path: Path) -> None:
    for schema in ("elasticc_v0_9_1", "lsst_v10_0", "lsst_v11_1", "ztf_v4_02"):
        run = made(tmp_path / schema, schema)
        (first, *_) = PacketFile(run.path / "stream" / "packets" / "00-00000.packets").read(0, 2)
        assert {schema_of(first, usual) for usual in SCHEMAS} == {schema}
    assert schema_of(b"\0\0\0\0\7more", "lsst_v10_0") == "lsst_v10_0"  # an id that nobody knows


def test_what_is_no_alert_is_said_to_be_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = made(tmp_path / "run")
    producer = Spool(run.path / "topics").producer("t")
    numbers = np.zeros(3, "i8")
    producer.send(Packets.of([b"Obj\x01", b"\0\0\0\0\7more", b""]), numbers, np.arange(3))
    producer.close()
    assert brokerbench(["alerts", "tail", str(run.path), "t"]) == 0
    said = capsys.readouterr().out
    assert said.count("not an alert of") == 3
    assert "not an alert of ztf_v4_02; --schema names another one" in said
    assert brokerbench(["alerts", "tail", str(run.path), "t", "--schema", "lsst_v10_0"]) == 0
    assert capsys.readouterr().out.count("not an alert of lsst_v10_0") == 3


@pytest.mark.parametrize("command", [["show"], ["export", "-o", "OUT"], ["archive", "-o", "OUT"]])
def test_a_run_without_alerts_is_told_how_to_get_them(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run", PARTS)
    rest = [str(tmp_path / "out") if word == "OUT" else word for word in command[1:]]
    assert brokerbench(["alerts", command[0], str(run.path), *rest]) == 2
    assert (
        "run: expected a run whose alerts are made, got none; `brokerbench play`" in capsys.readouterr().err
    )
    assert not (tmp_path / "out").exists()


def test_a_model_is_trained_anew_on_another_schema_unless_the_stream_was_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made(tmp_path / "run")
    for part in PARTS:
        ids = run.read("dia_objects", part, DiaObjects).object_id
        truth = {c.name: np.zeros(len(ids), c.dtype) for c in columns(Objects)}
        classes = np.resize(np.array([2222, 2332], "i4"), len(ids))
        table = Objects(**truth | {"object_id": ids, "class_id": classes})
        write_table(run.file("truth/objects", part), table)
    train = ["train", str(run.path), "--broker", "prior", "-o", str(tmp_path / "model")]
    assert brokerbench(train) == 0
    assert brokerbench([*train, "--schema", "lsst_v11_0", "--again"]) == 0
    assert Folder.open(run.path / "stream").manifest["schema"] == "lsst_v11_0"
    play(run, Spool(run.path / "topics"))
    assert brokerbench([*train, "--again"]) == 2
    assert "expected a stream with schema elasticc_v0_9_1, got one with lsst_v11_0" in capsys.readouterr().err


def test_a_kafka_that_does_not_run_is_not_said_to_be_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert brokerbench(["kafka", "down", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith("did not run\n")


def test_an_archive_that_is_missing_is_named_before_anything_is_sent(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    tars = archive_nights(run, tmp_path / "tars")
    spool = Spool(run.path / "topics")
    missing = tmp_path / "tars" / "none.tar"
    with pytest.raises(InputError, match="none.tar: expected a tar of alerts, got nothing there"):
        play_archive([*tars, missing], spool, "again")
    assert "again" not in spool.topics()
    seen: list[tuple[int, int]] = []
    sent = play_archive(tars, spool, "again", progress=lambda *given: seen.append(given))
    assert seen[-1] == (sent, sent)


def test_a_replay_with_nothing_left_to_send_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made(tmp_path / "run")
    tars = [str(path) for path in archive_nights(run, tmp_path / "tars")]
    for expected in ("alerts\n", "Sent 0 alerts; old has all of them"):
        assert brokerbench(["alerts", "replay", str(run.path), *tars, "--topic", "old"]) == 0
        assert expected in capsys.readouterr().out


def test_a_broker_with_nothing_left_to_read_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made(tmp_path / "run")
    play(run, Spool(run.path / "topics"))
    broker = tmp_path / "constant.py"
    broker.write_text(
        "import numpy as np\n"
        "class Constant:\n"
        "    name, version, classes = 'constant', '1', (2222, 2332)\n"
        "    def classify(self, batch):\n"
        "        return np.full((len(batch), 2), 0.5, 'f4')\n"
        "BROKER = Constant()\n"
    )
    for expected in (", answered", "Received 0 alerts, answered 0; constant had read all that is there"):
        assert brokerbench(["run", str(run.path), "--broker", str(broker)]) == 0
        assert expected in capsys.readouterr().out


def test_alerts_on_which_a_broker_fails_are_told_with_their_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made(tmp_path / "run")
    total = play(run, Spool(run.path / "topics")).sent
    broker = tmp_path / "fragile.py"
    broker.write_text(
        "import numpy as np\n"
        "class Fragile:\n"
        "    name, version, classes = 'fragile', '1', (2222, 2332)\n"
        "    def classify(self, batch):\n"
        "        if (batch.alert_id % 7 == 0).any():\n"
        "            raise ValueError('sevens')\n"
        "        return np.full((len(batch), 2), 0.5, 'f4')\n"
        "BROKER = Fragile()\n"
    )
    assert brokerbench(["run", str(run.path), "--broker", str(broker)]) == 0
    said = capsys.readouterr().out
    (file,) = (run.path / "served").glob("fragile-*.json")
    kept = json.loads(file.read_text())
    parts = Folder.open(run.path / "stream").parts
    ids = [read_table(run.path / "stream" / "alerts" / f"{p}.parquet", Alerts).alert_id for p in parts]
    sevens = int((np.concatenate(ids) % 7 == 0).sum())
    assert (kept["received"], kept["answered"], kept["failed"]) == (total, total - sevens, sevens)
    assert f"Failed on {sevens:,}; 0 were malformed" in said
    assert "alerts, partition 0, offset" in said
    assert "broker raised ValueError: sevens" in said
    assert len(kept["reasons"]) == min(sevens, 100) > 0


def test_progress_of_a_broker_counts_up_to_what_is_expected(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    total = play(run, Spool(run.path / "topics")).sent
    seen: list[tuple[int, int]] = []
    spool = Spool(run.path / "topics")
    serve(
        Prior(),
        spool,
        Route("a"),
        batching=Batching(expect=total),
        watch=Watch(lambda *given: seen.append(given)),
    )
    assert seen[-1] == (total, total)


@pytest.mark.kafka
def test_kafka_topics_of_a_prefix_are_scored_and_never_emptied(
    kafka: LocalKafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made(tmp_path / "run")
    prefix = f"p{uuid.uuid4()}-"
    link = ["--transport", "kafka", "-X", f"bootstrap.servers={kafka.bootstrap}", "--prefix", prefix]
    assert brokerbench(["play", str(run.path), *link]) == 0
    assert brokerbench(["score", str(run.path), *link]) == 2
    assert "expected topics of answers, got none in kafka; name them with --topic" in capsys.readouterr().err
    transport = Kafka({"bootstrap.servers": kafka.bootstrap})
    serve(Prior(), transport, Route(f"{prefix}answers-prior", f"{prefix}alerts", group=prefix))
    before = sorted(str(path) for path in run.path.rglob("*"))
    assert brokerbench(["play", str(run.path), *link, "--again"]) == 2
    assert f"--again: expected a topic that is not there yet, got {prefix}alerts" in capsys.readouterr().err
    assert sorted(str(path) for path in run.path.rglob("*")) == before


def test_a_wrong_address_shows_before_the_stream_is_made(
    tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("streamer.transports.kafka._WAIT_S", 1.0)
    run = make_run(tmp_path / "run", PARTS)
    address = ["-X", "bootstrap.servers=127.0.0.1:1"]
    assert brokerbench(["play", str(run.path), "--transport", "kafka", *address]) == 2
    assert "got 127.0.0.1:1/bootstrap: Connect to" in capsys.readouterr().err
    assert not list(run.path.glob("stream*"))
