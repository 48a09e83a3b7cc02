"""Alerts: their bytes against the real schema, their ids, their order, and what must not be in them."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import fastavro
import numpy as np
import pytest
from fastavro.schema import load_schema, load_schema_ordered

from brokerbench import ids
from brokerbench.errors import InputError, UnknownName
from brokerbench.store import Folder, read_table
from brokerbench.tables import Alerts, DiaObjects, Hosts, LightCurves, Visits
from streamer.alerts import Late, part_numbers, prepare, read_batches
from streamer.codec import compile_schema
from streamer.packets import PacketFile, Packets
from streamer.schemas import SCHEMAS
from streamer.schemas.batch import read_batch
from streamer.schemas.elasticc_v0_9_1 import mapping
from tests.streamer.runs import make_run

PARTS = ("00-00000", "00-00001", "01-00000")


def packets_of(run: Folder, part: str) -> Packets:
    file = PacketFile(run.path / "stream" / "packets" / f"{part}.packets")
    return file.read(0, len(file))


def same(a: object, b: object) -> bool:
    return bool(np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f"))


def test_the_registry_of_schemas_is_not_empty_and_every_entry_is_named_after_its_folder() -> None:
    assert len(SCHEMAS) >= 1
    for name in SCHEMAS:
        assert SCHEMAS[name].name == name
        assert SCHEMAS[name].framing in ("bare", "confluent", "container")
    with pytest.raises(UnknownName, match="did you mean 'elasticc_v0_9_1'"):
        SCHEMAS["elasticc_v0_9"]


def test_packets_decode_with_the_real_schema_to_the_tables(stream_run: Folder, shared_data: Path) -> None:
    real = load_schema(str(shared_data / "04_elasticc" / "schema" / "elasticc.v0_9_1.alert.avsc"))
    visits = stream_run.read("visits", "all", Visits)
    for part in PARTS:
        lc = stream_run.read("light_curves", part, LightCurves)
        objects = stream_run.read("dia_objects", part, DiaObjects)
        hosts = stream_run.read("hosts", part, Hosts)
        alerts = stream_run.path / "stream" / "alerts" / f"{part}.parquet"
        table = read_table(alerts, Alerts)
        packets = packets_of(stream_run, part)
        assert len(packets) == len(table) > 5
        for i, raw in enumerate(packets):
            stream = io.BytesIO(raw)
            r = fastavro.schemaless_reader(stream, real, None)
            assert stream.tell() == len(raw)
            item, o = table.row[i], table.object[i]
            assert r["alertId"] == r["diaSource"]["diaSourceId"] == table.alert_id[i]
            assert r["diaSource"]["midPointTai"] == visits.mjd[lc.visit[item]]
            assert r["diaSource"]["psFlux"] == lc.flux[item]
            assert r["diaSource"]["snr"] == np.float32(lc.flux[item] / lc.flux_err[item])
            assert r["diaObject"]["diaObjectId"] == objects.object_id[o]
            z = r["diaObject"]["z_final"]
            assert (z is None) == np.isnan(objects.z_final[o])
            mag = r["diaObject"]["hostgal_mag_Y"]
            assert (mag is None) if np.isnan(hosts.mag[o, 5]) else mag == hosts.mag[o, 5]
            times = [s["midPointTai"] for s in r["prvDiaSources"]]
            assert times == sorted(times)
            assert all(t < r["diaSource"]["midPointTai"] for t in times)
            assert {s["filterName"] for s in [r["diaSource"], *r["prvDiaSources"]]} <= set("ugrizY")


def test_our_schema_files_declare_the_fields_of_the_real_ones(shared_data: Path) -> None:
    folder = shared_data / "04_elasticc" / "schema"
    ours = Path(mapping.__file__).parent
    names = [f.name for f in ours.glob("*.avsc")]
    assert len(names) == 5
    for name in names:
        real, mine = load_schema(str(folder / name)), load_schema(str(ours / name))
        assert real["name"] == mine["name"]
        assert [(f["name"], bare(f["type"])) for f in real["fields"]] == [
            (f["name"], bare(f["type"])) for f in mine["fields"]
        ]


def bare(kind: object) -> object:
    """A type without documentation and defaults."""
    if isinstance(kind, dict):
        if kind.get("type") == "record":
            return kind["name"], [(f["name"], bare(f["type"])) for f in kind["fields"]]
        kept = {k: bare(v) for k, v in kind.items() if k in ("type", "items", "logicalType")}
        return kept["type"] if set(kept) == {"type"} else kept
    return [bare(k) for k in kind] if isinstance(kind, list) else kind


DIFFERS_FROM_V0_9 = {
    "alert": {"prvDiaNondetectionLimits", "cutoutDifference", "cutoutTemplate"},
    "diaSource": {"ccdVisitId", "parentDiaSourceId", "nobs"},
    "diaForcedSource": {"ccdVisitId", "totFlux", "totFluxErr"},
    "diaObject": {"hostgal_zphot_p50", "hostgal2_zphot_p50"},
}
"""Fields of the wire of v0.9 that v0.9.1 dropped."""


def test_the_real_wire_message_has_the_same_fields_types_and_nullability(shared_data: Path) -> None:
    schema, record = real_wire(shared_data)
    ours = {"alert": mapping.ALERT}
    theirs = {"alert": schema}
    for types, alert in ((ours, mapping.ALERT), (theirs, schema)):
        collect_records(alert, types)
    for name, dropped in DIFFERS_FROM_V0_9.items():
        mine = {f["name"]: bare_name(f["type"]) for f in ours[name]["fields"]}
        real = {f["name"]: bare_name(f["type"]) for f in theirs[name]["fields"]}
        assert set(real) - set(mine) == dropped
        assert set(mine) <= set(real)
        assert {n: real[n] for n in mine} == mine
    assert record["alertId"] == 208089362038


def real_wire(shared_data: Path) -> tuple[dict, dict]:
    folder = shared_data / "04_elasticc" / "plasticc_alerts" / "schema_v0_9"
    order = ("diaSource", "diaForcedSource", "diaNondetectionLimit", "diaObject", "alert")
    schema = load_schema_ordered([str(folder / f"elasticc.v0_9.{n}.avsc") for n in order])
    message = next((shared_data / "04_elasticc" / "ampel_wire").glob("*.avro.gz"))
    raw = gzip.decompress(message.read_bytes())
    return schema, fastavro.schemaless_reader(io.BytesIO(raw), schema, None)


def collect_records(kind: object, into: dict) -> None:
    if isinstance(kind, dict):
        if kind.get("type") == "record":
            into[kind["name"].rsplit(".", 1)[-1]] = kind
        for value in kind.values():
            collect_records(value, into)
    elif isinstance(kind, list):
        for value in kind:
            collect_records(value, into)


def bare_name(kind: object) -> object:
    """A type in which records are their names without the version."""
    if isinstance(kind, dict):
        if kind.get("type") == "record":
            return kind["name"].rsplit(".", 1)[-1]
        if kind.get("type") == "array":
            return ("array", bare_name(kind["items"]))
        return bare_name(kind["type"])
    if isinstance(kind, list):
        return [bare_name(k) for k in kind]
    return kind.rsplit(".", 1)[-1]


def test_sentinels_of_the_real_wire_message_become_nan(shared_data: Path) -> None:
    schema, record = real_wire(shared_data)
    message = next((shared_data / "04_elasticc" / "ampel_wire").glob("*.avro.gz"))
    codec = compile_schema(schema)
    packets = Packets.of([gzip.decompress(message.read_bytes())])
    batch, wrong = read_batch(codec, mapping.PATHS, packets, np.array([5], "i8"))
    assert wrong == []
    assert len(batch) == 1
    assert batch.published[0] == 5
    assert batch.object_id[0] == record["diaObject"]["diaObjectId"]
    assert batch.host.zphot[0] == np.float32(record["diaObject"]["hostgal_zphot"])
    assert np.isnan(batch.host.zspec[0])
    assert np.isnan(batch.host2.mag[0]).all()
    assert np.isnan(batch.host2.zphot_q[0]).all()
    assert np.isnan(batch.host2.ra[0])
    assert np.isnan(batch.host2.sep[0])
    assert (~batch.forced).sum() == len(record["prvDiaSources"]) + 1
    assert batch.forced.sum() == len(record["prvDiaForcedSources"])
    assert (batch.band >= 0).all()
    listed = [*record["prvDiaSources"], record["diaSource"], *record["prvDiaForcedSources"]]
    assert batch.flux.tolist() == [s["psFlux"] for s in listed]
    assert batch.mjd.tolist() == [s["midPointTai"] for s in listed]


def test_batches_are_the_tables_again(stream_run: Folder) -> None:
    seen = []
    for part, batch in read_batches(stream_run, size=17):
        seen.append(part)
        objects = stream_run.read("dia_objects", part, DiaObjects)
        at = np.array([np.flatnonzero(objects.object_id == o)[0] for o in batch.object_id])
        assert (batch.ra == objects.ra[at]).all()
        assert same(batch.z_final, objects.z_final[at])
        for name in ("host", "host2"):
            hosts = stream_run.read(f"{name}s" if name == "host" else "hosts2", part, Hosts).take(at)
            got = getattr(batch, name)
            assert same(got.zphot_q, hosts.zphot_q)
            assert same(got.mag_err, hosts.mag_err)
            assert same(got.ra, hosts.ra.astype("f4").astype("f8"))  # the wire has 32 bits for it
        assert (batch.source_id == batch.alert_id).all()
        for i in range(len(batch)):
            span = slice(batch.offsets[i], batch.offsets[i + 1])
            forced = batch.forced[span]
            assert not forced[0]
            assert (np.diff(forced.astype("i1")) >= 0).all()  # sources, then forced sources
            assert (np.diff(batch.mjd[span][~forced]) > 0).all()
            assert (np.diff(batch.mjd[span][forced]) > 0).all()
    assert set(seen) == set(PARTS)


def test_packets_are_sorted_by_time_then_id_and_ids_lead_back_to_the_part(stream_run: Folder) -> None:
    for part in PARTS:
        index = PacketFile(stream_run.path / "stream" / "packets" / f"{part}.packets").index(0, 5)
        table = read_table(stream_run.path / "stream" / "alerts" / f"{part}.parquet", Alerts)
        order = np.lexsort((table.alert_id, table.publish))
        assert (order == np.arange(len(table))).all()
        assert (index["alert_id"] == table.alert_id[:5]).all()
        serial = ids.unpermute(11, "alert", table.alert_id)
        assert (serial == ids.serial(*part_numbers(part), table.row)).all()


def test_publish_is_the_middle_of_the_exposure_and_the_delay(run: Folder) -> None:
    prepare(run, delay_s=90)
    visits = run.read("visits", "all", Visits)
    table = read_table(run.path / "stream" / "alerts" / "00-00000.parquet", Alerts)
    lc = run.read("light_curves", "00-00000", LightCurves)
    # 1 us: mjd times 86400 keeps 2^-37 d
    expected = (visits.mjd[lc.visit[table.row]] - 61000) * 86400 + 90
    np.testing.assert_allclose(table.publish, expected, atol=1e-5)


def test_the_stream_is_the_same_for_any_number_of_workers(tmp_path: Path) -> None:
    one, two = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    assert prepare(one, workers=1).manifest == prepare(two, workers=2).manifest


def test_a_stream_goes_on_at_the_first_missing_part(tmp_path: Path) -> None:
    whole = prepare(make_run(tmp_path / "a")).manifest
    run = make_run(tmp_path / "b")

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(run, progress=stop)
    assert not (run.path / "stream").exists()
    seen: list[tuple[int, int]] = []
    assert prepare(run, progress=lambda d, t: seen.append((d, t))).manifest == whole
    assert seen == [(3, 3)]


def test_a_part_without_alerts_is_a_part_without_packets(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", {"00-00000": 0, "00-00001": 4})
    prepare(run)
    assert len(packets_of(run, "00-00000")) == 0
    assert sum(len(b) for _, b in read_batches(run)) == len(packets_of(run, "00-00001"))


def test_a_prepared_run_is_not_prepared_again(stream_run: Folder) -> None:
    with pytest.raises(InputError, match="expected no such folder yet"):
        prepare(stream_run)


def test_a_part_name_is_checked() -> None:
    with pytest.raises(InputError, match="expected a name such as 00-00003, got 'all'"):
        part_numbers("all")


def test_a_packet_that_does_not_decode_names_its_alert(stream_run: Folder) -> None:
    path = stream_run.path / "stream" / "packets" / "00-00000.packets"
    raw = bytearray(path.read_bytes())
    raw[20:60] = b"\xff" * 40
    path.write_bytes(raw)
    with pytest.raises(InputError, match="alert 0: expected a packet of elasticc.v0_9_1.alert, got"):
        list(read_batches(stream_run))


def test_malformed_packets_are_told_apart_and_the_rest_is_decoded(stream_run: Folder) -> None:
    good = list(packets_of(stream_run, "00-00000"))[:3]
    schema = SCHEMAS["elasticc_v0_9_1"]
    mixed = Packets.of([good[0], good[1][:-1], b"", good[1] + b"\0", good[2]])
    batch, wrong = schema.decode(mixed, np.arange(5, dtype="i8"))
    assert [row for row, _ in wrong] == [1, 2, 3]
    assert batch.published.tolist() == [0, 4]


def test_truncated_and_foreign_packet_files_are_refused(tmp_path: Path, stream_run: Folder) -> None:
    path = stream_run.path / "stream" / "packets" / "00-00000.packets"
    raw = path.read_bytes()
    cut = tmp_path / "cut.packets"
    for size in (0, 10, len(raw) - 1):
        cut.write_bytes(raw[:size])
        with pytest.raises(InputError, match="expected a whole packet file"):
            PacketFile(cut)
    cut.write_bytes(raw[100:])
    with pytest.raises(InputError, match="got a file of another size"):
        PacketFile(cut)
    with pytest.raises(InputError, match="expected a packet file, got No such file"):
        PacketFile(tmp_path / "none.packets")


def test_a_galactic_object_has_nulls_and_no_zeros_for_its_redshift(stream_run: Folder) -> None:
    for _, batch in read_batches(stream_run):
        assert not (batch.z_final == 0).any()
        assert np.isnan(batch.z_final_err[np.isnan(batch.z_final)]).all()


def test_redshifts_and_hosts_may_arrive_late(tmp_path: Path) -> None:
    runs = {}
    for name, late in (
        ("now", None),
        ("late", Late(redshift_d=6.0, host_d=3.0)),
        ("z", Late(redshift_d=5.0)),
    ):
        runs[name] = make_run(tmp_path / name)
        prepare(runs[name], late=late)
    now, later, only_z = (Packets.concat([packets_of(r, p) for p in PARTS]) for r in runs.values())
    schema = SCHEMAS["elasticc_v0_9_1"]
    published = np.zeros(len(now), "i8")
    a, b, c = (schema.decode(p, published)[0] for p in (now, later, only_z))
    own = b.offsets[:-1] + np.array(
        [(~b.forced[b.offsets[i] : b.offsets[i + 1]]).sum() - 1 for i in range(len(b))]
    )
    age = b.mjd[own] - b.mjd[b.offsets[:-1]]
    assert 10 < (age < 3).sum() < (age < 6).sum() < len(age)
    z, host = np.isnan(a.z_final), np.isnan(a.host.mag[:, 0])
    assert (np.isnan(b.z_final) == (z | (age < 6))).all()
    assert (np.isnan(b.host.zspec) == (host | (age < 6))).all()
    assert (np.isnan(b.host.mag[:, 0]) == (host | (age < 3))).all()
    assert same(b.mwebv, a.mwebv)
    assert same(b.z_final[age >= 6], a.z_final[age >= 6])
    assert (np.isnan(c.z_final) == (z | (age < 5))).all()
    assert same(c.host.mag, a.host.mag)
    manifest = Folder.open(runs["late"].path / "stream").manifest
    assert (manifest["late_redshift_d"], manifest["late_host_d"]) == (6.0, 3.0)
    with pytest.raises(InputError, match="late.host_d: expected 0 days or more, got -1"):
        Late(host_d=-1)


def test_a_run_that_cannot_be_prepared_leaves_nothing_behind(run: Folder) -> None:
    with pytest.raises(InputError, match="ztf: expected bands"):
        prepare(run, schema="ztf_v4_02")
    assert not list(run.path.glob("stream*"))
