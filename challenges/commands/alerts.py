"""Commands for alerts as files: archive, replay, spoil, show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from challenges.options import (
    Prefix,
    RunPath,
    Settings,
    TransportName,
    link_of,
    out_console,
    progress_bars,
    say,
)


def archive(
    run_path: RunPath,
    out: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the tars go.")],
) -> None:
    """Write the prepared stream of a run as a tar a night, one Avro file an alert."""
    from challenges.pipeline import open_run
    from streamer.archives import archive_nights

    with progress_bars() as progress:
        written = archive_nights(open_run(run_path), out, progress=progress("archive"))
    say(f"{out}: {len(written)} nights")


def replay(
    run_path: RunPath,
    tars: Annotated[list[Path], typer.Argument(metavar="TAR...", help="Archives, .tar or .tar.gz.")],
    topic: Annotated[str, typer.Option(help="Topic to send to.")] = "alerts",
    transport: TransportName = "spool",
    settings: Settings = None,
    prefix: Prefix = "",
) -> None:
    """Send archived alerts to a topic without unpacking them; goes on where it was stopped."""
    from streamer.archives import play_archive

    link = link_of(transport, settings, prefix)
    with progress_bars() as progress:
        sent = play_archive(list(tars), link.open(run_path), link.topic(topic), progress=progress("replay"))
    say(f"Sent {sent:,} alerts")


def spoil(
    run_path: RunPath,
    to: Annotated[str, typer.Option(help="Topic for the spoilt stream.")],
    topic: Annotated[str, typer.Option(help="Topic that is spoilt.")] = "alerts",
    seed: Annotated[int, typer.Option(help="Seed of the faults.")] = 1,
    duplicates: Annotated[float, typer.Option(help="Share of alerts sent twice.")] = 0.0,
    truncated: Annotated[float, typer.Option(help="Share of packets cut short.")] = 0.0,
    corrupted: Annotated[float, typer.Option(help="Share of packets with flipped bytes.")] = 0.0,
    late: Annotated[float, typer.Option(help="Share of alerts held back.")] = 0.0,
    transport: TransportName = "spool",
    settings: Settings = None,
    prefix: Prefix = "",
) -> None:
    """Copy a topic with faults, to see what a broker makes of them."""
    from streamer.faults import Faults
    from streamer.faults import spoil as spoil_topic

    link = link_of(transport, settings, prefix)
    faults = Faults(seed, duplicates=duplicates, truncated=truncated, corrupted=corrupted, late=late)
    say(f"{spoil_topic(link.open(run_path), link.topic(topic), link.topic(to), faults)}")


def show(
    run_path: RunPath,
    count: Annotated[int, typer.Option("-n", help="Alerts to show.")] = 1,
    object_id: Annotated[int | None, typer.Option("--object", help="Of this object alone.")] = None,
) -> None:
    """Print alerts of a prepared run as a broker gets them."""
    from challenges.pipeline import open_run
    from streamer.alerts import read_batches

    left = count
    for _, batch in read_batches(open_run(run_path)):
        for record in batch.as_records():
            if object_id is not None and record["object_id"] != object_id:
                continue
            if left == 0:
                return
            left -= 1
            out_console.print(record)


alerts = typer.Typer(help="Alerts as files: archives, faults, a look at one.")
alerts.command("archive")(archive)
alerts.command("replay")(replay)
alerts.command("spoil")(spoil)
alerts.command("show")(show)
