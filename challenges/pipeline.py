"""The stages of the main job, each from a run folder to a run folder.

make or import -> (split) -> prepare -> train
                             prepare -> play, run (one process a broker) -> collect -> score -> report
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from brokerbench.errors import ConfigError, InputError
from brokerbench.store import Folder, atomic_write
from challenges.challenge import Stream
from challenges.training import trained
from reference_brokers.protocol import load_broker
from scoring.score import score
from streamer.alerts import Late, prepare
from streamer.archives import play_archive
from streamer.collect import collect
from streamer.cutouts import CutoutFile
from streamer.isolate import IsolatedBroker
from streamer.meter import Watch
from streamer.replay import Pace, PlayReport, play
from streamer.serve import Batching, Route, ServeReport, serve
from streamer.transports import open_transport

__all__ = [
    "Link",
    "Progress",
    "Watch",
    "answer_archive",
    "answer_topic",
    "collect_answers",
    "forget",
    "open_run",
    "prepared",
    "play_run",
    "run_broker",
    "score_run",
    "stream_schema",
]

Progress = Callable[[str], Callable[[int, int], None]]
"""Given the name of a stage, what to call with (done, total) while it goes on."""

ALERTS = "alerts"
ANSWERS = "answers-"


@dataclass(frozen=True)
class Link:
    """A transport and its settings, as given on the command line."""

    name: str = "spool"
    settings: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    """Put before every topic name, so that runs can share one Kafka."""

    def open(self, run: Path) -> Any:
        """The transport for one run."""
        return open_transport(self.name, run=run, settings=self.settings)

    def topic(self, name: str) -> str:
        """The topic's name with the prefix."""
        return f"{self.prefix}{name}"


def quiet(_: str) -> Callable[[int, int], None]:
    """Progress that shows nothing."""
    return lambda done, total: None


def answer_topic(broker: str) -> str:
    """The topic that a broker's answers go to."""
    kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in broker)
    return f"{ANSWERS}{kept}"


def forget(run: Path, *stages: str) -> None:
    """Remove stages of a run (and their partial folders), so that they can be made again."""
    for stage in stages:
        for path in (run / stage, run / f"{stage}.partial"):
            if path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()


def open_run(path: Path) -> Folder:
    """The run at `path`."""
    return Folder.open(path, kind="run")


def prepared(run: Folder, stream: Stream, *, workers: int = 1, progress: Progress = quiet) -> Folder:
    """The run's stream, made now unless it is there already. ConfigError where it is made otherwise."""
    path = run.path / "stream"
    late = Late(stream.late_redshift_d, stream.late_host_d)
    cutouts = CutoutFile(stream.cutouts, run.path) if stream.cutouts else None
    if not path.is_dir():
        return prepare(
            run,
            schema=stream.schema,
            delay_s=stream.delay_s,
            late=late,
            cutouts=cutouts,
            workers=workers,
            progress=progress("alerts"),
        )
    made = Folder.open(path, kind="stream")
    asked = (
        ("schema", stream.schema, ""),
        ("delay_s", stream.delay_s, 0.0),
        ("late_redshift_d", late.redshift_d, 0.0),
        ("late_host_d", late.host_d, 0.0),
        ("cutouts", bool(cutouts), False),
    )
    for name, value, without in asked:
        got = made.manifest.get(name, without)
        if got != value:
            raise ConfigError(
                f"{path}: expected a stream with {name} {value}, got one with {got}; "
                "use --again to make it anew"
            )
    return made


def play_run(
    run: Folder,
    link: Link,
    *,
    pace: Pace = Pace(),  # noqa: B008  frozen
    watch: Watch | None = None,
) -> PlayReport:
    """What was sent of the run's stream, and how far it slipped behind its clock."""
    return play(run, link.open(run.path), topic=link.topic(ALERTS), pace=pace, watch=watch)


def run_broker(
    run: Folder,
    name: str,
    link: Link,
    *,
    model: Path | None = None,
    timeout_s: float = 0.0,
    watch: Watch | None = None,
) -> ServeReport:
    """What a broker received and answered of the run's stream, until its end; kept in RUN/served too.

    timeout_s: above 0 the broker lives in a process of its own, which is killed and started anew when
    a batch takes longer; the batch is counted as failed.
    """
    broker = trained(name, model)
    apart = (
        IsolatedBroker(partial(load_broker, name, model=model), timeout_s=timeout_s) if timeout_s else None
    )
    try:
        report = serve(
            apart or broker,
            link.open(run.path),
            Route(link.topic(answer_topic(broker.name)), link.topic(ALERTS), _known_schema(run), broker.name),
            batching=Batching(expect=partial(_alerts_in_stream, run)),
            watch=watch,
        )
    finally:
        if apart is not None:
            apart.close()
    if report.received:
        name = answer_topic(broker.name).removeprefix(ANSWERS)
        with atomic_write(run.path / "served" / f"{name}-{time.time_ns() // 1000}.json") as file:
            file.write(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    return report


def answer_archive(
    tars: Sequence[Path],
    name: str,
    out: Path,
    *,
    model: Path | None = None,
    schema: str = Stream().schema,
    watch: Watch | None = None,
) -> ServeReport:
    """What a broker received and answered of archived alerts; its answers lie at `out`, a spool's topic.

    Raises InputError where there is something at `out`, a tar that cannot be read, or no alert of the
    schema.
    """
    if out.exists():
        raise InputError(f"{out}: expected no such folder yet, got one; choose another name")
    broker = trained(name, model)
    scratch = out.with_name(f"{out.name}.partial")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        link = Link().open(scratch)
        sent = play_archive(list(tars), link, ALERTS)
        answers = answer_topic(broker.name)
        route = Route(answers, ALERTS, schema)
        report = serve(broker, link, route, batching=Batching(expect=sent), watch=watch)
        if report.malformed and not report.answered:
            raise InputError(
                f"{tars[0]}: expected alerts of the schema {schema}, got {report.malformed:,} that are not; "
                "use --schema"
            )
        (scratch / "topics" / answers).rename(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return report


def stream_schema(run: Folder) -> str:
    """The schema that the run's stream is in, or will be in; the usual one where none is being prepared."""
    return _known_schema(run) or Stream().schema


def _known_schema(run: Folder) -> str | None:
    for path in (run.path / "stream" / "manifest.json", run.path / "stream.partial" / "begun.json"):
        if path.is_file():
            return str(json.loads(path.read_bytes())["schema"])
    return None


def _alerts_in_stream(run: Folder) -> int | None:
    """How many alerts the run's stream has, None while it is being prepared."""
    if not (run.path / "stream" / "manifest.json").is_file():
        return None
    parts = Folder.open(run.path / "stream", kind="stream").manifest["parts"]
    return sum(part["alerts"] for part in parts.values())


def collect_answers(run: Folder, link: Link, *, topics: Sequence[str] | None = None) -> list[Any]:
    """The answers of every topic of the run (of the spool's answer topics by default), collected."""
    if topics is None and link.name != "spool":
        there = link.open(run.path).topics() if link.prefix else []
        topics = [name for name in there if name.startswith(f"{link.prefix}{ANSWERS}")]
        if not topics:
            raise ConfigError(
                f"score: expected topics of answers, got none in {link.name}; name them with --topic, or "
                "give the --prefix that the brokers ran with"
            )
    if topics is None:
        folder = run.path / "topics"
        topics = sorted(p.name for p in folder.glob(f"{link.prefix}{ANSWERS}*") if p.is_dir())
        if not topics:
            raise InputError(
                f"{folder}: expected topics of answers, got none; start a broker with `brokerbench run`"
            )
    return collect(run, link.open(run.path), list(topics))


def score_run(
    run: Folder, link: Link, *, spec: Any, topics: Sequence[str] | None = None, workers: int = 1
) -> Folder:
    """The scores of a run, its answers collected first where they are not yet."""
    if not (run.path / "ledger").is_dir():
        raise InputError(f"{run.path}: expected a run that was played, got no ledger; use `brokerbench play`")
    if not (run.path / "answers").is_dir():
        collect_answers(run, link, topics=topics)
    return score(run, spec=spec, workers=workers)
