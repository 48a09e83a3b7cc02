"""Commands that stream: train, play, run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from brokerbench.errors import ConfigError
from challenges.options import (
    CPUS,
    Again,
    Live,
    MetricsPort,
    Prefix,
    RunPath,
    Settings,
    TransportName,
    Workers,
    link_of,
    pairs_of,
    progress_bars,
    say,
    watching,
)

ChallengeName = Annotated[
    str | None,
    typer.Option(help="Challenge that says how the stream is made where no option does."),
]
Schema = Annotated[str | None, typer.Option(help="Alert schema; elasticc_v0_9_1 if none is named.")]
Delay = Annotated[
    float | None, typer.Option(min=0.0, help="Seconds from shutter close to publication; 60 if not given.")
]
LateRedshift = Annotated[
    float | None,
    typer.Option(min=0.0, help="Days from an object's first detection until its alerts carry a redshift."),
]
LateHost = Annotated[
    float | None,
    typer.Option(min=0.0, help="Days from an object's first detection until its alerts carry its hosts."),
]
CutoutsPath = Annotated[
    str | None, typer.Option(metavar="FILE.py", help="Python file that makes the stamps of alerts.")
]


def train(
    run_path: RunPath,
    broker: Annotated[str, typer.Option(help="Reference broker, or the path of a .py file.")],
    out: Annotated[Path, typer.Option("--output", "-o", metavar="MODEL", help="Folder of the model.")],
    seed: Annotated[int, typer.Option(help="Seed of the fit.")] = 1,
    challenge: ChallengeName = None,
    schema: Schema = None,
    delay: Delay = None,
    late_redshift: LateRedshift = None,
    late_host: LateHost = None,
    workers: Workers = CPUS,
    again: Again = False,
) -> None:
    """Fit a broker on the alerts of a run whose truth is known."""
    from challenges.pipeline import forget, open_run, prepared
    from challenges.training import train_broker

    learn = open_run(run_path)
    late = {"late_redshift_d": late_redshift, "late_host_d": late_host}
    stream = stream_of(challenge, {"schema": schema, "delay_s": delay, **late})
    if again:
        forget(out.parent, out.name)
        if not (run_path / "ledger").exists():  # a played stream stays as it was sent
            forget(run_path, "stream")
    with progress_bars() as progress:
        prepared(learn, stream, workers=workers, progress=progress)
    say(f"Model: {train_broker(learn, broker, out=out, seed=seed)}")


def play(
    run_path: RunPath,
    speed: Annotated[
        float | None, typer.Option(min=0.0, help="Survey seconds per second; 0 as fast as possible.")
    ] = None,
    behind: Annotated[
        str, typer.Option(help="When the transport does not keep up: catch-up, shift or fail.")
    ] = "catch-up",
    max_gap: Annotated[
        float, typer.Option(help="Seconds of the stream after which a silence (a day, a cloud) is cut.")
    ] = float("inf"),
    outage: Annotated[
        list[str] | None,
        typer.Option(metavar="START=END", help="Seconds of silence."),
    ] = None,
    transport: TransportName = "spool",
    settings: Settings = None,
    prefix: Prefix = "",
    challenge: ChallengeName = None,
    schema: Schema = None,
    delay: Delay = None,
    late_redshift: LateRedshift = None,
    late_host: LateHost = None,
    cutouts: CutoutsPath = None,
    workers: Workers = CPUS,
    live: Live = False,
    metrics_port: MetricsPort = None,
    again: Again = False,
) -> None:
    """Send the alerts of a run; a call after a crash goes on where the last one was."""
    from challenges.pipeline import forget, open_run, play_run, prepared
    from streamer.meter import Watch
    from streamer.replay import Pace

    run_folder = open_run(run_path)
    link = link_of(transport, settings, prefix)
    refuse_old_topic(link, run_path, again)
    late = {"late_redshift_d": late_redshift, "late_host_d": late_host}
    given = {"schema": schema, "delay_s": delay, "speed": speed, "cutouts": cutouts, **late}
    stream = stream_of(challenge, given)
    pace = Pace(
        speed=stream.speed, behind=behind.replace("-", " "), outages=outages_of(outage), longest_gap=max_gap
    )
    if again:
        forget(
            run_path, "stream", "topics", "ledger", "served", "answers", "rejects", "scores", "report.html"
        )
    with progress_bars() as progress:
        prepared(run_folder, stream, workers=workers, progress=progress)
    with watching(live, metrics_port) as meter, progress_bars(shown=not live) as progress:
        played = play_run(run_folder, link, pace=pace, watch=Watch(progress("play"), meter))
    slip = f"; slip max {played.slip_max:.3f} s, p99 {played.slip_p99:.3f} s" if stream.speed else ""
    say(f"Sent {played.sent:,} alerts ({played.resumed:,} before) in {played.seconds:.1f} s{slip}")


def refuse_old_topic(link: Any, run_path: Path, again: bool) -> None:
    """ConfigError where a topic would have to be emptied that is no part of the run.

    The transport is asked in any case, so that a wrong address shows before anything is made.
    """
    from challenges.pipeline import ALERTS

    topic = link.topic(ALERTS)
    if topic in link.open(run_path).topics() and again and link.name != "spool":
        raise ConfigError(
            f"--again: expected a topic that is not there yet, got {topic}, which {link.name} keeps; choose "
            "another --prefix"
        )


def stream_of(challenge: str | None, given: Mapping[str, Any]) -> Any:
    """How the stream is made: what is given, the rest as in the challenge, or as without any."""
    from challenges.challenge import Stream, find_challenge

    stream = find_challenge(challenge).stream if challenge else Stream()
    return msgspec.structs.replace(stream, **{k: v for k, v in given.items() if v is not None})


def outages_of(given: list[str] | None) -> tuple[tuple[float, float], ...]:
    """Outages as pairs of seconds. ConfigError for one that is no pair of numbers."""
    try:
        return tuple((float(a), float(b)) for a, b in pairs_of("--outage", given).items())
    except ValueError as error:
        raise ConfigError(f"--outage: expected numbers START=END, got {error}") from error


def run_(
    run_path: RunPath,
    broker: Annotated[str, typer.Option(help="Reference broker, or the path of a .py file.")],
    model: Annotated[Path | None, typer.Option(help="Model that train wrote.")] = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds a batch may take, in a process of its own; 0 for no such process.")
    ] = 0.0,
    transport: TransportName = "spool",
    settings: Settings = None,
    prefix: Prefix = "",
    live: Live = False,
    metrics_port: MetricsPort = None,
) -> None:
    """Run a broker on the stream of a run until the stream ends."""
    from challenges.pipeline import open_run, run_broker
    from streamer.meter import Watch

    run_folder = open_run(run_path)
    link = link_of(transport, settings, prefix)
    with watching(live, metrics_port) as meter, progress_bars(shown=not live) as progress:
        served = run_broker(
            run_folder,
            broker,
            link,
            model=model,
            timeout_s=timeout,
            watch=Watch(progress(broker), meter),
        )
    before = "" if served.received else f"; {served.name} had read all that is there before"
    say(f"Received {served.received:,} alerts, answered {served.answered:,}{before}")
    if served.failed or served.malformed:
        say(f"Failed on {served.failed:,}; {served.malformed:,} were malformed; more in RUN/served:")
        for topic, partition, offset, reason in served.reasons[:3]:
            say(f"  {topic}, partition {partition}, offset {offset}: {reason}")


def check(
    broker: Annotated[str, typer.Argument(metavar="BROKER", help="Reference broker, or a .py file.")],
    run_path: Annotated[Path, typer.Argument(metavar="RUN", help="A run whose alerts it is tried on.")],
    model: Annotated[Path | None, typer.Option(help="Model that train wrote.")] = None,
    challenge: ChallengeName = None,
    schema: Schema = None,
    workers: Workers = CPUS,
) -> None:
    """Try a broker on a few alerts: does it answer as it must, and does it look at what it should not?"""
    from challenges.pipeline import open_run, prepared
    from challenges.training import check_on_run

    run_folder = open_run(run_path)
    prepared(run_folder, stream_of(challenge, {"schema": schema}), workers=workers)
    findings = check_on_run(run_folder, broker, model=model)
    for finding in findings:
        mark = "ok  " if finding.kept else "FAIL" if finding.required else "note"
        say(f"{mark} {finding.rule}" + (f": {finding.detail}" if finding.detail else ""))
    if any(f.required and not f.kept for f in findings):
        raise ConfigError(f"{broker}: expected a broker that keeps every required rule, got FAIL above")


COMMANDS = {"train": train, "play": play, "check": check, "run": run_}
