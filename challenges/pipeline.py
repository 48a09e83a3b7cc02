"""The stages of the main job, each from a run folder to a run folder.

make or import -> (split) -> prepare -> train
                             prepare -> play, run (one process a broker) -> collect -> score -> report
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import BrokerbenchError, ConfigError, InputError, TransportError
from brokerbench.store import Folder
from brokerbench.tables import AlertBatch, Objects
from challenges.challenge import Challenge, Stream
from challenges.split import split
from reference_brokers.check import Finding, check_broker
from reference_brokers.protocol import load_broker
from scoring.report.build import write_report
from scoring.score import score
from simulate.generate import generate
from simulate.registries import READERS
from streamer.alerts import prepare, read_batches
from streamer.collect import collect
from streamer.replay import PlayReport, play
from streamer.serve import ServeReport, serve
from streamer.transports import open_transport

__all__ = [
    "Link",
    "Progress",
    "answer_topic",
    "check_on_run",
    "collect_answers",
    "forget",
    "import_demo",
    "play_run",
    "run_broker",
    "score_run",
    "simulate_demo",
    "stream_and_score",
    "train_broker",
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


def prepared(run: Folder, *, schema: str, delay_s: float, workers: int, progress: Progress = quiet) -> Folder:
    """The run's stream, made now unless it is there already."""
    path = run.path / "stream"
    if path.is_dir():
        stream = Folder.open(path, kind="stream")
        made = (stream.manifest.get("schema"), stream.manifest.get("delay_s"))
        if made != (schema, delay_s):
            raise ConfigError(
                f"{path}: expected a stream of schema {schema} and delay {delay_s} s, got {made[0]} and "
                f"{made[1]} s; use --again to make it anew"
            )
        return stream
    return prepare(run, schema=schema, delay_s=delay_s, workers=workers, progress=progress("alerts"))


def labelled_batches(run: Folder, *, size: int = 4096) -> Iterator[tuple[AlertBatch, NDArray[np.int32]]]:
    """The alerts of a run with the true class id i4[n] of each alert's object."""
    of_part = ""
    ids, classes = np.empty(0, "i8"), np.empty(0, "i4")
    for part, batch in read_batches(run, size=size):
        if part != of_part:
            truth = run.read("truth/objects", part, Objects)
            order = np.argsort(truth.object_id)
            ids, classes, of_part = truth.object_id[order], truth.class_id[order], part
        at = np.searchsorted(ids, batch.object_id)
        yield batch, classes[at]


def train_broker(run: Folder, name: str, *, out: Path, seed: int) -> Path:
    """The model folder of a broker fitted on the alerts of a run."""
    broker = load_broker(name)
    if not hasattr(broker, "fit") or not hasattr(broker, "save"):
        raise ConfigError(f"{name}: expected a broker with fit and save to train, got one without")
    if out.exists():
        raise InputError(f"{out}: expected no such model yet, got one; choose another name or use --again")
    broker.fit(labelled_batches(run), seed=seed).save(out)
    return out


def check_on_run(run: Folder, name: str, *, model: Path | None = None, size: int = 64) -> list[Finding]:
    """What `reference_brokers.check` finds of a broker on the first alerts of a prepared run."""
    broker = load_broker(name, model=model)
    batch = next((batch for _, batch in read_batches(run, size=size) if len(batch) >= 10), None)
    if batch is None:
        raise InputError(f"{run.path}: expected a part with 10 alerts or more to try a broker on, got none")
    return check_broker(broker, batch)


def play_run(
    run: Folder,
    link: Link,
    *,
    speed: float = 0.0,
    behind: str = "catch up",
    progress: Callable[[int, int], None] | None = None,
) -> PlayReport:
    """What was sent of the run's stream, and how far it slipped behind its clock."""
    transport = link.open(run.path)
    return play(run, transport, topic=link.topic(ALERTS), speed=speed, behind=behind, progress=progress)


def run_broker(
    run: Folder,
    name: str,
    link: Link,
    *,
    model: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ServeReport:
    """What a broker received and answered of the run's stream, until its end."""
    broker = load_broker(name, model=model)
    if not len(broker.classes):
        raise ConfigError(
            f"{name}: expected a broker that knows its classes, got one that is not trained; "
            "give its model with --model, or train it with `brokerbench train`"
        )
    return serve(
        broker,
        link.open(run.path),
        schema=_stream_schema(run),
        topic_in=link.topic(ALERTS),
        topic_out=link.topic(answer_topic(broker.name)),
        group=broker.name,
        progress=progress,
    )


def _stream_schema(run: Folder) -> str:
    """The schema that the run's stream is in, or will be in when it is being prepared."""
    for path in (run.path / "stream" / "manifest.json", run.path / "stream.partial" / "begun.json"):
        if path.is_file():
            return str(json.loads(path.read_bytes())["schema"])
    return Stream().schema


def collect_answers(run: Folder, link: Link, *, topics: Sequence[str] | None = None) -> list[Any]:
    """The answers of every topic of the run (of the spool's answer topics by default), collected."""
    if topics is None:
        if link.name != "spool":
            raise ConfigError("score: expected --topic for a transport other than the spool, got none")
        folder = run.path / "topics"
        topics = sorted(p.name for p in folder.glob(f"{link.prefix}{ANSWERS}*") if p.is_dir())
        if not topics:
            raise InputError(
                f"{folder}: expected topics of answers, got none; start a broker with `brokerbench run`"
            )
    return collect(run, link.open(run.path), list(topics))


def score_run(run: Folder, link: Link, *, spec: Any, topics: Sequence[str] | None = None) -> Folder:
    """The scores of a run, its answers collected first where they are not yet."""
    if not (run.path / "ledger").is_dir():
        raise InputError(f"{run.path}: expected a run that was played, got no ledger; use `brokerbench play`")
    if not (run.path / "answers").is_dir():
        collect_answers(run, link, topics=topics)
    return score(run, spec=spec)


@dataclass(frozen=True)
class _Job:
    run: Path
    broker: str
    model: Path | None
    link: Link


def _serve_job(job: _Job, failures: Any) -> None:
    try:
        run_broker(open_run(job.run), job.broker, job.link, model=job.model)
    except BrokerbenchError as error:
        failures.put(f"{job.broker}: {error}")
        raise SystemExit(2) from None


def stream_and_score(
    run: Folder,
    models: Mapping[str, Path],
    *,
    challenge: Challenge,
    workers: int = 1,
    progress: Progress = quiet,
) -> Path:
    """The report of a run: its stream played to every broker at once, each a process of its own."""
    stream = challenge.stream
    prepared(run, schema=stream.schema, delay_s=stream.delay_s, workers=workers, progress=progress)
    link = Link()
    context = multiprocessing.get_context("spawn")  # numba and onnxruntime threads do not survive a fork
    failures = context.Queue()
    processes = [
        context.Process(target=_serve_job, args=(_Job(run.path, name, model, link), failures), name=name)
        for name, model in models.items()
    ]
    for process in processes:
        process.start()
    try:
        play_run(run, link, speed=stream.speed, progress=progress("play"))
    except BaseException:
        for process in processes:
            process.terminate()
        raise
    for process in processes:
        process.join()
    for process in processes:
        if process.exitcode:
            reason = failures.get() if not failures.empty() else f"exit code {process.exitcode}"
            raise TransportError(f"broker {process.name}: expected it to end with the stream, got {reason}")
    score_run(run, link, spec=challenge.scoring)
    return write_report(run, run.path / "report.html")


def simulate_demo(
    challenge: Challenge, out: Path, *, workers: int = 1, progress: Progress = quiet
) -> tuple[Folder, Path]:
    """The scored run and its report: survey and training run simulated, brokers trained and run."""
    learn = generate(
        challenge.training_simulation(), out / "training", workers=workers, progress=progress("training run")
    )
    run = generate(challenge.simulation(), out / "run", workers=workers, progress=progress("simulate"))
    return _learn_and_run(run, learn, challenge, out=out, workers=workers, progress=progress)


def import_demo(
    folders: Sequence[Path],
    out: Path,
    *,
    challenge: Challenge,
    reader: str = "snana",
    workers: int = 1,
    progress: Progress = quiet,
) -> tuple[Folder, Path]:
    """The scored run and its report: imported objects, half of each class to learn from."""
    whole = READERS[reader].read(list(folders), out / "imported", seed=challenge.seed, name="imported")
    learn, run = split(whole, 0.5, first=out / "training", second=out / "run", seed=challenge.seed)
    renamed = msgspec.structs.replace(challenge, name="imported")
    return _learn_and_run(run, learn, renamed, out=out, workers=workers, progress=progress)


def _learn_and_run(
    run: Folder, learn: Folder, challenge: Challenge, *, out: Path, workers: int, progress: Progress
) -> tuple[Folder, Path]:
    stream = challenge.stream
    prepared(learn, schema=stream.schema, delay_s=stream.delay_s, workers=workers)
    models = {}
    for name in challenge.training.brokers:
        done = progress(f"train {name}")
        models[name] = train_broker(learn, name, out=out / "models" / name, seed=challenge.training.seed)
        done(1, 1)
    return run, stream_and_score(run, models, challenge=challenge, workers=workers, progress=progress)
