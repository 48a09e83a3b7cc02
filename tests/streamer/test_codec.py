"""The compiled codec beside fastavro: the same bytes, the same values, and no way to crash it."""

from __future__ import annotations

import io
import itertools
import json
import random
from typing import Any

import fastavro
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokerbench.errors import InputError, TableError
from streamer.codec import Codec, Ranges, Spliced, compile_schema, kernels
from streamer.codec.records import records
from streamer.packets import Packets
from tests.streamer.avro import Schemas, Values, varint

FEW = settings(deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
RECORDS = 400
EXAMPLES = 260
"""Schemas: 260 of 400 records each make 104,000 cases of the comparison with fastavro."""


def written(schema: Any, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, value)
    return out.getvalue()


def read(schema: Any, raw: bytes) -> Any:
    stream = io.BytesIO(raw)
    value = fastavro.schemaless_reader(stream, schema, None)
    if stream.tell() != len(raw):
        raise ValueError("bytes left")
    return value


@settings(FEW, max_examples=EXAMPLES)
@given(st.integers(0, 2**32))
def test_bytes_and_values_are_those_of_fastavro(seed: int) -> None:
    schema = fastavro.parse_schema(Schemas(seed).record())
    codec = compile_schema(schema)
    values = Values(seed)
    drawn = [values.draw(schema) for _ in range(RECORDS)]
    raws = [raw for _, raw in drawn]
    assert raws == [written(schema, value) for value, _ in drawn]  # the test's own encoder
    decoded = codec.decode(Packets.of(raws))
    assert decoded.wrong == []
    assert records(codec, decoded) == [value for value, _ in drawn]
    assert list(codec.encode(decoded.columns, RECORDS)) == raws


@settings(FEW, max_examples=60)
@given(st.integers(0, 2**32))
def test_blocks_of_any_size_are_read_with_and_without_their_bytes(seed: int) -> None:
    schema = fastavro.parse_schema(Schemas(seed).record())
    codec = compile_schema(schema)
    values = Values(seed, blocks=True)
    drawn = [values.draw(schema) for _ in range(100)]
    decoded = codec.decode(Packets.of([raw for _, raw in drawn]))
    assert decoded.wrong == []
    assert records(codec, decoded) == [read(schema, raw) for _, raw in drawn] == [value for value, _ in drawn]


def spoiled(raw: bytes, r: random.Random) -> bytes:
    """The packet cut short, with bits turned, with bytes put in, or something else altogether."""
    kind = r.randrange(5)
    at = r.randrange(len(raw) + 1)
    if kind == 0:
        return raw[:at]
    if kind == 1 and raw:
        broken = bytearray(raw)
        for _ in range(r.randint(1, 4)):
            broken[r.randrange(len(raw))] ^= 1 << r.randrange(8)
        return bytes(broken)
    if kind == 2:
        return raw[:at] + r.randbytes(r.randint(1, 12)) + raw[at:]
    if kind == 3:
        return raw[:at] + varint(r.choice((2**40, -(2**40), 2**62, -(2**63), 10**6))) + raw[at:]
    return r.randbytes(r.randint(0, 60))


@settings(FEW, max_examples=120)
@given(st.integers(0, 2**32))
def test_malformed_packets_are_errors_or_what_fastavro_reads(seed: int) -> None:
    schema = fastavro.parse_schema(Schemas(seed).record())
    codec = compile_schema(schema)
    values, r = Values(seed), random.Random(seed)
    raws = [spoiled(values.draw(schema)[1], r) for _ in range(200)]
    good = values.draw(schema)
    raws.insert(100, good[1])
    decoded = codec.decode(Packets.of(raws))
    rows = decoded.rows.tolist()
    assert sorted(rows + [row for row, _ in decoded.wrong]) == list(range(201))
    assert 100 in rows
    assert all(reason for _, reason in decoded.wrong)
    for row, value in zip(rows, records(codec, decoded), strict=True):
        assert repr(value) == repr(read(schema, raws[row]))


@settings(FEW, max_examples=80)
@given(st.integers(0, 2**32))
def test_what_nobody_asks_for_is_passed_over_without_another_result(seed: int) -> None:
    schema = fastavro.parse_schema(Schemas(seed).record())
    codec = compile_schema(schema)
    values, r = Values(seed, blocks=True), random.Random(seed)
    raws = [values.draw(schema)[1] for _ in range(60)]
    raws += [spoiled(raw, r) for raw in raws]
    whole = codec.decode(Packets.of(raws))
    names = sorted(whole.columns)
    want = frozenset(r.sample(names, r.randint(0, len(names))))
    some = codec.decode(Packets.of(raws), want)
    assert set(some.columns) == want
    assert (some.rows == whole.rows).all()
    assert [row for row, _ in some.wrong] == [row for row, _ in whole.wrong]
    for name in want:
        a, b = whole[name], some[name]
        if isinstance(a, Ranges):
            assert list(a.packets()) == list(b.packets())
        else:
            np.testing.assert_array_equal(a, b)


def test_memory_is_bounded_by_the_packets_however_long_they_say_they_are() -> None:
    nested: Any = "long"
    for _ in range(6):
        nested = {"type": "array", "items": nested}
    codec = compile_schema({"type": "record", "name": "r", "fields": [{"name": "a", "type": nested}]})
    packets = [varint(2**40) * 6 + b"\2" * 30, varint(40) * 6 + b"\2" * 50, varint(-(2**63)) + b"\2" * 20]
    decoded = codec.decode(Packets.of(packets * 5))
    assert len(decoded.wrong) == 15
    held = sum(c.base.nbytes if c.base is not None else c.nbytes for c in decoded.columns.values())
    assert held < 200_000


def test_items_without_bytes_cannot_hold_the_decoder_up() -> None:
    empty = {"type": "array", "items": "null"}
    twice = {"type": "array", "items": empty}
    codec = compile_schema({"type": "record", "name": "r", "fields": [{"name": "a", "type": twice}]})
    few, many = varint(3) + varint(2) * 1 + b"\0" + b"\0\0" + b"\0", varint(1) + varint(2**61) + b"\0\0"
    decoded = codec.decode(Packets.of([few, many]))
    assert decoded.rows.tolist() == [0]
    assert decoded["a[]#"].tolist() == [2, 0, 0]
    assert "more items than the packet has room for" in decoded.wrong[0][1]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the end of the packet inside a value at byte 0"),
        (b"\x80" * 11, "a number of more than 64 bits"),
        (b"\2\4", "a branch that the union does not have"),
        (b"\2\0\7", "a length beyond the packet"),
        (b"\2\0\x90\1", "a length beyond the packet"),
        (b"\2\0\4\xc3\x28", "text that is not UTF-8"),
        (b"\2\0\0\6", "a symbol that the enum does not have"),
        (b"\2\0\0\2\3", "a boolean that is neither 0 nor 1"),
        (b"\2\0\0\2\1\1", "bytes behind the record"),
    ],
)
def test_every_fault_has_its_reason(raw: bytes, reason: str) -> None:
    codec = compile_schema(
        {
            "type": "record",
            "name": "r",
            "fields": [
                {"name": "a", "type": "long"},
                {"name": "b", "type": ["null", "float"]},
                {"name": "c", "type": "string"},
                {"name": "d", "type": {"type": "enum", "name": "e", "symbols": ["x", "y"]}},
                {"name": "f", "type": "boolean"},
            ],
        }
    )
    (found,) = codec.decode(Packets.of([raw])).wrong
    assert found[0] == 0
    assert reason in found[1]
    assert len(codec.decode(Packets.of([b"\2\0\0\2\1"])).rows) == 1


def test_texts_are_taken_where_python_takes_them_as_utf8() -> None:
    edges = (0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE)
    edges += (0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF)
    texts = [bytes(t) for n in range(3) for t in itertools.product(range(256), repeat=n)]
    texts += [bytes(t) for n in (3, 4) for t in itertools.product(edges, repeat=n)]

    def is_text(raw: bytes) -> bool:
        try:
            raw.decode()
        except UnicodeDecodeError:
            return False
        return True

    codec = compile_schema({"type": "record", "name": "r", "fields": [{"name": "a", "type": "string"}]})
    decoded = codec.decode(Packets.of([bytes([2 * len(t)]) + t for t in texts]))
    expected = [i for i, raw in enumerate(texts) if is_text(raw)]
    assert decoded.rows.tolist() == expected
    assert len(expected) < len(texts)


def test_a_number_written_longer_than_it_need_be_is_read() -> None:
    codec = compile_schema(
        {"type": "record", "name": "r", "fields": [{"name": "a", "type": ["null", "long"]}]}
    )
    decoded = codec.decode(Packets.of([b"\x82\x80\0\x84\0", b"\x80\0"]))
    assert decoded.wrong == []
    assert decoded["a"].tolist() == [2, 0]
    assert decoded["a?"].tolist() == [1, 0]


NESTED = {
    "type": "record",
    "name": "alert",
    "fields": [
        {"name": "id", "type": "long"},
        {
            "name": "history",
            "type": [
                "null",
                {
                    "type": "array",
                    "items": {
                        "type": "record",
                        "name": "source",
                        "fields": [
                            {"name": "flux", "type": ["null", "float"]},
                            {"name": "band", "type": "string"},
                        ],
                    },
                },
            ],
        },
        {"name": "last", "type": "source"},
        {"name": "object", "type": ["null", "source"]},
    ],
}


def sources(n: int, seed: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    r = np.random.default_rng(seed)
    flux = r.normal(size=n).astype("f4")
    flux[r.random(n) < 0.3] = np.nan
    bands = [["u", "g", "YY"][i] for i in r.integers(0, 3, n)]
    rows = [{"flux": None if np.isnan(f) else float(f), "band": b} for f, b in zip(flux, bands, strict=True)]
    return rows, {"flux": flux, "band": Packets.of([b.encode() for b in bands])}


def test_history_encoded_once_is_spliced_into_many_packets() -> None:
    codec = compile_schema(NESTED)
    rows, columns = sources(50, 3)
    items = codec.at("history[]").encode(columns, 50)
    assert codec.at("last").encode(columns, 50).data.tobytes() == items.data.tobytes()
    r = np.random.default_rng(4)
    n = 300
    first = r.integers(0, 50, n)
    last = first + r.integers(0, 51 - first)
    own, has = r.integers(0, 50, n), r.integers(0, 2, n).astype("u1")
    ids = r.integers(-(2**62), 2**62, n)
    given = {
        "id": ids,
        "history?": has,
        "history": Spliced(items, first, last),
        "last": Spliced(items, own, own + 1),
        "object": Spliced(items, own, own + 1),
    }
    expected = [
        written(
            codec.schema,
            {
                "id": int(ids[i]),
                "history": rows[first[i] : last[i]] if has[i] else None,
                "last": rows[own[i]],
                "object": rows[own[i]],
            },
        )
        for i in range(n)
    ]
    assert list(codec.encode(given, n)) == expected
    pieces = list(codec.encoder(given, n).packets(7))
    assert [len(p) for p in pieces] == [7] * 42 + [6]
    assert [raw for p in pieces for raw in p] == expected
    absent = {k: v for k, v in given.items() if not k.startswith(("history", "object"))}
    raw = codec.encode(absent, n)
    assert all(read(codec.schema, raw[i])["history"] is None for i in range(n))


def test_only_the_columns_that_are_asked_for_are_decoded() -> None:
    codec = compile_schema(NESTED)
    rows, columns = sources(9, 5)
    packets = [
        written(codec.schema, {"id": i, "history": rows[:i], "last": rows[i], "object": None})
        for i in range(9)
    ]
    decoded = codec.decode(Packets.of(packets), frozenset({"history[].flux", "history#", "last.band"}))
    assert set(decoded.columns) == {"history[].flux", "history#", "last.band"}
    assert decoded["history#"].tolist() == list(range(9))
    np.testing.assert_array_equal(
        decoded["history[].flux"], np.concatenate([columns["flux"][:i] for i in range(9)])
    )
    assert decoded["last.band"].texts() == [r["band"] for r in rows]
    with pytest.raises(
        InputError, match="expected a column of the schema, got 'last.bnd'; did you mean 'last.band'"
    ):
        codec.decode(Packets.of(packets), frozenset({"last.bnd"}))


def test_a_null_and_a_nan_are_kept_apart_where_the_branch_is_given() -> None:
    codec = compile_schema(
        {"type": "record", "name": "r", "fields": [{"name": "x", "type": ["float", "null"]}]}
    )
    x = np.array([1, np.nan, 2, np.nan], "f4")
    plain = codec.encode({"x": x}, 4)
    assert [read(codec.schema, p)["x"] for p in plain] == [1.0, None, 2.0, None]
    told = codec.encode({"x": x, "x?": np.array([0, 0, 1, 1], "u1")}, 4)
    assert [repr(read(codec.schema, p)["x"]) for p in told] == ["1.0", "nan", "None", "None"]
    assert [read(codec.schema, p)["x"] for p in codec.encode({}, 2)] == [None, None]


def bad(columns: dict[str, Any], n: int = 2) -> Any:
    everything = {
        "type": "record",
        "name": "r",
        "fields": [
            {"name": "a", "type": "long"},
            {"name": "v", "type": {"type": "array", "items": "double"}},
            {"name": "u", "type": ["long", "string", "null"]},
            {"name": "e", "type": {"type": "enum", "name": "e", "symbols": ["x"]}},
            {"name": "f", "type": {"type": "fixed", "name": "f", "size": 2}},
            {"name": "s", "type": "string"},
        ],
    }
    good = {
        "a": np.arange(2),
        "v#": np.array([1, 2]),
        "v[]": np.arange(3.0),
        "u?": np.array([2, 0], "u1"),
        "u|0": np.array([5]),
        "u|1": Packets.of([]),
        "e": np.zeros(2, "i8"),
        "f": Packets.of([b"ab", b"cd"]),
        "s": Packets.of([b"", b"xyz"]),
    }
    codec = compile_schema(everything)
    assert len(codec.encode(good, 2)) == 2
    given = {k: v for k, v in {**good, **columns}.items() if v is not None}
    return codec.encode(given, n)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": np.arange(3)}, "a: expected 2 values, got 3"),
        ({"a": np.zeros(2)}, "a: expected a column of int64, got float64"),
        ({"v[]": np.zeros(3, "f4")}, "expected a column of float64, got float32"),
        ({"v[]": np.zeros((3, 1))}, "got float64 of shape"),
        ({"v[]": np.zeros(2)}, "expected 3 values, got 2"),
        ({"v#": np.array([4, -1])}, "expected lengths of 0 or more, got -1"),
        ({"u?": np.array([3, 0], "u1")}, "expected branches 0..2, got 3"),
        ({"u|0": np.array([5, 6])}, "expected 1 values, got 2"),
        ({"e": np.array([0, 1])}, "expected symbols 0..0, got 1"),
        ({"f": Packets.of([b"ab", b"c"])}, "expected strings of 2 bytes, got others"),
        (
            {"s": Ranges(np.zeros(3, "u1"), np.array([0, 2]), np.array([1, 2]))},
            "expected strings inside their data",
        ),
        (
            {"s": Ranges(np.zeros(3, "u1"), np.array([0, -1]), np.array([1, 1]))},
            "expected strings inside their data",
        ),
    ],
)
def test_columns_that_do_not_fit_are_refused_before_a_byte_is_read(columns: dict, message: str) -> None:
    with pytest.raises(TableError, match=message):
        bad(columns)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": None}, "expected a column 'a', which cannot be null, got none"),
        ({"v#": None}, "expected a column 'v#' of lengths, got none"),
        ({"u?": None}, "expected a column 'u\\?' of branches, got none"),
        ({"b": np.arange(2)}, "expected a column of the schema, got 'b'"),
    ],
)
def test_missing_and_unknown_columns_are_named(columns: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        bad(columns)


def test_branches_without_their_values_are_refused() -> None:
    field = {"name": "a", "type": ["null", "double"]}
    codec = compile_schema({"type": "record", "name": "r", "fields": [field]})
    with pytest.raises(InputError, match="expected a column 'a' beside 'a\\?', got none"):
        codec.encode({"a?": np.ones(2, "u1")}, 2)


def test_splices_outside_their_items_are_refused() -> None:
    codec = compile_schema(NESTED)
    items = codec.at("last").encode(sources(3, 1)[1], 3)
    for first, last in (([0, 0], [1, 4]), ([-1, 0], [0, 1]), ([2, 0], [1, 1])):
        given = {"id": np.arange(2), "last": Spliced(items, np.array(first), np.array(last))}
        with pytest.raises(TableError, match="last: expected ranges of 0..3, got others"):
            codec.encode(given, 2)
    with pytest.raises(TableError, match="last: expected 2 spliced values, got 1"):
        codec.encode({"id": np.arange(2), "last": Spliced(items, np.array([0]), np.array([1]))}, 2)


def test_no_packets_and_no_records_are_none() -> None:
    codec = compile_schema(NESTED)
    decoded = codec.decode(Packets.of([]))
    assert records(codec, decoded) == []
    assert len(codec.encode(decoded.columns, 0)) == 0


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("{", "expected an Avro schema, got"),
        (
            {"type": "record", "name": "r", "fields": [{"name": "x", "type": "nothing"}]},
            "expected an Avro schema",
        ),
        ({"type": "record", "name": "r", "fields": [{"name": "x", "type": ["null", "r"]}]}, "got r in r"),
        (
            {
                "type": "record",
                "name": "r",
                "fields": [
                    {
                        "name": "x",
                        "type": ["null"]
                        + [{"type": "fixed", "name": f"f{i}", "size": 1} for i in range(200)],
                    }
                ],
            },
            "expected at most 127 branches, got 201",
        ),
    ],
)
def test_schemas_that_cannot_be_compiled_say_why(schema: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compile_schema(schema)


def test_a_schema_that_grows_without_end_is_refused() -> None:
    fields: list[Any] = [{"name": "a", "type": "long"}]
    record: Any = {"type": "record", "name": "r0", "fields": fields}
    for i in range(1, 20):
        both = [{"name": "a", "type": record}, {"name": "b", "type": f"r{i - 1}"}]
        record = {"type": "record", "name": f"r{i}", "fields": both}
    with pytest.raises(InputError, match="expected at most 20000 fields, got more"):
        compile_schema(record)


def test_arrays_nested_too_deep_are_refused() -> None:
    kind: Any = "long"
    for _ in range(61):
        kind = {"type": "array", "items": kind}
    codec = compile_schema({"type": "record", "name": "r", "fields": [{"name": "a", "type": kind}]})
    with pytest.raises(InputError, match="expected at most 60 arrays within arrays, got 61"):
        codec.decode(Packets.of([b"\0"]))


def test_a_path_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="expected a field 'nothing', got none"):
        compile_schema(NESTED).at("nothing")


def test_the_same_schema_is_compiled_once() -> None:
    assert compile_schema(NESTED) is compile_schema(json.loads(json.dumps(NESTED)))
    assert isinstance(compile_schema(NESTED), Codec)


def test_room_grows_for_packets_longer_than_any_before() -> None:
    codec = compile_schema(
        {"type": "record", "name": "r", "fields": [{"name": "a", "type": {"type": "array", "items": "long"}}]}
    )
    lengths = np.array([0, 5, 100_000, 1, 40_000])
    numbers = np.random.default_rng(1).integers(-(2**62), 2**62, lengths.sum())
    packets = codec.encode({"a#": lengths, "a[]": numbers}, 5)
    decoded = codec.decode(packets)
    assert (decoded["a#"] == lengths).all()
    assert (decoded["a[]"] == numbers).all()


def test_the_kernel_is_compiled_once_for_all_kinds_of_arrays() -> None:
    codec = compile_schema({"type": "record", "name": "r", "fields": [{"name": "a", "type": "long"}]})
    fixed = Packets.of([b"\2", b"\4"])
    writable = Packets(fixed.data.copy(), fixed.offsets)
    assert not fixed.data.flags.writeable
    assert codec.decode(fixed)["a"].tolist() == codec.decode(writable)["a"].tolist() == [1, 2]
    assert writable.data.flags.writeable
    assert len(kernels.decode.signatures) == 1
