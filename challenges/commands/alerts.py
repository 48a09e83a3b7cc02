"""Commands for alerts as files: archive, replay, spoil, show."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from brokerbench.errors import ConfigError, InputError
from challenges.options import (
    Prefix,
    RunPath,
    Settings,
    TransportName,
    link_of,
    progress_bars,
    say,
)


def open_prepared(run_path: Path) -> Any:
    """The run at that path. InputError where its alerts were not made yet."""
    from challenges.pipeline import open_run

    run = open_run(run_path)
    if not (run_path / "stream").is_dir():
        raise InputError(
            f"{run_path}: expected a run whose alerts are made, got none; `brokerbench play` makes them"
        )
    return run


def archive(
    run_path: RunPath,
    out: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the tars go.")],
) -> None:
    """Write the prepared stream of a run as a tar a night, one Avro file an alert."""
    from streamer.archives import archive_nights

    run = open_prepared(run_path)
    with progress_bars() as progress:
        written = archive_nights(run, out, progress=progress("archive"))
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
    name = link.topic(topic)
    with progress_bars() as progress:
        sent = play_archive(list(tars), link.open(run_path), name, progress=progress("replay"))
    say(f"Sent {sent:,} alerts" + ("" if sent else f"; {name} has all of them"))


def spoil(
    run_path: RunPath,
    to: Annotated[str, typer.Option(help="Topic for the spoilt stream.")],
    topic: Annotated[str, typer.Option(help="Topic that is spoilt.")] = "alerts",
    seed: Annotated[int, typer.Option(help="Seed of the faults.")] = 1,
    duplicates: Annotated[float, typer.Option(help="Share of alerts sent twice.")] = 0.0,
    truncated: Annotated[float, typer.Option(help="Share of packets cut short.")] = 0.0,
    corrupted: Annotated[float, typer.Option(help="Share of packets with flipped bytes.")] = 0.0,
    late: Annotated[float, typer.Option(help="Share of alerts held back.")] = 0.0,
    hold: Annotated[int, typer.Option(help="Messages for which they are held back at most.")] = 1000,
    late_nights: Annotated[float, typer.Option(help="Share of nights held back whole.")] = 0.0,
    night_hold: Annotated[int, typer.Option(help="Nights after whose end they are sent.")] = 1,
    step: Annotated[int, typer.Option(help="Message from which Rubin's schema changes; -1 for none.")] = -1,
    step_to: Annotated[str, typer.Option(metavar="MAJOR.MINOR", help="Version it changes to.")] = "11.0",
    transport: TransportName = "spool",
    settings: Settings = None,
    prefix: Prefix = "",
) -> None:
    """Copy a topic with faults, to see what a broker makes of them."""
    from brokerbench.tables import Visits
    from challenges.pipeline import open_run, stream_schema
    from streamer.faults import Faults, night_reader
    from streamer.faults import spoil as spoil_topic

    link = link_of(transport, settings, prefix)
    faults = Faults(
        seed,
        duplicates=duplicates,
        truncated=truncated,
        corrupted=corrupted,
        late=late,
        hold=hold,
        late_nights=late_nights,
        night_hold=night_hold,
        step=step,
        step_to=_version(step_to),
    )
    night_of = None
    if late_nights:
        run = open_run(run_path)
        night_of = night_reader(stream_schema(run), run.read("visits", "all", Visits))
    names = link.topic(topic), link.topic(to)
    report = spoil_topic(link.open(run_path), *names, faults, night_of=night_of)
    say(f"{names[1]}: " + ", ".join(f"{name}={count}" for name, count in asdict(report).items()))


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    if not (major.isdecimal() and minor.isdecimal()):
        raise ConfigError(f"--step-to: expected a version such as 11.0, got {text!r}")
    return int(major), int(minor)


def show(
    run_path: RunPath,
    alert_id: Annotated[int | None, typer.Argument(metavar="[ALERT]", help="Id; the first without")] = None,
) -> None:
    """Print an alert of a prepared run as JSON, field by field as the survey sends it."""
    from streamer.alerts import read_batches
    from streamer.show import show_alert, to_json

    run = open_prepared(run_path)
    if alert_id is None:
        alert_id = next((int(b.alert_id[0]) for _, b in read_batches(run, size=1) if len(b)), -1)
    say(to_json(show_alert(run, alert_id)))


def tail(
    run_path: RunPath,
    topic: Annotated[str, typer.Argument(help="Topic of alerts.")] = "alerts",
    count: Annotated[int, typer.Option("-n", min=1, help="Messages.")] = 3,
    schema: Annotated[
        str | None, typer.Option(help="Alert schema; found out by the first bytes, or the run's.")
    ] = None,
    transport: TransportName = "spool",
    settings: Settings = None,
    prefix: Prefix = "",
) -> None:
    """Print the last alerts of a topic as JSON, with their offsets and times."""
    from challenges.pipeline import open_run, stream_schema
    from streamer.packets import Packets
    from streamer.schemas import schema_of
    from streamer.show import read_records, to_json
    from streamer.show import tail as last_of

    link = link_of(transport, settings, prefix)
    found = last_of(link.open(run_path), link.topic(topic), count)
    usual = schema or stream_schema(open_run(run_path))
    for i, raw in enumerate(found.values):
        kind = schema or schema_of(raw, usual)
        (record,) = read_records(Packets.of([raw]), kind)
        place = f"partition {found.partition[i]}, offset {found.offset[i]}, {found.timestamp[i]} us UTC"
        say(f"# {place}, {len(raw):,} bytes of {kind}")
        say(f"not an alert of {kind}; --schema names another one" if record is None else to_json(record))


def export(
    run_path: RunPath,
    out: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the files go.")],
    form: Annotated[str, typer.Option(help="avro or json.")] = "avro",
    limit: Annotated[int | None, typer.Option(min=1, help="Alerts at most.")] = None,
) -> None:
    """Write the alerts of a prepared run as files, one an alert."""
    from streamer.show import export_packets

    say(f"{out}: {export_packets(open_prepared(run_path), out, form=form, limit=limit):,} alerts")


alerts = typer.Typer(help="Alerts as files: archives, faults, a look at one.")
alerts.command("archive")(archive)
alerts.command("replay")(replay)
alerts.command("spoil")(spoil)
alerts.command("show")(show)
alerts.command("tail")(tail)
alerts.command("export")(export)
