"""Column tables: every column declares dtype, unit and meaning once.

A table is a frozen dataclass of numpy arrays, read-only, of equal length. A ragged table holds
lists of unequal length end to end: row ``i`` owns the items ``offsets[i]:offsets[i + 1]``.

Rules that hold everywhere: flux in nJy, time in MJD TAI days, angles in degrees ICRS, timestamps
in integer microseconds UTC. Absence is NaN, `NO_TIME` for a timestamp, -1 for an index.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from brokerbench.errors import TableError
from brokerbench.table import Array, Column, Table, column, columns, offsets_column

__all__ = [
    "BANDS",
    "FLAG_LEFT_OUT",
    "FLAG_NO_MODEL",
    "FLAG_SATURATED",
    "HOST_QUANTILES",
    "NO_TIME",
    "AlertBatch",
    "Alerts",
    "Classifications",
    "Column",
    "Confusion",
    "DiaObjects",
    "Hosts",
    "Ledger",
    "LightCurves",
    "Objects",
    "Rejects",
    "Scores",
    "Table",
    "TrueFluxes",
    "Visits",
    "column",
    "columns",
]

BANDS = ("u", "g", "r", "i", "z", "y")
"""Default bands; `Visits.band` and every other band column index into the run's band list."""

HOST_QUANTILES = tuple(range(0, 101, 10))
"""Percentiles of the photometric redshift that `Hosts.zphot_q` holds."""

NO_TIME = int(np.iinfo(np.int64).min)
"""The timestamp that is not known; null in Parquet."""

FLAG_NO_MODEL = 1
"""`LightCurves.flags`: the band lies outside the model's wavelengths; the flux is NaN."""

FLAG_SATURATED = 2
"""`LightCurves.flags`: the source saturates the detector in this visit."""
FLAG_LEFT_OUT = 4
"""Flag of a light curve's item: not kept, as the object never triggers; its flux is NaN."""


@dataclass(frozen=True, eq=False)
class Visits(Table):
    """The observing log: one row an exposure."""

    visit_id: Array = column("i8", "", "number of the visit in its plan")
    mjd: Array = column("f8", "d", "middle of the exposure, MJD TAI")
    ra: Array = column("f8", "deg", "pointing, ICRS; NaN where the plan has none")
    dec: Array = column("f8", "deg", "pointing, ICRS; NaN where the plan has none")
    band: Array = column("i1", "", "index into the run's band list")
    exposure: Array = column("f4", "s", "open-shutter time")
    seeing: Array = column("f4", "arcsec", "effective FWHM of the point-spread function")
    m5: Array = column("f4", "mag", "5-sigma point-source depth, AB")
    sky: Array = column("f4", "mag/arcsec2", "sky brightness, AB")
    airmass: Array = column("f4", "", "airmass")
    night: Array = column("i4", "d", "night of the plan, noon to noon at the site")


@dataclass(frozen=True, eq=False)
class Objects(Table):
    """Truth: one row an object. Never leaves the harness before a challenge is revealed."""

    object_id: Array = column("i8", "", "public id of the object")
    source: Array = column("i2", "", "index into the run's source list")
    class_id: Array = column("i4", "", "true class, ELAsTiCC2 taxonomy")
    ra: Array = column("f8", "deg", "true position, ICRS")
    dec: Array = column("f8", "deg", "true position, ICRS")
    z: Array = column("f4", "", "true heliocentric redshift; NaN for Galactic objects")
    t0: Array = column("f8", "d", "reference time of the model (peak, merger ..), MJD TAI")
    ebv_mw: Array = column("f4", "mag", "true Galactic E(B-V)")
    host: Array = column("i8", "", "id of the true host galaxy, -1 for none")


@dataclass(frozen=True, eq=False)
class DiaObjects(Table):
    """What a survey knows of an object apart from its light curve; one row an object."""

    object_id: Array = column("i8", "", "id of the object")
    ra: Array = column("f8", "deg", "measured position, ICRS")
    dec: Array = column("f8", "deg", "measured position, ICRS")
    mwebv: Array = column("f4", "mag", "Galactic E(B-V) of a dust map")
    mwebv_err: Array = column("f4", "mag", "its standard error")
    z_final: Array = column("f4", "", "best redshift the survey has (of the host); NaN for none")
    z_final_err: Array = column("f4", "", "its standard error")


@dataclass(frozen=True, eq=False)
class Hosts(Table):
    """Catalogue entry of a galaxy near each object, one row an object, all NaN where none is near.

    A run holds two of these tables: `hosts`, the nearest galaxy in d_DLR, and `hosts2`, the next.
    """

    ra: Array = column("f8", "deg", "centre, ICRS")
    dec: Array = column("f8", "deg", "centre, ICRS")
    sep: Array = column("f4", "arcsec", "distance from the object")
    ellipticity: Array = column("f4", "", "1 - b/a")
    sqradius: Array = column("f4", "arcsec2", "second-moment radius squared, a^2 + b^2 of half light")
    zspec: Array = column("f4", "", "spectroscopic redshift; NaN where not observed")
    zspec_err: Array = column("f4", "", "its standard error")
    zphot: Array = column("f4", "", "photometric redshift, mean")
    zphot_err: Array = column("f4", "", "its standard deviation")
    zphot_q: Array = column("f4", "", "quantiles of the photometric redshift at 0, 10 .. 100 %", width=11)
    mag: Array = column("f4", "mag", "magnitudes u g r i z y, AB", width=6)
    mag_err: Array = column("f4", "mag", "their standard errors", width=6)


@dataclass(frozen=True, eq=False)
class LightCurves(Table):
    """Measured light curves, ragged: one row an object, one item a visit that sees it."""

    offsets: Array = offsets_column()
    visit: Array = column("i4", "", "row of the run's Visits table", items=True)
    flux: Array = column("f4", "nJy", "difference flux", items=True)
    flux_err: Array = column("f4", "nJy", "its standard error", items=True)
    detected: Array = column("?", "", "the survey's pipeline detects the source", items=True)
    flags: Array = column("u1", "", "FLAG_NO_MODEL, FLAG_SATURATED, FLAG_LEFT_OUT; 0 for none", items=True)


@dataclass(frozen=True, eq=False)
class TrueFluxes(Table):
    """Truth: the flux before noise, item by item as in LightCurves."""

    offsets: Array = offsets_column()
    flux: Array = column("f4", "nJy", "true flux", items=True)


@dataclass(frozen=True, eq=False)
class Alerts(Table):
    """Which detection triggers which packet, when; one row an alert, sorted by (publish, alert_id)."""

    alert_id: Array = column("i8", "", "id of the alert and of its triggering source")
    object: Array = column("i8", "", "row of the object in its chunk")
    row: Array = column("i8", "", "item of LightCurves that triggers")
    publish: Array = column("f8", "s", "when it is due, since the start of the stream")


@dataclass(frozen=True, eq=False)
class AlertBatch(Table):
    """What a broker gets: n alerts and the history of each as flat arrays.

    The history of one alert is its sources (earlier detections, then the triggering one as the
    last of them), then its forced photometry, each in order of time. A visit may appear in both.
    """

    offsets: Array = offsets_column()
    alert_id: Array = column("i8", "", "id of the alert")
    source_id: Array = column("i8", "", "id of the triggering source")
    object_id: Array = column("i8", "", "id of the object")
    published: Array = column("i8", "us", "when the transport took the alert, UTC")
    ra: Array = column("f8", "deg", "position of the object, ICRS")
    dec: Array = column("f8", "deg", "position of the object, ICRS")
    mwebv: Array = column("f4", "mag", "Galactic E(B-V)")
    z_final: Array = column("f4", "", "best redshift; NaN for none")
    z_final_err: Array = column("f4", "", "its standard error")
    mjd: Array = column("f8", "d", "time of each measurement, MJD TAI", items=True)
    band: Array = column("i1", "", "index into BANDS", items=True)
    flux: Array = column("f4", "nJy", "difference flux psFlux", items=True)
    flux_err: Array = column("f4", "nJy", "psFluxErr", items=True)
    forced: Array = column("?", "", "forced photometry, not a detected source", items=True)
    host: Hosts = field(default_factory=Hosts.empty)
    host2: Hosts = field(default_factory=Hosts.empty)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("host", "host2"):
            got = len(getattr(self, name))
            if got != len(self):
                raise TableError(f"AlertBatch.{name}: expected {len(self)} rows, got {got}")

    def as_records(self) -> list[dict[str, Any]]:
        """One dict an alert, for code that wants one; slow, off the hot path."""
        flat = self.as_dict()
        ragged = {c.name for c in columns(type(self)) if c.items}
        records = []
        for i in range(len(self)):
            span = slice(self.offsets[i], self.offsets[i + 1])
            record = {
                name: value[span] if name in ragged else value[i]
                for name, value in flat.items()
                if name != "offsets"
            }
            record["host"] = {k: v[i] for k, v in self.host.as_dict().items()}
            record["host2"] = {k: v[i] for k, v in self.host2.as_dict().items()}
            records.append(record)
        return records


@dataclass(frozen=True, eq=False)
class Ledger(Table):
    """What was sent and when, one row an alert, in the order of sending."""

    alert_id: Array = column("i8", "", "id of the alert")
    object_id: Array = column("i8", "", "id of the object")
    mjd: Array = column("f8", "d", "time of the triggering visit, MJD TAI")
    detection: Array = column("i4", "", "1 for the first alert of the object, 2 for the second ..")
    planned: Array = column("f8", "s", "when it was due, since the start of the stream")
    sent: Array = column("i8", "us", "when the transport confirmed it, UTC")
    partition: Array = column("i4", "", "partition of the topic")
    offset: Array = column("i8", "", "offset in the partition")


@dataclass(frozen=True, eq=False)
class Classifications(Table):
    """Accepted answers of one classifier, one row a message.

    `probability` has a column for each class id of the list kept beside the table; 0 where the
    message does not name the class.
    """

    alert_id: Array = column("i8", "", "the alert that is answered")
    object_id: Array = column("i8", "", "its object, from the ledger")
    classifier: Array = column("i2", "", "index into the run's classifier list")
    sent: Array = column("i8", "us", "when the alert was sent, from the ledger, UTC")
    published: Array = column("i8", "us", "when the transport took the answer, UTC")
    received: Array = column("i8", "us", "when the harness read the answer, UTC; NO_TIME if unknown")
    claimed_publish: Array = column("i8", "us", "alert time that the payload claims, UTC")
    claimed_ingest: Array = column("i8", "us", "ingest time that the payload claims, UTC")
    probability: Array = column("f4", "", "probability of each class", width=0)


@dataclass(frozen=True, eq=False)
class Rejects(Table):
    """Messages that were not accepted, one row a message."""

    topic: Array = column("O", "", "topic or file")
    partition: Array = column("i4", "", "partition of the topic")
    offset: Array = column("i8", "", "offset in the partition")
    reason: Array = column("O", "", "duplicate, orphan, invalid or malformed")
    detail: Array = column("O", "", "what was expected and what was found")


@dataclass(frozen=True, eq=False)
class Scores(Table):
    """One number a row. Undefined is NaN with the reason in `missing`, never 0."""

    classifier: Array = column("O", "", "name and version of the classifier")
    metric: Array = column("O", "", "name of the metric")
    version: Array = column("i4", "", "version of the metric's definition")
    axis: Array = column("O", "", "last, detection or days")
    at: Array = column("f8", "", "position on the axis: number of detections, or days; NaN for last")
    slice: Array = column("O", "", "subset of the objects; all for every one")
    class_id: Array = column("i4", "", "class, -1 for all of them")
    value: Array = column("f8", "", "the score")
    low: Array = column("f8", "", "lower end of its interval; NaN where none was made")
    high: Array = column("f8", "", "upper end of its interval; NaN where none was made")
    n: Array = column("i8", "", "objects (or messages) it rests on")
    missing: Array = column("O", "", "why it is undefined; empty where it is not")


@dataclass(frozen=True, eq=False)
class Confusion(Table):
    """Cells of confusion matrices: how many objects of a class were given which class."""

    classifier: Array = column("O", "", "name and version of the classifier")
    axis: Array = column("O", "", "last, detection or days")
    at: Array = column("f8", "", "position on the axis; NaN for last")
    true_id: Array = column("i4", "", "true class")
    predicted_id: Array = column("i4", "", "class of the largest probability, -1 for no answer")
    count: Array = column("i8", "", "objects")
