"""Commands for a Kafka broker on this machine: fetch, up, down, status."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from challenges.options import say


def default_cache() -> Path:
    """Where Kafka's jars are kept: BROKERBENCH_CACHE, or .cache/brokerbench in the home folder."""
    named = os.environ.get("BROKERBENCH_CACHE")
    return (Path(named) if named else Path.home() / ".cache" / "brokerbench") / "kafka"


Cache = Annotated[
    Path | None,
    typer.Option(help="Where the jars are kept; BROKERBENCH_CACHE, or the home folder's .cache without it."),
]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Data of the broker.")]
DEFAULT = Path("runs/kafka")


def fetch(cache: Cache = None) -> None:
    """Fetch the jars of Apache Kafka by Maven, once."""
    from streamer.local_kafka import fetch as fetch_jars

    say(f"{fetch_jars(cache or default_cache())}")


def up(folder: Folder = DEFAULT, cache: Cache = None) -> None:
    """Start a broker on 127.0.0.1, unless it runs; fetch its jars where they are missing."""
    from streamer.local_kafka import fetch as fetch_jars
    from streamer.local_kafka import up as start

    where = cache or default_cache()
    fetch_jars(where)
    broker = start(folder, cache=where)
    say(f"bootstrap.servers={broker.bootstrap}")
    say(f"brokerbench play RUN --transport kafka -X bootstrap.servers={broker.bootstrap}")


def down(folder: Folder = DEFAULT) -> None:
    """Stop the broker of a folder; its data stays."""
    from streamer.local_kafka import down as stop

    say(f"{folder}: {'stopped' if stop(folder) else 'did not run'}")


def status(folder: Folder = DEFAULT) -> None:
    """Tell whether the broker of a folder runs, and where."""
    from streamer.local_kafka import status as look

    broker = look(folder)
    text = f"runs on {broker.bootstrap}, process {broker.pid}" if broker else "does not run"
    say(f"{folder}: {text}")


kafka = typer.Typer(help="Run Apache Kafka on this machine, from its jars and without Docker.")
kafka.command("fetch")(fetch)
kafka.command("up")(up)
kafka.command("down")(down)
kafka.command("status")(status)
