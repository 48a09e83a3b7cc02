"""Commands that score: score, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from challenges.options import (
    Again,
    Prefix,
    RunPath,
    Settings,
    TransportName,
    link_of,
    say,
    show_leaderboard,
)


def score_(
    run_path: RunPath,
    challenge: Annotated[
        str | None, typer.Option(help="Challenge whose [scoring] holds; the defaults without one.")
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option(help="Topic of answers; all of the spool's without one.")
    ] = None,
    deadline: Annotated[float | None, typer.Option(help="Seconds after which an answer is late.")] = None,
    transport: TransportName = "spool",
    settings: Settings = None,
    prefix: Prefix = "",
    again: Again = False,
) -> None:
    """Collect the answers, balance the books and score them."""
    import msgspec

    from challenges.challenge import find_challenge
    from challenges.pipeline import forget, open_run, score_run
    from scoring.spec import Scoring

    run_folder = open_run(run_path)
    spec = find_challenge(challenge).scoring if challenge else Scoring()
    if deadline is not None:
        spec = msgspec.structs.replace(spec, deadline_s=deadline)
    if again:
        forget(run_path, "answers", "rejects", "scores")
    score_run(run_folder, link_of(transport, settings, prefix), spec=spec, topics=topic)
    show_leaderboard(run_path)


def report(
    run_path: RunPath,
    out: Annotated[Path | None, typer.Option("--output", "-o", help="HTML file.")] = None,
) -> None:
    """Write the scores of a run as one self-contained HTML page."""
    from challenges.pipeline import open_run
    from scoring.report.build import write_report

    path = write_report(open_run(run_path), out or run_path / "report.html")
    say(f"Report: {path}")


COMMANDS = {"score": score_, "report": report}
