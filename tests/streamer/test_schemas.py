"""Every wire format: there and back, beside the survey's own schema, and the survey's own packets."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from fastavro.schema import load_schema, load_schema_ordered

from brokerbench.errors import InputError
from brokerbench.store import Folder, read_table
from brokerbench.tables import BANDS, AlertBatch, Alerts, DiaObjects, LightCurves, Visits
from streamer.alerts import prepare, read_batches
from streamer.codec import Ranges, compile_schema
from streamer.codec.records import records
from streamer.container import blocks, header_of, make_header, unwrap, wrap
from streamer.packets import PacketFile, Packets
from streamer.schemas import SCHEMAS
from streamer.schemas import lsst as rubin
from streamer.schemas.batch import interleave
from streamer.schemas.registry import load_avsc
from streamer.schemas.ztf_v4_02 import mapping as ztf
from streamer.schemas.ztf_v4_02.reading import object_name, object_number
from tests.streamer.avro import varint
from tests.streamer.runs import make_run

GRI = ("g", "r", "i")
PART = "00-00000"


@pytest.fixture(params=sorted(SCHEMAS))
def schema(request: pytest.FixtureRequest) -> str:
    """Every schema in turn."""
    return str(request.param)


def prepared(path: Path, schema: str, **options: Any) -> Folder:
    run = make_run(path, {PART: 30}, visits=200, bands=GRI, **options)
    prepare(run, schema=schema)
    return run


def packets_of(run: Folder) -> Packets:
    file = PacketFile(run.path / "stream" / "packets" / f"{PART}.packets")
    return file.read(0, len(file))


def whole(run: Folder) -> AlertBatch:
    (batch,) = [b for _, b in read_batches(run, size=10**6)]
    return batch


def test_there_are_schemas() -> None:
    assert {"elasticc_v0_9_1", "lsst_v10_0", "lsst_v11_0", "lsst_v11_1", "ztf_v4_02"} <= set(SCHEMAS)


def test_alerts_come_back_as_they_were_measured(schema: str, tmp_path: Path) -> None:
    run = prepared(tmp_path / "run", schema)
    batch = whole(run)
    alerts = read_table(run.path / "stream" / "alerts" / f"{PART}.parquet", Alerts)
    lc, visits = run.read("light_curves", PART, LightCurves), run.read("visits", "all", Visits)
    objects = run.read("dia_objects", PART, DiaObjects)
    assert len(batch) == len(alerts) > 100
    assert (batch.alert_id == alerts.alert_id).all()
    assert (batch.source_id == alerts.alert_id).all()
    assert (batch.object_id == objects.object_id[alerts.object]).all()
    assert (batch.ra == objects.ra[alerts.object]).all()
    names = np.array([BANDS.index(b) for b in GRI])
    for i in range(len(batch)):
        span = slice(batch.offsets[i], batch.offsets[i + 1])
        forced = batch.forced[span]
        own = batch.offsets[i] + int((~forced).sum()) - 1
        item = alerts.row[i]
        visit = lc.visit[item]
        # ZTF carries magnitudes of 32 bits: 1e-6 mag, and Julian dates: 4e-10 d
        assert batch.flux[own] == pytest.approx(lc.flux[item], rel=5e-6)
        assert batch.flux_err[own] == pytest.approx(lc.flux_err[item], rel=1e-5)
        assert batch.mjd[own] == pytest.approx(visits.mjd[visit], abs=2e-9)
        assert batch.band[own] == names[visits.band[visit]]
        mine = slice(lc.offsets[alerts.object[i]], lc.offsets[alerts.object[i] + 1])
        good = np.isfinite(lc.flux[mine]) & np.isfinite(lc.flux_err[mine])
        when = visits.mjd[lc.visit[mine]]
        earlier = when[good & lc.detected[mine] & (when < visits.mjd[visit])]
        days = 30.0 if schema.startswith("ztf") else 1e9
        expected = earlier[earlier >= visits.mjd[visit] - days]
        np.testing.assert_allclose(batch.mjd[span][~forced][:-1], expected, atol=2e-9)
        assert (np.diff(batch.mjd[span][forced]) > 0).all()
        assert np.isin(np.round(batch.mjd[span][forced], 6), np.round(when[good], 6)).all()


def test_malformed_packets_of_every_schema_are_told_apart(schema: str, tmp_path: Path) -> None:
    good = list(packets_of(prepared(tmp_path / "run", schema)))[5:8]
    bad = [b"", good[0][:-1], good[0] + b"\0", b"\xff" * 200, good[0][: len(good[0]) // 2], good[0][20:]]
    mixed = Packets.of([good[0], *bad, good[1], good[2]])
    batch, wrong = SCHEMAS[schema].decode(mixed, np.arange(9, dtype="i8"))
    assert [row for row, _ in wrong] == [1, 2, 3, 4, 5, 6]
    assert all(reason.startswith(("expected", "container: expected")) for _, reason in wrong)
    assert batch.published.tolist() == [0, 7, 8]
    alone, _ = SCHEMAS[schema].decode(Packets.of([good[1]]), np.array([7]))
    assert alone.object_id[0] == batch.object_id[1]


def test_random_damage_to_packets_of_every_schema_never_raises(schema: str, tmp_path: Path) -> None:
    good = list(packets_of(prepared(tmp_path / "run", schema)))[:40]
    rng = np.random.default_rng(6)
    damaged = []
    for raw in good * 5:
        broken = bytearray(raw)
        for at in rng.integers(0, len(raw), 3):
            broken[at] ^= 1 << int(rng.integers(8))
        damaged.append(bytes(broken)[: rng.integers(1, len(raw) + 1)])
    batch, wrong = SCHEMAS[schema].decode(Packets.of(damaged), np.arange(200, dtype="i8"))
    assert len(batch) + len(wrong) == 200
    assert len(wrong) > 100


def test_no_packets_are_an_empty_batch(schema: str) -> None:
    batch, wrong = SCHEMAS[schema].decode(Packets.of([]), np.empty(0, "i8"))
    assert len(batch) == 0
    assert wrong == []


# LSST


@pytest.mark.parametrize(("major", "minor"), [(10, 0), (11, 0)])
def test_lsst_packets_are_read_with_the_survey_s_own_schema(
    shared_data: Path, tmp_path: Path, major: int, minor: int
) -> None:
    folder = shared_data / "04_lsst_alerts" / "alert_packet" / str(major) / str(minor)
    real = load_schema(str(folder / f"lsst.v{major}_{minor}.alert.avsc"))
    run = prepared(tmp_path / "run", f"lsst_v{major}_{minor}")
    batch = whole(run)
    lc, visits = run.read("light_curves", PART, LightCurves), run.read("visits", "all", Visits)
    alerts = read_table(run.path / "stream" / "alerts" / f"{PART}.parquet", Alerts)
    for i, raw in enumerate(packets_of(run)):
        assert raw[:5] == b"\0" + (100 * major + minor).to_bytes(4, "big")
        stream = io.BytesIO(raw[5:])
        r = fastavro.schemaless_reader(stream, real, None)
        assert stream.tell() == len(raw) - 5
        assert r["diaSourceId"] == r["diaSource"]["diaSourceId"] == batch.alert_id[i]
        visit = lc.visit[alerts.row[i]]
        assert r["diaSource"]["visit"] == visits.visit_id[visit]
        assert r["diaSource"]["midpointMjdTai"] == visits.mjd[visit]
        assert r["diaSource"]["band"] == GRI[visits.band[visit]]
        assert r["diaSource"]["isNegative"] is bool(lc.flux[alerts.row[i]] < 0)
        assert r["diaSource"]["pixelFlags_streak"] is False
        count = len(r["prvDiaSources"] or ())
        assert r["prvDiaSources"] is None or count
        assert (r["prvDiaForcedSources"] is None) == (count == 0)
        assert r["diaObject"]["nDiaSources"] == count + 1
        detector = {s["visit"]: s["detector"] for s in [*(r["prvDiaSources"] or ()), r["diaSource"]]}
        for s in r["prvDiaForcedSources"] or ():
            assert detector.get(s["visit"], s["detector"]) == s["detector"]
        if r["prvDiaForcedSources"]:
            assert r["prvDiaForcedSources"][-1]["visit"] == r["diaSource"]["visit"]


def test_the_statistics_of_a_dia_object_are_those_of_its_sources(shared_data: Path, tmp_path: Path) -> None:
    real = load_schema(
        str(shared_data / "04_lsst_alerts" / "alert_packet" / "11" / "0" / "lsst.v11_0.alert.avsc")
    )
    checked = 0
    for raw in packets_of(prepared(tmp_path / "run", "lsst_v11_0")):
        r = fastavro.schemaless_reader(io.BytesIO(raw[5:]), real, None)
        sources, o = [*(r["prvDiaSources"] or ()), r["diaSource"]], r["diaObject"]
        assert o["firstDiaSourceMjdTai"] == sources[0]["midpointMjdTai"]
        assert o["lastDiaSourceMjdTai"] == sources[-1]["midpointMjdTai"]
        for b in "ugrizy":
            mine = [s for s in sources if s["band"] == b]
            assert o[f"{b}_psfFluxNdata"] == len(mine)
            if not mine:
                assert o[f"{b}_psfFluxMean"] is None
                assert o[f"{b}_psfFluxMin"] is None
                continue
            f = np.array([s["psfFlux"] for s in mine], "f8")
            e = np.array([s["psfFluxErr"] for s in mine], "f8")
            t = np.array([s["midpointMjdTai"] for s in mine])
            close = {"rel": 2e-5}  # 32-bit floats, sums of squares
            assert o[f"{b}_psfFluxMean"] == pytest.approx(np.average(f, weights=e**-2), **close)
            assert o[f"{b}_psfFluxMeanErr"] == pytest.approx((e**-2).sum() ** -0.5, **close)
            assert o[f"{b}_psfFluxMin"] == pytest.approx(f.min(), **close)
            assert o[f"{b}_psfFluxMax"] == pytest.approx(f.max(), **close)
            assert o[f"{b}_psfFluxErrMean"] == pytest.approx(e.mean(), **close)
            if len(f) > 1:
                checked += 1
                assert o[f"{b}_psfFluxSigma"] == pytest.approx(f.std(ddof=1), rel=1e-3)
                assert o[f"{b}_psfFluxMaxSlope"] == pytest.approx((np.diff(f) / np.diff(t)).max(), **close)
            else:
                assert o[f"{b}_psfFluxSigma"] is None
                assert o[f"{b}_psfFluxMaxSlope"] is None
    assert checked > 100


def test_the_survey_s_own_package_reads_our_packets(tmp_path: Path) -> None:
    packet = pytest.importorskip("lsst.alert.packet")
    major, minor = packet.get_latest_schema_version()
    run = prepared(tmp_path / "run", f"lsst_v{major}_{minor}")
    reader = packet.Schema.from_file(packet.get_path_to_latest_schema())
    for raw in list(packets_of(run))[:20]:
        alert = reader.deserialize(raw[5:])
        assert alert["diaSource"]["diaSourceId"] == alert["diaSourceId"]
        assert reader.validate(alert)


def test_lsst_history_reaches_back_twelve_months(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", {PART: 12}, visits=1600, bands=GRI)  # 3 a night: 533 nights
    prepare(run, schema="lsst_v11_0")
    batch = whole(run)
    long = 0
    for i in range(len(batch)):
        t = batch.mjd[batch.offsets[i] : batch.offsets[i + 1]]
        forced = batch.forced[batch.offsets[i] : batch.offsets[i + 1]]
        now = t[~forced][-1]
        assert t.min() >= now - 365
        long += t.min() < now - 363
    assert long > 20


def test_versions_of_the_schema_may_change_in_mid_stream(tmp_path: Path) -> None:
    old = list(packets_of(prepared(tmp_path / "a", "lsst_v10_0")))[:5]
    new = list(packets_of(prepared(tmp_path / "b", "lsst_v11_1")))[:5]
    other = b"\0" + (9999).to_bytes(4, "big") + old[0][5:]
    mixed = Packets.of([new[0], old[1], other, new[2], b"\1" + new[3][1:], old[4]])
    batch, wrong = SCHEMAS["lsst_v11_0"].decode(mixed, np.arange(6, dtype="i8"))
    assert wrong == [
        (2, "expected an LSST alert, got schema id 9999, which is not known"),
        (4, "expected an LSST alert, got no magic byte"),
    ]
    assert batch.published.tolist() == [0, 1, 3, 5]
    plain, _ = SCHEMAS["lsst_v10_0"].decode(Packets.of(old), np.arange(5, dtype="i8"))
    assert batch.alert_id.tolist() == plain.alert_id[[0, 1, 2, 4]].tolist()
    rows = [slice(plain.offsets[k], plain.offsets[k + 1]) for k in (0, 1, 2, 4)]
    assert (batch.flux == np.concatenate([plain.flux[r] for r in rows])).all()


def test_a_version_that_is_not_installed_is_named(monkeypatch) -> None:
    with pytest.raises(InputError, match="expected schema version 99.9, got none"):
        rubin.version_codec(99, 9)

    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(rubin.resources, "files", absent)
    with pytest.raises(InputError, match="install brokerbench\\[lsst\\]"):
        rubin.version_codec(98, 0)


def test_bands_that_a_survey_does_not_have_are_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", {PART: 3})
    with pytest.raises(InputError, match="ztf: expected bands of g, r, i, got u, y, z"):
        prepare(run, schema="ztf_v4_02")
    run = make_run(tmp_path / "other", {PART: 3}, bands=("g", "o"))
    with pytest.raises(InputError, match="lsst: expected bands of u, g, r, i, z, y, got o"):
        prepare(run, schema="lsst_v11_0")


# ZTF


def test_ztf_packets_are_containers_that_anybody_can_read(tmp_path: Path, shared_data: Path) -> None:
    folder = shared_data / "03_ztf_alerts" / "ztf-avro-alert" / "schema"
    order = ("candidate", "prv_candidate", "fp_hist", "cutout", "alert")
    real = load_schema_ordered([str(folder / f"{n}.avsc") for n in order])
    run = prepared(tmp_path / "run", "ztf_v4_02")
    batch = whole(run)
    limits = detections = 0
    for i, raw in enumerate(packets_of(run)):
        (own,) = list(fastavro.reader(io.BytesIO(raw)))
        (r,) = list(fastavro.reader(io.BytesIO(raw), reader_schema=real))
        assert r == own
        assert r["schemavsn"] == "4.02"
        assert r["candid"] == r["candidate"]["candid"] == batch.alert_id[i]
        jd = [s["jd"] for s in r["prv_candidates"] or ()]
        assert jd == sorted(jd)
        assert all(r["candidate"]["jd"] - 30 <= t < r["candidate"]["jd"] for t in jd)
        assert [s["jd"] for s in r["fp_hists"] or ()] == jd[::-1]
        for s in r["prv_candidates"] or ():
            present = s["candid"] is not None
            limits, detections = limits + (not present), detections + present
            for field in ("magpsf", "sigmapsf", "isdiffpos", "ra", "rb"):
                assert (s[field] is not None) == present
            assert s["diffmaglim"] is not None
    assert limits > 1000
    assert detections > 100


def test_the_ztf_schema_files_declare_the_fields_of_the_real_ones(shared_data: Path) -> None:
    folder = shared_data / "03_ztf_alerts" / "ztf-avro-alert" / "schema"
    ours = Path(ztf.__file__).parent
    for name in ("alert", "candidate", "prv_candidate", "fp_hist", "cutout"):
        real = json.loads((folder / f"{name}.avsc").read_text())
        file = next(
            f for f in ours.glob("*.avsc") if f.name.endswith(f".{name}.avsc") or f.name == f"ztf.{name}.avsc"
        )
        mine = json.loads(file.read_text())
        assert (mine["namespace"], mine["name"]) == (real["namespace"], real["name"])
        assert [(f["name"], f["type"]) for f in mine["fields"]] == [
            (f["name"], f["type"]) for f in real["fields"]
        ]


def test_negative_fluxes_and_zero_have_magnitudes(tmp_path: Path) -> None:
    from brokerbench.store import write_table

    run = make_run(tmp_path / "run", {PART: 8}, visits=100, bands=GRI)
    lc = run.read("light_curves", PART, LightCurves)
    flux = np.where(np.arange(len(lc.flux)) % 3 == 0, -lc.flux, lc.flux).astype("f4")
    flux[np.arange(len(flux)) % 7 == 0] = 0
    write_table(run.file("light_curves", PART), LightCurves(**{**lc.as_dict(), "flux": flux}))
    prepare(run, schema="ztf_v4_02")
    batch = whole(run)
    alerts = read_table(run.path / "stream" / "alerts" / f"{PART}.parquet", Alerts)
    for i in range(len(batch)):
        own = int((~batch.forced[batch.offsets[i] : batch.offsets[i + 1]]).sum()) - 1
        got, expected = batch.flux[batch.offsets[i] + own], flux[alerts.row[i]]
        assert got == pytest.approx(expected, rel=1e-5, abs=0.11)  # 0 is written as 1e-3 of its error
    assert np.isfinite(batch.flux).all()


def test_names_of_objects_hold_every_id() -> None:
    numbers = np.array([0, 1, 2**52 - 1, 123456789, 26**10, 26**10 - 1])
    names = object_name(numbers)
    assert len(set(names)) == 6
    assert (object_number(Ranges.of(names)) == numbers).all()
    real = Packets.of(
        [b"ZTF21abiuvdk", b"ZTF21abiuvdl", b"ZTF2", b"SN2011fe", b"ZTF2xabiuvdk", b"ZTF21abIuvdk"]
    )
    found = object_number(Ranges.of(real))
    assert found[1] == found[0] + 1 > 0
    assert (found[2:] == -1).all()


# the surveys' own packets


def avro_files(shared_data: Path) -> list[Path]:
    folders = ("03_ztf_alerts", "04_lsst_alerts", "04_elasticc")
    return sorted(f for d in folders for f in (shared_data / d).rglob("*.avro"))


def test_every_real_packet_is_read_to_the_values_of_fastavro(shared_data: Path) -> None:
    read = packets = 0
    for file in avro_files(shared_data):
        raw = file.read_bytes()
        if not raw.startswith(b"Obj\x01"):
            continue
        with open(file, "rb") as stream:
            expected = list(fastavro.reader(stream, return_record_name=False))
        header, found = blocks(raw)
        codec = compile_schema(plain(json.loads(header.schema)))
        array = compile_schema({"type": "array", "items": plain(json.loads(header.schema))})
        values: list[Any] = []
        for count, body in found:
            d = array.decode(Packets.of([varint(count) + body + b"\0"]))
            assert d.wrong == [], f"{file.name}: {d.wrong}"
            values += records(array, d)[0]
            (again,) = list(array.encode(d.columns, 1))
            assert list(array.decode(Packets.of([again])).columns) == list(d.columns)
        assert repr(values) == repr([dict(e) for e in without_logical(expected, header.schema, found)])
        assert codec.node.kind == "record"
        read, packets = read + 1, packets + len(values)
    assert read > 150
    assert packets > 190


def plain(schema: Any) -> Any:
    """The schema without logical types: a value is what it is on the wire."""
    if isinstance(schema, dict):
        return {k: plain(v) for k, v in schema.items() if k != "logicalType"}
    return [plain(s) for s in schema] if isinstance(schema, list) else schema


def without_logical(expected: list[Any], schema: str, found: list[tuple[int, bytes]]) -> list[Any]:
    """What fastavro reads of the same blocks, without logical types."""
    if '"logicalType"' not in schema:
        return expected
    parsed = fastavro.parse_schema(plain(json.loads(schema)))
    out = []
    for count, body in found:
        stream = io.BytesIO(body)
        out += [fastavro.schemaless_reader(stream, parsed, None) for _ in range(count)]
    return out


def test_real_ztf_packets_become_batches(shared_data: Path) -> None:
    files = [f for f in avro_files(shared_data) if "03_ztf" in str(f) and "fink" not in str(f)]
    raws = [f.read_bytes() for f in files]
    batch, wrong = SCHEMAS["ztf_v4_02"].decode(Packets.of(raws), np.arange(len(raws), dtype="i8"))
    assert wrong == []
    assert len(batch) == len(raws) >= 60
    for i, raw in enumerate(raws):
        r = next(fastavro.reader(io.BytesIO(raw)))
        span = slice(batch.offsets[i], batch.offsets[i + 1])
        c = r["candidate"]
        seen = [s for s in r["prv_candidates"] or () if s["candid"] is not None]
        assert (~batch.forced[span]).sum() == len(seen) + 1
        assert batch.forced[span].sum() == len(r.get("fp_hists") or ())
        own = batch.offsets[i] + len(seen)
        sign = 1 if c["isdiffpos"] in ("t", "1") else -1
        assert batch.flux[own] == pytest.approx(sign * 10 ** (0.4 * (31.4 - c["magpsf"])), rel=1e-6)
        assert batch.alert_id[i] == r["candid"]
        assert batch.band[own] == {1: 1, 2: 2, 3: 3}[c["fid"]]
        assert batch.mjd[own] == pytest.approx(c["jd"] - 2400000.5 + (37 + 15) / 86400, abs=1e-8)


def test_real_rubin_packets_become_batches(shared_data: Path) -> None:
    file = shared_data / "04_lsst_alerts" / "fink_client_real" / "part-2-918301.avro"
    with open(file, "rb") as stream:
        alerts = list(fastavro.reader(stream))
    codec = rubin.version_codec(10, 0)
    raws = []
    for a in alerts:
        out = io.BytesIO()
        alert = {f["name"]: a[f["name"]] for f in codec.schema["fields"]}
        for name, value in alert.items():  # Fink spells a null record out
            if isinstance(value, dict) and all(v is None for v in value.values()):
                alert[name] = None
        fastavro.schemaless_writer(out, codec.schema, alert)
        raws.append(rubin.frame(10, 0) + out.getvalue())
    batch, wrong = SCHEMAS["lsst_v10_0"].decode(Packets.of(raws), np.arange(len(raws), dtype="i8"))
    has = [a for a in alerts if a["diaObject"]["diaObjectId"] is not None]
    assert len(batch) == len(has) == 5
    assert all("with diaObject, got null" in reason for _, reason in wrong)
    assert len(wrong) == 2  # asteroids
    for i, a in enumerate(has):
        span = slice(batch.offsets[i], batch.offsets[i + 1])
        listed = [*a["prvDiaSources"], a["diaSource"], *a["prvDiaForcedSources"]]
        flux = np.array([np.nan if s["psfFlux"] is None else s["psfFlux"] for s in listed], "f4")
        np.testing.assert_array_equal(batch.flux[span], flux)
        assert batch.mjd[span].tolist() == [s["midpointMjdTai"] for s in listed]
        assert batch.band[span].tolist() == [BANDS.index(s["band"]) for s in listed]


# containers


def test_containers_are_read_whatever_wrote_them() -> None:
    schema = {"type": "record", "name": "r", "fields": [{"name": "a", "type": "long"}]}
    parsed = fastavro.parse_schema(schema)
    files = []
    for i, codec in enumerate(("null", "deflate", "null")):
        out = io.BytesIO()
        fastavro.writer(out, parsed, [{"a": i}], codec=codec)
        files.append(out.getvalue())
    files.append(wrap(Packets.of([varint(3)]), json.dumps(schema))[0])
    two = io.BytesIO()
    fastavro.writer(two, parsed, [{"a": 1}, {"a": 2}])
    files += [two.getvalue(), files[0][:-1], files[0] + b"x", b"Obj", b"", files[1][:-30] + b"\0" * 30]
    found, wrong = unwrap(Ranges.of(Packets.of(files)))
    values = {}
    for header, rows, raws in found:
        codec = compile_schema(header.schema)
        values |= dict(zip(rows.tolist(), codec.decode(raws)["a"].tolist(), strict=True))
    assert values == {0: 0, 1: 1, 2: 2, 3: 3}
    assert [row for row, _ in wrong] == [4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"nothing", "expected an Avro container file, got other bytes"),
        (b"Obj\x01\x02\x06abc\x02x\0", "expected a schema in the header"),
        (b"Obj\x01\xff\xff", "expected a number, got the end of the file"),
        (b"Obj\x01\x02\x7eab", "expected 63 bytes at 6, got the end of the file"),
        (b"Obj\x01" + varint(5000), "expected a few entries in the header, got 5000"),
        (make_header("{}")[0].replace(b"\x08null", b"\x08lzma"), "expected codec null or deflate, got lzma"),
    ],
)
def test_headers_that_are_none_say_why(raw: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        header_of(raw)


def test_a_deflated_block_that_is_none_is_told(tmp_path: Path) -> None:
    header = make_header('{"type":"record","name":"r","fields":[]}')[0].replace(b"\x08null", b"\x0edeflate")
    body = b"\x99\x99"
    found, wrong = unwrap(Ranges.of(Packets.of([header + b"\x02" + varint(2) + body + header[-16:]])))
    assert "expected deflated bytes" in wrong[0][1] or "expected a whole deflated block" in wrong[0][1]
    with pytest.raises(InputError, match="expected a sync marker"):
        blocks(header + b"\x02" + varint(2) + body + b"\0" * 16)


def test_an_avsc_file_that_is_none_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "x.avsc"
    for text, message in (
        ("{", "expected an Avro schema, got"),
        ('"long"', "expected the schema of a record, got another type"),
        (
            '{"type": "record", "name": "x", "fields": [{"name": "a", "type": "y.z"}]}',
            "expected an Avro schema, got",
        ),
    ):
        bad.write_text(text)
        with pytest.raises(InputError, match=message):
            load_avsc(bad)
    with pytest.raises(InputError, match="expected an Avro schema"):
        load_avsc(tmp_path / "none.avsc")


def test_batches_are_put_in_the_order_of_their_rows(tmp_path: Path) -> None:
    batch = whole(prepared(tmp_path / "run", "elasticc_v0_9_1"))
    from streamer.serve import batch_rows

    order = [3, 0, 5, 1, 4, 2]
    pieces = [batch_rows(batch, k, k + 1) for k in order]
    again = interleave(pieces, [np.array([k]) for k in order])
    expected = batch_rows(batch, 0, 6)
    for name, value in expected.as_dict().items():
        np.testing.assert_array_equal(getattr(again, name), value)
    np.testing.assert_array_equal(again.host.mag, expected.host.mag)
    assert len(interleave([], [])) == 0
