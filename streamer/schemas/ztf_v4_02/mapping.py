"""The fields of a ZTF alert from the tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import InputError
from streamer.codec import Ranges, Spliced, compile_schema
from streamer.container import wrap
from streamer.history import since
from streamer.packets import Packets
from streamer.schemas.registry import load_avsc
from streamer.schemas.schema import Part, Schema, names_of
from streamer.schemas.ztf_v4_02.reading import FID, HALF_EXPOSURE, TAI_UTC, ZERO_POINT, decode, object_name

_FOLDER = Path(__file__).parent
ALERT = load_avsc(_FOLDER / "ztf.alert.avsc")
CODEC = compile_schema(ALERT)
DAYS = 30.0
"""Days of history in a packet (Masci et al. 2019, section 6.6)."""

ZERO_POINT_DN = 26.3
"""Magnitude of 1 DN in a science image; typical of ZTF."""

PIXEL = 1.01
"""arcsec a pixel."""

Array = NDArray[Any]
_MAGNITUDE = np.float32(2.5 / np.log(10))


def _text(value: str, count: int) -> Ranges:
    return names_of([value], np.zeros(count, "i8"))


def _jd(mjd: Array) -> Array:
    """Julian date UTC at the start of a 30 s exposure."""
    return mjd + 2400000.5 - TAI_UTC - HALF_EXPOSURE


def _visits(part: Part, items: Array, objects: Array) -> dict[str, Any]:
    v, visit = part.visits, part.light_curves.visit[items]
    fid = np.array([FID[b] for b in part.bands], "i8")
    return {
        "jd": _jd(v.mjd[visit]),
        "fid": fid[v.band[visit]],
        "pid": v.visit_id[visit],
        "diffmaglim": v.m5[visit],
        "programid": np.ones(len(items), "i8"),
        "rcid": (objects + v.visit_id[visit]) % 64,
        "magzpsci": np.full(len(items), ZERO_POINT_DN, "f4"),
    }


def _measured(part: Part, items: Array, objects: Array, ids: Array) -> dict[str, Any]:
    """What candidates and earlier candidates share of a detection."""
    lc, n = part.light_curves, len(items)
    flux, error = lc.flux[items], lc.flux_err[items]
    size = np.maximum(np.abs(flux), error * np.float32(1e-3))  # a flux of 0 has no magnitude
    magnitude = (ZERO_POINT - 2.5 * np.log10(size)).astype("f4")
    sigma = (_MAGNITUDE * error / size).astype("f4")
    snr = (np.abs(flux) / error).astype("f4")
    visit = lc.visit[items]
    return {
        **_visits(part, items, objects),
        "isdiffpos": names_of(["f", "t"], (flux > 0).astype("i8")),
        "nid": part.visits.night[visit].astype("i8"),
        "xpos": ((ids >> 8) % 3072).astype("f4"),
        "ypos": ((ids >> 20) % 3080).astype("f4"),
        "magpsf": magnitude,
        "sigmapsf": sigma,
        "magap": magnitude,
        "sigmagap": sigma,
        "magdiff": np.zeros(n, "f4"),
        "magfromlim": part.visits.m5[visit] - magnitude,
        "fwhm": part.visits.seeing[visit] / np.float32(PIXEL),
        "nneg": np.zeros(n, "i8"),
        "nbad": np.zeros(n, "i8"),
        "rb": snr / (1 + snr),
        "scorr": snr.astype("f8"),
        "rbversion": _text("t17_f5_c3", n),
    }


def candidates(part: Part) -> Packets:
    """Every candidate of a part, encoded once."""
    h, n = part.histories, len(part.histories.sources)
    of = part.objects.object_id[h.owner]
    mjd = part.visits.mjd[part.light_curves.visit]
    position = {"ra": part.objects.ra[h.owner], "dec": part.objects.dec[h.owner]}
    measured = _measured(part, h.sources, of, part.source_id)
    start = _jd(np.full(n, part.visits.mjd.min() if len(part.visits) else 0.0))
    columns = {
        **measured,
        **position,
        "ranr": position["ra"],
        "decnr": position["dec"],
        "candid": part.source_id,
        "ndethist": np.arange(n) - h.first + 1,
        "ncovhist": h.position - h.begin + 1,
        "jdstarthist": _jd(mjd[h.sources][h.first]),
        "jdendhist": measured["jd"],
        "tooflag": np.zeros(n, "i8"),
        "nmtchps": np.zeros(n, "i8"),
        "rfid": np.zeros(n, "i8"),
        "jdstartref": start - 365,
        "jdendref": start,
        "nframesref": np.full(n, 15),
        "nmatches": np.zeros(n, "i8"),
        "exptime": part.visits.exposure[part.light_curves.visit[h.sources]],
        "drb": measured["rb"],
        "drbversion": _text("d6_m7", n),
    }
    return CODEC.at("candidate").encode(columns, n)


def earlier(part: Part) -> Packets:
    """Every visit of an object as an earlier candidate: a detection, or an upper limit without candid."""
    h, m = part.histories, part.histories.measured
    owner = np.searchsorted(part.light_curves.offsets, m, "right") - 1
    ids = np.zeros(len(m), "i8")
    ids[h.position] = part.source_id
    seen = np.zeros(len(m), "?")
    seen[h.position] = True
    of = part.objects.object_id[owner]
    columns = _measured(part, m, of, ids) | {
        "candid": ids,
        "ra": part.objects.ra[owner],
        "dec": part.objects.dec[owner],
        "ranr": part.objects.ra[owner],
        "decnr": part.objects.dec[owner],
    }
    always = {"jd", "fid", "pid", "diffmaglim", "programid", "rcid", "magzpsci", "nid", "rbversion"}
    nullable = {f"{name}?": seen.astype("u1") for name in columns if name not in always}
    return CODEC.at("prv_candidates[]").encode(columns | nullable, len(m))


def forced(part: Part) -> Packets:
    """Forced photometry of every visit, the last one first, as ZTF lists it."""
    m, lc = part.histories.measured[::-1], part.light_curves
    owner = np.searchsorted(lc.offsets, m, "right") - 1
    dn = np.float32(10 ** (0.4 * (ZERO_POINT_DN - ZERO_POINT)))
    n = len(m)
    columns = {
        **_visits(part, m, part.objects.object_id[owner]),
        "rfid": np.zeros(n, "i8"),
        "sciinpseeing": part.visits.seeing[lc.visit[m]] / np.float32(PIXEL),
        "exptime": part.visits.exposure[lc.visit[m]],
        "forcediffimflux": lc.flux[m] * dn,
        "forcediffimfluxunc": lc.flux_err[m] * dn,
        "procstatus": _text("0", n),
        "ranr": part.objects.ra[owner],
        "decnr": part.objects.dec[owner],
    }
    return CODEC.at("fp_hists[]").encode(columns, n)


_FILE = {"Science": "targ_sci", "Template": "ref", "Difference": "targ_scimref"}


def _cutout(name: str, stamps: Packets, candid: Array) -> dict[str, Any]:
    """The columns of a cutout; null where a stamp is empty."""
    given = np.flatnonzero(stamps.sizes)
    path = f"cutout{name}"
    return {
        f"{path}?": (stamps.sizes > 0).astype("u1"),
        f"{path}.fileName": Packets.of(
            [f"candid{i}_{_FILE[name]}.fits.gz".encode() for i in candid[given].tolist()]
        ),
        f"{path}.stampData": stamps.take(given),
    }


def encode(part: Part, order: NDArray[np.int64]) -> Iterator[Packets]:
    """The packets of the sources `order`: history of 30 days before the alert, null where there is none."""
    unknown = sorted(set(part.bands) - set(FID))
    if unknown:
        raise InputError(
            f"ztf: expected bands of g, r, i, got {', '.join(unknown)} too; simulate instrument = 'ztf' with "
            "bands of these"
        )
    h, n = part.histories, len(order)
    mjd = part.visits.mjd[part.light_curves.visit]
    start = since(mjd[h.measured], h.begin, h.position, mjd[h.sources] - DAYS)[order]
    stop = h.position[order]
    before = (start < stop).astype("u1")
    size = len(h.measured)
    columns = {
        "schemavsn": _text("4.02", n),
        "publisher": _text("brokerbench", n),
        "objectId": object_name(part.objects.object_id[h.owner[order]]),
        "candid": part.source_id[order],
        "candidate": Spliced(candidates(part), order, order + 1),
        "prv_candidates?": before,
        "prv_candidates": Spliced(earlier(part), start, stop),
        "fp_hists?": before,
        "fp_hists": Spliced(forced(part), size - stop, size - start),
    }
    for name, stamps in part.cutouts.items():
        columns |= _cutout(name, stamps, part.source_id[order])
    text = _schema_text()
    for records in CODEC.encoder(columns, n).packets(256):
        yield wrap(records, text)


def _schema_text() -> str:
    """The schema as a message carries it: JSON without what fastavro adds."""

    def plain(schema: Any) -> Any:
        if isinstance(schema, dict):
            return {k: plain(v) for k, v in schema.items() if not k.startswith("__") and k != "doc"}
        return [plain(s) for s in schema] if isinstance(schema, list) else schema

    return json.dumps(plain(ALERT), separators=(",", ":"))


SCHEMA = Schema("ztf_v4_02", "container", ALERT, encode, decode, cutouts=True)
