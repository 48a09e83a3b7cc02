"""Kafka with TLS and passwords, and clients that are not ours."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import admin

from brokerbench.errors import TransportError
from brokerbench.store import Folder
from streamer import local_kafka
from streamer.alerts import prepare
from streamer.local_kafka import LocalKafka, Security
from streamer.packets import Packets
from streamer.replay import play
from streamer.serve import Route, serve
from streamer.transports.kafka import Kafka
from tests.conftest import ROOT, missing
from tests.streamer.runs import Prior, make_run

pytestmark = pytest.mark.kafka
USER, PASSWORD = "reader", "a-password"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of one's own for 127.0.0.1: key.pem and cert.pem, and both in one file."""
    if shutil.which("openssl") is None:
        missing("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificate")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key.pem")]
    subprocess.run([*command, "-out", str(folder / "cert.pem")], check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


@pytest.fixture(scope="module")
def guarded(
    kafka: LocalKafka, certificate: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalKafka]:
    """A real broker with TLS and SCRAM-SHA-512, on which the user may use topics that begin with open-."""
    folder = tmp_path_factory.mktemp("guarded")
    security = Security(str(certificate), USER, PASSWORD)
    broker = local_kafka.up(folder, cache=ROOT / ".cache" / "kafka", security=security)
    client = admin.AdminClient({"bootstrap.servers": broker.bootstrap})
    allowed = [
        admin.AclBinding(
            kind,
            name,
            admin.ResourcePatternType.PREFIXED,
            f"User:{USER}",
            "*",
            admin.AclOperation.ALL,
            admin.AclPermissionType.ALLOW,
        )
        for kind, name in ((admin.ResourceType.TOPIC, "open-"), (admin.ResourceType.GROUP, "b"))
    ]
    for future in client.create_acls(allowed).values():
        future.result(20)
    yield broker
    local_kafka.down(folder)


def settings(broker: LocalKafka, certificate: Path, **changes: str) -> dict[str, str]:
    return {
        "bootstrap.servers": broker.secure,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": USER,
        "sasl.password": PASSWORD,
        "ssl.ca.location": str(certificate.with_name("cert.pem")),
        **{k.replace("_", "."): v for k, v in changes.items()},
    }


def test_a_run_is_played_over_tls_with_a_password(
    guarded: LocalKafka, certificate: Path, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run")
    prepare(run)
    transport = Kafka(settings(guarded, certificate))
    report = play(run, transport, topic="open-alerts")
    consumer = transport.consumer("open-alerts")
    seen = 0
    while not consumer.drained():
        seen += len(consumer.poll(500, 0.1))
    consumer.close()
    assert seen == report.sent > 100


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sasl_password": "wrong"}, "expected a Kafka broker that answers, got .*[Aa]uthentication"),
        ({"ssl_ca_location": "/etc/hostname"}, "expected settings of librdkafka, got .*ssl.ca.location"),
    ],
)
def test_who_may_not_in_is_told_why(
    guarded: LocalKafka, certificate: Path, changes: dict[str, str], message: str, monkeypatch
) -> None:
    monkeypatch.setattr("streamer.transports.kafka._WAIT_S", 3.0)
    with pytest.raises(TransportError, match=message):
        Kafka(settings(guarded, certificate, **changes)).producer("open-alerts")


def test_a_certificate_that_nobody_vouches_for_is_refused(
    guarded: LocalKafka, certificate: Path, monkeypatch
) -> None:
    monkeypatch.setattr("streamer.transports.kafka._WAIT_S", 3.0)
    trusting = settings(guarded, certificate)
    del trusting["ssl.ca.location"]
    with pytest.raises(TransportError, match="expected a Kafka broker that answers, got .*SSL"):
        Kafka(trusting).topics()


def test_a_topic_without_permission_is_named(guarded: LocalKafka, certificate: Path) -> None:
    with pytest.raises(TransportError, match="topic closed: expected access, got .*[Aa]uthoriz"):
        Kafka(settings(guarded, certificate)).producer("closed")
    plain = Kafka({"bootstrap.servers": guarded.bootstrap})
    producer = plain.producer("closed")
    producer.send(Packets.of([b"x"]), np.zeros(1, "i8"), np.zeros(1, "i8"))
    producer.flush()
    producer.close()
    with pytest.raises(TransportError, match="[Aa]uthoriz"):
        Kafka(settings(guarded, certificate)).producer("closed")


def test_a_topic_or_a_group_that_one_may_not_read_with_is_named(
    guarded: LocalKafka, certificate: Path
) -> None:
    numbers = np.zeros(1, "i8")
    for topic in ("open-read", "shut"):
        producer = Kafka({"bootstrap.servers": guarded.bootstrap}).producer(topic)
        producer.send(Packets.of([b"x"]), numbers, numbers)
        producer.flush()
        producer.close()
    transport = Kafka(settings(guarded, certificate))
    with pytest.raises(TransportError, match="topic shut: expected access, got .*[Aa]uthoriz"):
        transport.consumer("shut")
    with pytest.raises(TransportError, match="topic shut: expected access, got .*[Aa]uthoriz"):
        serve(Prior(), transport, Route("open-answers", "shut", group="b-1"))
    with pytest.raises(TransportError, match="topic open-read: expected to read, got .*[Aa]uthoriz"):
        serve(Prior(), transport, Route("open-answers", "open-read", group="not-mine"))


@pytest.fixture
def played(kafka: LocalKafka, tmp_path: Path) -> tuple[Folder, str]:
    """A run, and the topic that it was played to."""
    run, topic = make_run(tmp_path / "run"), f"t-{uuid.uuid4()}"
    prepare(run)
    play(run, Kafka({"bootstrap.servers": kafka.bootstrap}), topic=topic)
    return run, topic


def total(run: Folder) -> int:
    return sum(p["alerts"] for p in Folder.open(run.path / "ledger").manifest["parts"].values())


def test_kcat_reads_our_topics_with_keys_and_headers(kafka: LocalKafka, played: tuple[Folder, str]) -> None:
    if shutil.which("kcat") is None:
        missing("kcat is not installed")
    run, topic = played
    command = ["kcat", "-C", "-b", kafka.bootstrap, "-t", topic, "-e", "-q", "-J"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    lines = [json.loads(x) for x in done.stdout.decode("utf-8", "replace").splitlines() if x.startswith("{")]
    assert len(lines) == total(run)
    for line in lines:
        headers = dict(zip(line["headers"][::2], line["headers"][1::2], strict=True))
        assert set(headers) == {"sequence", "run", "schema", "planned"}
        assert headers["schema"] == "elasticc_v0_9_1"
        assert float(headers["planned"]) >= 0
        assert line["key"].isdigit()
        assert line["tstype"] == "logappend"


def test_a_client_written_in_python_reads_our_topics(kafka: LocalKafka, played: tuple[Folder, str]) -> None:
    try:
        from kafka import KafkaConsumer
    except ImportError:
        missing("kafka-python is not installed")
    run, topic = played
    consumer = KafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=5000
    )
    numbers = []
    for message in consumer:
        numbers.append(int(dict(message.headers)["sequence"]))
        if len(numbers) == total(run):
            break
    consumer.close()
    assert sorted(numbers) == list(range(total(run)))
