"""The main job from end to end: its stages in order, every broker in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from brokerbench.errors import BrokerbenchError, TransportError
from brokerbench.store import Folder
from challenges.challenge import Challenge
from challenges.pipeline import (
    Link,
    Progress,
    open_run,
    play_run,
    prepared,
    quiet,
    run_broker,
    score_run,
)
from challenges.split import split
from challenges.training import train_broker
from scoring.report.build import write_report
from simulate.generate import generate
from simulate.registries import READERS
from streamer.meter import Watch
from streamer.replay import Pace

__all__ = ["import_demo", "simulate_demo", "stream_and_score"]


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
    prepared(run, challenge.stream, workers=workers, progress=progress)
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
        play_run(run, link, pace=Pace(speed=challenge.stream.speed), watch=Watch(progress=progress("play")))
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
    score_run(run, link, spec=challenge.scoring, workers=workers)
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
    prepared(learn, challenge.stream, workers=workers)
    models = {}
    for name in challenge.training.brokers:
        done = progress(f"train {name}")
        models[name] = train_broker(learn, name, out=out / "models" / name, seed=challenge.training.seed)
        done(1, 1)
    return run, stream_and_score(run, models, challenge=challenge, workers=workers, progress=progress)
