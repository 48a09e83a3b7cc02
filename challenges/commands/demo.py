"""The demo, and commands that tell what there is: list, docs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from challenges.options import (
    CPUS,
    Again,
    Workers,
    progress_bars,
    say,
    show_leaderboard,
)


def demo(
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder for everything.")] = Path("runs/demo"),
    folder: Annotated[
        list[Path] | None,
        typer.Option("--import", help="Import SNANA FITS from this folder instead of simulating."),
    ] = None,
    challenge: Annotated[str, typer.Option(help="Challenge to simulate, by name or path.")] = "demo",
    workers: Workers = CPUS,
    again: Again = False,
) -> None:
    """Do all of it: simulate or import, stream, classify, score, report."""
    from challenges.challenge import find_challenge
    from challenges.main_job import import_demo, simulate_demo
    from challenges.pipeline import forget

    chosen = find_challenge(challenge)
    if again:
        forget(out, "training", "imported", "run", "models")
    with progress_bars() as progress:
        if folder:
            scored, report = import_demo(folder, out, challenge=chosen, workers=workers, progress=progress)
        else:
            scored, report = simulate_demo(chosen, out, workers=workers, progress=progress)
    show_leaderboard(scored.path)
    say(f"Report: {report}")


def list_(
    what: Annotated[str, typer.Argument(help="sources, cadences, hosts, readers, brokers, metrics ..")] = "",
) -> None:
    """List what can be named: classes, cadences, hosts, readers, schemas, brokers, metrics, challenges."""
    from challenges.catalogue import catalogue

    for kind, names in catalogue(what).items():
        say(f"{kind}: {', '.join(names)}")


def docs(
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="For the pages.")] = Path("docs"),
) -> None:
    """Write the reference pages that are made from the code: tables, classes, metrics, commands."""
    from challenges.catalogue import write_pages

    for page in write_pages(out):
        say(f"{page}")


COMMANDS = {"demo": demo, "list": list_, "docs": docs}
