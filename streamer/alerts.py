"""Light curves into alerts: which detection makes which packet, when it is due, and its bytes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from brokerbench import ids
from brokerbench.errors import BrokerbenchError, InputError
from brokerbench.store import Folder, read_table, write_table
from brokerbench.tables import AlertBatch, Alerts, DiaObjects, Hosts, LightCurves, Visits
from streamer.history import Histories, Trigger, histories
from streamer.packets import PacketFile, Packets, PacketWriter
from streamer.schemas import SCHEMAS
from streamer.schemas.schema import CUTOUTS, UNKNOWN_HOST, UNKNOWN_REDSHIFT, Part

__all__ = ["Cutouts", "Late", "Timing", "part_numbers", "prepare", "read_batches", "schedule"]

SECONDS_A_DAY = 86400.0
Progress = Callable[[int, int], None]
Cutouts = Callable[[str, Alerts], Mapping[str, Packets]]
"""The stamps of a part's alerts, given its name and its n alerts: by Science, Template, Difference n byte
strings in the order of the alerts, empty for none. Called in the worker processes: a function of a module."""


@dataclass(frozen=True)
class Timing:
    """When alerts leave, and of what: stream_start MJD TAI, delay s from mid-exposure to the alert."""

    seed: int
    stream_start: float
    delay: float = 60.0
    trigger: Trigger = Trigger()


@dataclass(frozen=True)
class Late:
    """What a survey learns only later: days from an object's first detection until its redshift, and its
    host galaxies, stand in alerts; 0 for at once. Redshifts need hosts, or come by themselves.
    """

    redshift_d: float = 0.0
    host_d: float = 0.0

    def __post_init__(self) -> None:
        for name in ("redshift_d", "host_d"):
            if not getattr(self, name) >= 0:
                raise InputError(f"late.{name}: expected 0 days or more, got {getattr(self, name)}")


def part_numbers(part: str) -> tuple[int, int]:
    """Population and chunk of a part named PP-CCCCC; InputError for another name."""
    population, _, chunk = part.partition("-")
    if not (population.isdigit() and chunk.isdigit()):
        raise InputError(f"part: expected a name such as 00-00003, got {part!r}")
    return int(population), int(chunk)


def schedule(
    light_curves: LightCurves, visits: Visits, *, part: tuple[int, int], timing: Timing
) -> tuple[Alerts, Histories, np.ndarray]:
    """Alerts of one part sorted by (publish, alert_id), its histories, and each alert's source.

    part: population and chunk. The third is i8[n], the position in histories.sources.
    """
    h = histories(light_curves, visits, timing.trigger)
    alert_id = ids.permute(timing.seed, "alert", ids.serial(*part, h.sources))
    mjd = visits.mjd[light_curves.visit[h.sources]]
    publish = (mjd - timing.stream_start) * SECONDS_A_DAY + timing.delay
    order = np.lexsort((alert_id, publish))
    alerts = Alerts(
        alert_id=alert_id[order], object=h.owner[order], row=h.sources[order], publish=publish[order]
    )
    return alerts, h, order


def prepare(
    run: Folder,
    *,
    schema: str = "elasticc_v0_9_1",
    delay_s: float = 60.0,
    late: Late | None = None,
    cutouts: Cutouts | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Folder:
    """The folder RUN/stream: alerts and packets of every part, ready to send.

    late: redshifts and hosts that alerts carry only some days after the first detection. cutouts: stamps that
    alerts carry as they are given, those of one part in memory at a time; null without. Goes on at
    the first missing part after a crash; the bytes do not depend on workers. InputError for cutouts
    of other names or numbers, or in a schema that has none.
    """
    manifest = run.manifest
    trigger = Trigger(manifest.get("min_detections", 2), manifest.get("min_gap_days", 0.0))
    timing = Timing(manifest["seed"], manifest["stream_start"], delay_s, trigger)
    known = SCHEMAS[schema]
    if cutouts and not known.cutouts:
        raise InputError(f"cutouts: expected a schema that carries them, got {schema}; LSST's and ZTF's do")
    about = {
        "kind": "stream",
        "schema": schema,
        "framing": known.framing,
        "delay_s": delay_s,
        "seed": timing.seed,
    }
    later = late or Late()
    if later != Late():
        about |= {"late_redshift_d": later.redshift_d, "late_host_d": later.host_d}
    if cutouts:
        about["cutouts"] = True
    stream = Folder.begin(run.path / "stream", about)
    parts = run.parts
    missing = [p for p in parts if not stream.has(p)]
    jobs = [(run.path, stream.path, part, schema, timing, later, cutouts) for part in missing]
    done = len(parts) - len(missing)
    try:
        for _ in _each(jobs, workers):
            done += 1
            if progress:
                progress(done, len(parts))
    except BrokerbenchError:
        stream.abandon()
        raise
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(
            f"{stream.path}: expected room for the packets of {len(parts)} parts, got "
            f"{os.strerror(error.errno)} after {done}; make room and go on where it stopped"
        ) from error
    return stream.complete()


def _each(jobs: list[Any], workers: int) -> Iterator[None]:
    if workers <= 1 or len(jobs) <= 1:
        yield from map(_prepare_part, jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_prepare_part, jobs)


@lru_cache(maxsize=1)
def _visits(file: Path, written: int) -> Visits:
    """The visits in a file: read once by each worker, not once a part. written: when, for the cache."""
    return read_table(file, Visits)


def _prepare_part(job: tuple[Path, Path, str, str, Timing, Late, Cutouts | None]) -> None:
    run_path, stream_path, part, schema, timing, late, cutouts = job
    run, stream = Folder(run_path), Folder(stream_path)
    light_curves = run.read("light_curves", part, LightCurves)
    objects = run.read("dia_objects", part, DiaObjects)
    plan = run.file("visits", "all")
    visits = _visits(plan, plan.stat().st_mtime_ns)
    numbers = part_numbers(part)
    alerts, h, order = schedule(light_curves, visits, part=numbers, timing=timing)
    whole = Part(
        visits=visits,
        light_curves=light_curves,
        objects=objects,
        hosts=run.read("hosts", part, Hosts),
        hosts2=run.read("hosts2", part, Hosts),
        alerts=alerts,
        histories=h,
        source_id=ids.permute(timing.seed, "alert", ids.serial(*numbers, h.sources)),
        forced_id=ids.permute(timing.seed, "forced", ids.serial(*numbers, h.measured)),
        bands=tuple(run.manifest["bands"]),
        unknown=_unknown(h, visits.mjd[light_curves.visit], late),
        cutouts=_checked_cutouts(cutouts(part, alerts), len(alerts)) if cutouts else {},
    )
    write_table(stream.file("alerts", part), alerts)
    packet_file = stream.path / "packets" / f"{part}.packets"
    at = 0
    with PacketWriter(packet_file) as writer:
        for packets in SCHEMAS[schema].encode(whole, order):
            to = at + len(packets)
            writer.write(
                packets,
                alerts.publish[at:to],
                alerts.alert_id[at:to],
                objects.object_id[alerts.object[at:to]],
            )
            at = to
    stream.commit(
        part, [stream.file("alerts", part), packet_file], alerts=len(alerts), objects=len(np.unique(h.owner))
    )


def _checked_cutouts(stamps: Mapping[str, Packets], count: int) -> Mapping[str, Packets]:
    for name, given in stamps.items():
        if name not in CUTOUTS:
            raise InputError(f"cutouts: expected {', '.join(CUTOUTS)}, got {name!r}")
        if len(given) != count:
            raise InputError(f"cutouts: {name}: expected {count} stamps, one an alert, got {len(given)}")
    return stamps


def _unknown(h: Histories, mjd: np.ndarray, late: Late) -> np.ndarray:
    """What each source's alert does not know yet, u1[s]: UNKNOWN_REDSHIFT, UNKNOWN_HOST."""
    age = mjd[h.sources] - mjd[h.sources[h.first]]
    redshift = np.where(age < late.redshift_d, UNKNOWN_REDSHIFT, 0)
    return (redshift | np.where(age < late.host_d, UNKNOWN_HOST, 0)).astype("u1")


def read_batches(
    run: Folder, *, size: int = 1024, parts: list[str] | None = None
) -> Iterator[tuple[str, AlertBatch]]:
    """Part and AlertBatch, `size` alerts at a time, of the packets in RUN/stream.

    InputError where a packet does not decode: the stream was not made by this version.
    """
    stream = Folder.open(run.path / "stream", kind="stream")
    schema = SCHEMAS[stream.manifest["schema"]]
    for part in stream.parts if parts is None else parts:
        packets = PacketFile(stream.path / "packets" / f"{part}.packets")
        for start in range(0, len(packets), size):
            stop = min(start + size, len(packets))
            published = (packets.index(start, stop)["publish"] * 1e6).astype("i8")
            batch, wrong = schema.decode(packets.read(start, stop), published)
            if wrong:
                raise InputError(
                    f"{packets.path}: alert {start + wrong[0][0]}: {wrong[0][1]}; prepare the run anew"
                )
            yield part, batch
