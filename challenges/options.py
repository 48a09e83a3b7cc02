"""What every command shares: option types, consoles, progress."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAVY
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from brokerbench.errors import ConfigError

out_console = Console()
err_console = Console(stderr=True)
CPUS = os.cpu_count() or 1

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
Again = Annotated[bool, typer.Option("--again", help="Remove what an earlier call made, and make it anew.")]
Workers = Annotated[int, typer.Option("--workers", "-j", min=1, help="Processes; the bytes do not change.")]
TransportName = Annotated[str, typer.Option("--transport", help="spool (no server) or kafka.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("-X", metavar="KEY=VALUE", help="Setting of the transport, e.g. any of librdkafka's."),
]
Live = Annotated[bool, typer.Option("--live", help="Show rate, lag, slip and rejects while it goes on.")]
MetricsPort = Annotated[
    int | None, typer.Option(help="Serve Prometheus metrics on this port of 127.0.0.1; 0 for a free one.")
]
Prefix = Annotated[str, typer.Option("--prefix", help="Put before every topic name.")]


@contextmanager
def progress_bars(*, shown: bool = True) -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """Progress on stderr: given the name of a stage, what to call with (done, total)."""
    columns = (TextColumn("{task.description:16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=err_console, disable=not shown) as bars:

        def begin(stage: str) -> Callable[[int, int], None]:
            task = bars.add_task(stage, total=None)
            return lambda done, total: bars.update(task, completed=done, total=None if total < 0 else total)

        yield begin


@contextmanager
def watching(live: bool, port: int | None) -> Iterator[Any]:
    """A meter to fill while the block lasts, shown on stderr or served on 127.0.0.1; None for neither."""
    if not live and port is None:
        yield None
        return
    from rich.live import Live

    from streamer.meter import Meter, live_table, metrics_endpoint

    meter = Meter()
    with ExitStack() as stack:
        if port is not None:
            err_console.print(stack.enter_context(metrics_endpoint(meter, port)), highlight=False)
        if live:
            stack.enter_context(
                Live(get_renderable=lambda: live_table(meter), console=err_console, refresh_per_second=4)
            )
        yield meter


def say(text: str) -> None:
    """Print one line on stdout as it is: a path stays in one piece."""
    out_console.print(text, soft_wrap=True, highlight=False, markup=False)


def pairs_of(flag: str, given: list[str] | None) -> dict[str, str]:
    """KEY=VALUE options as a dict. ConfigError for one without a key or an equals sign."""
    pairs = {}
    for text in given or []:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ConfigError(f"{flag}: expected key=value, got {text!r}")
        pairs[key] = value
    return pairs


def toml_value(text: str) -> Any:
    """A value as TOML has it; text that is no TOML value stands for itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def link_of(transport: str, settings: list[str] | None, prefix: str) -> Any:
    """The transport as given on the command line."""
    from challenges.pipeline import Link

    return Link(name=transport, settings=pairs_of("-X", settings), prefix=prefix)


def show_leaderboard(run_path: Path) -> None:
    """Print the leaderboard of a scored run: macro F1 at the last answer, and how it got there."""
    from brokerbench.store import Folder
    from scoring.leaderboard import leaderboard, load_scores

    folder = Folder.open(run_path / "scores", kind="scores")
    spec = load_scores(folder)[1]["spec"]
    points = {f"@{n}": f"detection:{n}" for n in spec["detections"][:3]}
    early = {
        name: {row["classifier"]: row["value"] for row in leaderboard(folder, axis=axis)}
        for name, axis in points.items()
    }
    title = "Leaderboard: macro F1 at the last answer, and at the n-th detection (@n)"
    table = Table(title=title, box=SIMPLE_HEAVY, pad_edge=False, collapse_padding=True)
    for name in ("rank", "classifier", "last", "interval", "objects", *points):
        table.add_column(name, no_wrap=True)
    for row in leaderboard(folder):
        table.add_row(
            str(row["rank"]),
            str(row["classifier"]),
            _number(row["value"]),
            f"{_number(row['low'])}..{_number(row['high'])}",
            f"{row['n']:,}",
            *(_number(values[row["classifier"]]) for values in early.values()),
        )
    out_console.print(table)


def _number(value: float | None) -> str:
    """Three digits; a dash for a score that is undefined there."""
    return "-" if value is None or value != value else f"{value:.3f}"


def summarise(path: Path) -> None:
    """Print what a run holds."""
    from brokerbench.store import Folder

    manifest = Folder.open(path).manifest
    objects = sum(part.get("objects", 0) for part in manifest["parts"].values())
    rows = sum(part.get("rows", 0) for part in manifest["parts"].values())
    out_console.print(
        f"{path}: {objects:,} objects, {rows:,} photometry rows, {len(manifest['parts'])} parts"
    )
