"""Rubin's alerts: schemas from the package lsst-alert-packet, in the Confluent wire format."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from brokerbench.tables import BANDS, AlertBatch
from streamer.codec import Codec, Ranges, Spliced, compile_schema
from streamer.history import FORCED_BEFORE, since
from streamer.packets import Packets
from streamer.schemas.batch import Paths, interleave, read_batch
from streamer.schemas.registry import load_avsc
from streamer.schemas.schema import Part, Schema, names_of

__all__ = ["MONTHS_12", "frame", "lsst", "version_codec"]

MONTHS_12 = 365.0
"""Days of history in a packet (DPDD, LSE-163, section 3.5.1)."""

PROCESSING = 60.0 / 86400.0
"""Days from the middle of the exposure to `timeProcessedMjdTai`."""

STAMP = 41
"""Pixels on a side of the stamp that a point-source flux is measured on."""

PIXEL = 0.2
"""arcsec a pixel."""

Array = NDArray[Any]

PATHS = Paths(
    alert_id="diaSourceId",
    source_id="diaSource.diaSourceId",
    object="diaObject",
    of_object={"object_id": "diaObjectId", "ra": "ra", "dec": "dec"},
    source="diaSource",
    earlier="prvDiaSources",
    forced="prvDiaForcedSources",
    measured={"mjd": "midpointMjdTai", "band": "band", "flux": "psfFlux", "flux_err": "psfFluxErr"},
)


def frame(major: int, minor: int) -> bytes:
    """Magic byte and schema id, 100 * major + minor, in front of every packet (Confluent's wire format)."""
    return b"\0" + (100 * major + minor).to_bytes(4, "big")


@lru_cache(maxsize=32)
def version_codec(major: int, minor: int) -> Codec:
    """The codec of one version of the alert schema. InputError where it is not installed."""
    try:
        root = resources.files("lsst.alert.packet")
    except ModuleNotFoundError as error:
        raise InputError(
            "lsst: expected the package lsst-alert-packet with Rubin's schemas, got none; "
            "install brokerbench[lsst]"
        ) from error
    file = root / "schema" / str(major) / str(minor) / f"lsst.v{major}_{minor}.alert.avsc"
    with resources.as_file(file) as path:
        if not path.is_file():
            raise InputError(f"lsst: expected schema version {major}.{minor}, got none in lsst-alert-packet")
        return compile_schema(load_avsc(path))


def _false(codec: Codec, count: int) -> dict[str, Array]:
    """Every flag of a record, not set."""
    flags = [c.path for c in codec.node.children if c.value.kind == "boolean"]
    return {name: np.zeros(count, "?") for name in flags}


def _where(part: Part, items: Array, objects: Array) -> dict[str, Any]:
    """Visit, detector and time of some measurements; the detector is told by object and visit alone."""
    visit = part.light_curves.visit[items]
    mjd = part.visits.mjd[visit]
    return {
        "visit": part.visits.visit_id[visit],
        "detector": (objects + part.visits.visit_id[visit]) % 189,
        "midpointMjdTai": mjd,
        "band": names_of(part.bands, part.visits.band[visit]),
        "timeProcessedMjdTai": mjd + PROCESSING,
    }


def sources(codec: Codec, part: Part) -> Packets:
    """Every diaSource of a part, encoded once. Fields that the simulation knows nothing of are null."""
    h, lc, n = part.histories, part.light_curves, len(part.histories.sources)
    flux, error = lc.flux[h.sources], lc.flux_err[h.sources]
    snr = np.abs(flux) / error
    seeing = part.visits.seeing[lc.visit[h.sources]]
    sigma = seeing / np.float32(2.3548)  # of a Gaussian of that FWHM
    centroid = (sigma / np.maximum(snr, 1)).astype("f4")
    moment = (sigma**2).astype("f4")
    # noise of an aperture of 12 pixels beside that of a point source (LSE-40: n_eff = 2.266 FWHM^2)
    aperture = np.sqrt(np.pi * 12**2 / (2.266 * (seeing / PIXEL) ** 2)).astype("f4")
    pixel = np.stack([(part.source_id >> 8) % 4072, (part.source_id >> 20) % 4000])
    zero = np.zeros(n, "i8")
    filled = {
        "diaSourceId": part.source_id,
        **_where(part, h.sources, part.objects.object_id[h.owner]),
        "diaObjectId": part.objects.object_id[h.owner],
        "ssObjectId": zero,
        "parentDiaSourceId": zero,
        "ra": part.objects.ra[h.owner],
        "dec": part.objects.dec[h.owner],
        "raErr": centroid / np.float32(3600),
        "decErr": centroid / np.float32(3600),
        "ra_dec_Cov": np.zeros(n, "f4"),
        "x": pixel[0].astype("f4"),
        "y": pixel[1].astype("f4"),
        "xErr": centroid / np.float32(PIXEL),
        "yErr": centroid / np.float32(PIXEL),
        "apFlux": flux,
        "apFluxErr": error * aperture,
        "isNegative": flux < 0,
        "snr": snr,
        "psfFlux": flux,
        "psfFluxErr": error,
        "psfNdata": np.full(n, STAMP**2),
        "trailNdata": zero,
        "dipoleNdata": zero,
        "bboxSize": np.full(n, STAMP),
        **{name: moment for name in ("ixx", "iyy", "ixxPSF", "iyyPSF")},
        **{name: np.zeros(n, "f4") for name in ("ixy", "ixyPSF", "extendedness")},
        "reliability": (snr / (1 + snr)).astype("f4"),
    }
    return codec.encode({**_false(codec, n), **filled}, n)


def forced_sources(codec: Codec, part: Part) -> Packets:
    """Every diaForcedSource of a part, encoded once."""
    h, lc = part.histories, part.light_curves
    owner = np.searchsorted(lc.offsets, h.measured, "right") - 1
    columns = {
        "diaForcedSourceId": part.forced_id,
        "diaObjectId": part.objects.object_id[owner],
        "ra": part.objects.ra[owner],
        "dec": part.objects.dec[owner],
        **_where(part, h.measured, part.objects.object_id[owner]),
        "psfFlux": lc.flux[h.measured],
        "psfFluxErr": lc.flux_err[h.measured],
    }
    return codec.encode(columns, len(h.measured))


STATISTICS = (
    "psfFluxMean",
    "psfFluxMeanErr",
    "psfFluxSigma",
    "psfFluxMin",
    "psfFluxMax",
    "psfFluxErrMean",
    "psfFluxMaxSlope",
)


@numba.njit(cache=True, nogil=True)
def _statistics(owner: Any, band: Any, mjd: Any, flux: Any, error: Any, out: Any, number: Any) -> None:
    """Statistics of each object's sources up to and with source k, by band.

    out f4[s, bands, 7], in the order of STATISTICS; number i8[s, bands]. The mean is
    weighted by 1/error^2; Sigma is the unweighted standard deviation, from two sources on.
    """
    bands = out.shape[1]
    sums = np.zeros((bands, 9))  # n, w, wf, f, ff, e, min, max, slope
    last = np.zeros((bands, 2))
    for k in range(len(owner)):
        if k == 0 or owner[k] != owner[k - 1]:
            sums[:] = 0
            sums[:, 8] = np.nan
        b, f, e, t = band[k], np.float64(flux[k]), np.float64(error[k]), mjd[k]
        s = sums[b]
        if s[0] > 0 and t > last[b, 0]:
            slope = (f - last[b, 1]) / (t - last[b, 0])
            s[8] = slope if np.isnan(s[8]) else max(s[8], slope)
        s[6] = f if s[0] == 0 else min(s[6], f)
        s[7] = f if s[0] == 0 else max(s[7], f)
        s[0] += 1
        s[1] += 1 / (e * e)
        s[2] += f / (e * e)
        s[3] += f
        s[4] += f * f
        s[5] += e
        last[b, 0], last[b, 1] = t, f
        for c in range(bands):
            n = sums[c, 0]
            number[k, c] = np.int64(n)
            if n == 0:
                out[k, c, :] = np.nan
                continue
            out[k, c, 0] = sums[c, 2] / sums[c, 1]
            out[k, c, 1] = np.sqrt(1 / sums[c, 1])
            out[k, c, 2] = np.nan
            if n > 1:
                spread = (sums[c, 4] - sums[c, 3] * sums[c, 3] / n) / (n - 1)
                out[k, c, 2] = np.sqrt(max(spread, 0.0))
            out[k, c, 3], out[k, c, 4] = sums[c, 6], sums[c, 7]
            out[k, c, 5] = sums[c, 5] / n
            out[k, c, 6] = sums[c, 8]


def objects(codec: Codec, part: Part) -> Packets:
    """The diaObject of every alert: the object as it stands when the alert is made."""
    h, lc, n = part.histories, part.light_curves, len(part.histories.sources)
    visit = lc.visit[h.sources]
    mjd, band = part.visits.mjd[visit], part.visits.band[visit].astype("i8")
    values = np.empty((n, len(part.bands), len(STATISTICS)), "f4")
    number = np.empty((n, len(part.bands)), "i8")
    _statistics(h.owner, band, mjd, lc.flux[h.sources], lc.flux_err[h.sources], values, number)
    columns: dict[str, Any] = {
        "diaObjectId": part.objects.object_id[h.owner],
        "validityStartMjdTai": mjd + PROCESSING,
        "ra": part.objects.ra[h.owner],
        "dec": part.objects.dec[h.owner],
        "firstDiaSourceMjdTai": mjd[h.first],
        "lastDiaSourceMjdTai": mjd,
        "nDiaSources": np.arange(n) - h.first + 1,
    }
    for b in BANDS:
        at = part.bands.index(b) if b in part.bands else None
        columns[f"{b}_psfFluxNdata"] = np.zeros(n, "i8") if at is None else number[:, at].copy()
        for i, name in enumerate(STATISTICS if at is not None else ()):
            columns[f"{b}_{name}"] = values[:, at, i].copy()
    return codec.encode(columns, n)


def _branches(codec: Codec, path: str, given: Array) -> Array:
    """The branches of a nullable field: its value where it is given, null elsewhere."""
    branch = codec.branch_of(path)
    return np.where(given, branch, 1 - branch).astype("u1")


def encode_with(codec: Codec, prefix: bytes, part: Part, order: NDArray[np.int64]) -> Iterator[Packets]:
    """The packets of the sources `order`.

    prvDiaSources: 12 months before the alert. prvDiaForcedSources: from the second alert on every visit since
    the first detection, the alert's own among them, and from the night after it 30 days before it, too;
    12 months at most. Null where there is nothing.
    """
    unknown = set(part.bands) - set(BANDS)
    if unknown:
        raise InputError(f"lsst: expected bands of {', '.join(BANDS)}, got {', '.join(sorted(unknown))}")
    h, mjd = part.histories, part.visits.mjd[part.light_curves.visit]
    own = mjd[h.sources]
    first = since(own, h.first, np.arange(len(own)), own - MONTHS_12)
    found = own[h.first]
    begin = np.where(h.forced, found - FORCED_BEFORE, found)
    start = since(mjd[h.measured], h.begin, h.position, np.maximum(begin, own - MONTHS_12))
    again = h.first < np.arange(len(own))
    detected = sources(codec.at("diaSource"), part)
    columns = {
        "diaSourceId": part.source_id[order],
        "diaSource": Spliced(detected, order, order + 1),
        "prvDiaSources?": (first < np.arange(len(own)))[order].astype("u1"),
        "prvDiaSources": Spliced(detected, first[order], order),
        "prvDiaForcedSources?": again[order].astype("u1"),
        "prvDiaForcedSources": Spliced(
            forced_sources(codec.at("prvDiaForcedSources[]"), part), start[order], h.position[order] + 1
        ),
        "diaObject": Spliced(objects(codec.at("diaObject"), part), order, order + 1),
    }
    for name, stamps in part.cutouts.items():
        columns[f"cutout{name}"] = stamps
        columns[f"cutout{name}?"] = _branches(codec, f"cutout{name}", stamps.sizes > 0)
    return codec.encoder(columns, len(order)).packets(256, prefix=prefix)


def decode_any(
    packets: Packets | Ranges, published: NDArray[np.int64]
) -> tuple[AlertBatch, list[tuple[int, str]]]:
    """The AlertBatch of packets of any version: each says its own in front."""
    ranges = Ranges.of(packets) if isinstance(packets, Packets) else packets
    long_enough = ranges.size >= 5
    ids = np.full(len(ranges), -1, "i8")
    at = ranges.start[long_enough]
    head = ranges.data[at[:, None] + np.arange(5)].astype("i8") if len(at) else np.empty((0, 5), "i8")
    number = head[:, 1:] @ np.array([1 << 24, 1 << 16, 1 << 8, 1])
    ids[long_enough] = np.where(head[:, 0] == 0, number, -1)
    batches, rows, wrong = [], [], []
    for number in np.unique(ids).tolist():
        mine = np.flatnonzero(ids == number)
        try:
            codec = version_codec(*divmod(number, 100)) if number >= 0 else None
        except InputError:
            codec = None
        if codec is None:
            text = "no magic byte" if number < 0 else f"schema id {number}, which is not known"
            wrong += [(int(i), f"expected an LSST alert, got {text}") for i in mine]
            continue
        inner = Ranges(ranges.data, ranges.start[mine] + 5, ranges.size[mine] - 5)
        batch, faults = read_batch(codec, PATHS, inner, published[mine])
        bad = [row for row, _ in faults]
        wrong += [(int(mine[row]), reason) for row, reason in faults]
        batches.append(batch)
        rows.append(np.delete(mine, bad))
    return interleave(batches, rows), sorted(wrong)


def lsst(major: int, minor: int) -> Schema:
    """The schema of one version of Rubin's alerts."""
    codec = version_codec(major, minor)
    prefix = frame(major, minor)
    return Schema(
        f"lsst_v{major}_{minor}",
        "confluent",
        codec.schema,
        lambda part, order: encode_with(codec, prefix, part, order),
        decode_any,
        cutouts=True,
    )
