"""The compose file starts the Kafka that the jars are of, with the same limits."""

from __future__ import annotations

import re
from pathlib import Path

from streamer import local_kafka


def test_the_compose_file_and_the_jars_are_one_version(root: Path) -> None:
    compose = (root / "streamer" / "kafka_jars" / "compose.yml").read_text()
    pom = (root / "streamer" / "kafka_jars" / "pom.xml").read_text()
    image = re.search(r"image: apache/kafka:([\d.]+)", compose)
    jar = re.search(r"<artifactId>kafka_2.13</artifactId>\s*<version>([\d.]+)<", pom)
    assert image
    assert jar
    assert image[1] == jar[1]


def test_the_compose_file_has_the_limits_of_the_local_broker(root: Path) -> None:
    compose = (root / "streamer" / "kafka_jars" / "compose.yml").read_text()
    ours = Path(local_kafka.__file__).read_text()
    for setting in ("message.max.bytes", "num.partitions", "auto.create.topics.enable"):
        value = re.search(rf"^{re.escape(setting)}=(\S+)", ours, re.M)
        assert value
        key = "KAFKA_" + setting.replace(".", "_").upper()
        assert re.search(rf'{key}: "?{value[1]}"?$', compose, re.M), key


def test_the_compose_file_listens_on_this_machine_alone(root: Path) -> None:
    compose = (root / "streamer" / "kafka_jars" / "compose.yml").read_text()
    assert re.findall(r'^\s+- "([\d.:]+)"', compose, re.M) == ["127.0.0.1:9092:9092"]
