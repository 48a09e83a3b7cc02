"""Submissions in every published format: into a run's answers, with every message accounted for."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from brokerbench.config import decode as decode_config
from brokerbench.errors import ConfigError, InputError, UnknownName
from brokerbench.store import Folder
from brokerbench.tables import NO_TIME, Classifications, Ledger, Objects
from scoring.accounting import RECEIVED
from scoring.checked import Checked
from scoring.convert import convert, find_reader, validate
from scoring.doctor import doctor
from scoring.leaderboard import load_scores
from scoring.readers._wire import LAYOUTS, decode, recognise
from scoring.registries import READERS
from scoring.rules import RULES
from scoring.score import score
from scoring.spec import Scoring
from scoring.submission import Policy
from tests.scoring.messages import (
    CLASSES,
    TIME_MS,
    WIDE,
    Message,
    archive,
    container,
    dump,
    encode,
    formats,
    json_lines,
    messages,
    wide,
)
from tests.scoring.runs import Survey, write_run

FORMATS = list(formats())


@pytest.fixture
def run(tmp_path: Path) -> Folder:
    """A run of two parts that was played."""
    return write_run(tmp_path / "run", Survey(objects=60, parts=2, alerts=6))


def _policy(text: str) -> Policy:
    return decode_config(tomllib.loads(text), Policy, where="test")


def _answers(run: Folder, name: str) -> tuple[list[int], dict[int, np.ndarray], Classifications]:
    folder = Folder.open(run.path / "answers" / name, kind="answers")
    table = Classifications.concat([folder.read("classifications", p, Classifications) for p in folder.parts])
    return (
        folder.manifest["classes"],
        dict(zip(table.alert_id.tolist(), table.probability, strict=True)),
        table,
    )


def test_there_are_readers_and_each_keeps_the_contract() -> None:
    assert len(READERS) >= 6
    for name in READERS:
        reader = READERS[name]
        assert reader.title
        assert all(s.startswith(".") for s in reader.suffixes)
        assert not reader.claims(Path("x.xyz"), b"\x00\x01nothing")


@pytest.mark.parametrize(("file", "make", "policy"), [f[1:] for f in FORMATS], ids=[f[0] for f in FORMATS])
def test_every_format_brings_every_answer(
    run: Folder, tmp_path: Path, file: str, make: Any, policy: str
) -> None:
    given = messages(run)
    path = make(tmp_path / file, given)
    found = convert(path, run, policy=_policy(policy), reader="table" if policy else "")
    assert found.counts["received"] == found.counts["accepted"] == len(given) == found.alerts_sent
    assert found.sound
    (one,) = found.classifiers
    name = one.sender.classifier
    classes, dense, _ = _answers(run, name)
    assert classes == list(CLASSES)
    for m in given:
        assert dense[m.alert_id].tolist() == [p for _, p in m.pairs]
    _, about = load_scores(score(run, spec=Scoring(intervals=False, metrics=["accuracy"])))
    assert about["classifiers"][0]["accounting"]["missing"] == 0


def test_names_and_times_of_the_payload_are_kept_apart_from_those_of_the_transport(
    run: Folder, tmp_path: Path
) -> None:
    given = messages(run)
    for m in given[:5]:
        m.extra["brokerPublishTimestamp"] = TIME_MS + 5
    found = convert(json_lines(tmp_path / "s.jsonl", given), run, policy=Policy())
    who = found.classifiers[0].sender
    assert (who.broker, who.version, who.classifier, who.params) == ("Team", "7", "mine", "k=1")
    _, _, table = _answers(run, "mine")
    assert (table.claimed_publish == TIME_MS * 1000).all()
    assert ((table.claimed_ingest == NO_TIME) == (table.alert_id % 2 == 1)).all()
    assert (table.published != NO_TIME).sum() == 5
    _, about = load_scores(score(run, spec=Scoring(intervals=False, deadline_s=1.0, metrics=["accuracy"])))
    assert about["classifiers"][0]["latency"]["n"] == 5  # the others have no time, and are not late


def test_several_classifiers_of_one_file_become_several_folders(run: Folder, tmp_path: Path) -> None:
    given = messages(run)
    for i, m in enumerate(given):
        m.classifier = ("SNN Ia/vs all", "cats")[i % 2]
    found = convert(container(tmp_path / "s.avro", given, "v0_9"), run, policy=Policy())
    assert {c.sender.classifier for c in found.classifiers} == {"SNN Ia/vs all", "cats"}
    assert sorted(p.name for p in (run.path / "answers").iterdir()) == ["SNN-Ia-vs-all", "cats"]


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_a_message_cut_anywhere_is_malformed_and_nothing_worse(layout: str) -> None:
    message = encode(Message(123456789, 987654321, [(2222, 0.25), (2224, 0.75)]), layout)
    for end in range(len(message)):
        blob = np.frombuffer(message[:end], np.uint8)
        batch = decode(blob, np.array([0, end]), LAYOUTS[layout], file="x", first=7)
        assert len(batch) == 0
        assert batch.malformed[0][0] == 7
    assert recognise(message) == layout


@pytest.mark.parametrize("seed", range(3))
def test_noise_never_breaks_the_decoder(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blob = rng.integers(0, 256, 200_000).astype(np.uint8)
    bounds = np.sort(np.concatenate([[0, len(blob)], rng.integers(0, len(blob), 3000)]))
    for layout in LAYOUTS.values():
        batch = decode(blob, bounds, layout, file="x", first=0)
        assert len({p for p, _ in batch.malformed} | set(batch.position.tolist())) == len(bounds) - 1


def test_malformed_lines_are_counted_with_their_position(run: Folder, tmp_path: Path) -> None:
    given = messages(run)
    path = json_lines(tmp_path / "s.jsonl", given)
    lines = path.read_text().splitlines()
    lines[3] = '{"alertId": 5'
    lines[7] = "[1, 2]"
    lines[9] = '{"classifications": [{"classId": "Ia", "probability": 1}]}'
    path.write_text("\n".join(lines))
    found = validate(path, run, policy=Policy())
    assert found.counts["malformed"] == 3
    assert [e[1] for e in found.findings.examples["schema"]] == [3, 7, 9]
    assert found.counts["received"] == len(given)
    assert found.counts["accepted"] == len(given) - 3
    assert not (run.path / "answers").exists()  # validate writes nothing


def _broken(run: Folder, tmp_path: Path, change: Any, policy: Policy | None = None) -> Checked:
    given = messages(run)
    change(given)
    return validate(json_lines(tmp_path / "s.jsonl", given), run, policy=policy or Policy())


def test_every_rule_is_counted_once_a_message(run: Folder, tmp_path: Path) -> None:
    def change(given: list[Message]) -> None:
        given[0].pairs = []
        given[1].pairs = [(111, 1.0)]
        given[2].pairs = [(2222, 0.5), (2222, 0.5)]
        given[3].pairs = [(2222, float("nan")), (111, 2.0)]  # the first broken rule counts
        given[4].pairs = [(2222, float("inf"))]
        given[5].pairs = [(2222, -0.1), (2224, 1.1)]
        given[6].pairs = [(2222, 0.4)]
        given[7].alert_id = 42
        given.append(Message(given[8].alert_id, given[8].object_id, given[8].pairs))
        given.append(Message(given[9].alert_id, given[9].object_id, [(2222, 1.0)]))

    found = _broken(run, tmp_path, change)
    wrong = {k: v for k, v in found.findings.counts.items() if v}
    assert wrong == {
        "classified": 1, "known_class": 2, "class_once": 1, "finite": 1, "range": 1, "sum": 1,
        "known_alert": 1, "duplicate": 2, "conflicting": 1,
    }  # fmt: skip
    counts = found.counts
    assert counts["received"] == sum(counts[k] for k in RECEIVED)
    assert (counts["invalid"], counts["orphan"], counts["duplicate"]) == (6, 1, 2)
    assert found.findings.examples["finite"][0][1:] == (4, "got 2222: inf")
    assert set(wrong) - {"sum", "conflicting"} <= set(RULES)


@pytest.mark.parametrize(("policy", "expected"), [("first", 0.5), ("last", 1.0), ("reject", None)])
def test_the_policy_settles_duplicates(
    run: Folder, tmp_path: Path, policy: str, expected: float | None
) -> None:
    given = messages(run)
    given[0].pairs = [(2222, 0.5), (2224, 0.5)]
    given.append(Message(given[0].alert_id, given[0].object_id, [(2222, 1.0)]))
    path = container(tmp_path / "s.avro", given, "v0_9_1")
    found = convert(path, run, policy=Policy(duplicates=policy))  # type: ignore[arg-type]
    _, dense, _ = _answers(run, "mine")
    if expected is None:
        assert given[0].alert_id not in dense
        assert found.counts["duplicate"] == 2
    else:
        assert dense[given[0].alert_id][0] == expected
        assert found.counts["duplicate"] == 1
    assert found.counts["received"] == found.counts["accepted"] + found.counts["duplicate"]


def _last_alerts(run: Folder) -> dict[int, int]:
    ledger = Folder(run.path / "ledger")
    last: dict[int, tuple[float, int]] = {}
    for part in ledger.parts:
        t = ledger.read("ledger", part, Ledger)
        for o, m, a in zip(t.object_id.tolist(), t.mjd.tolist(), t.alert_id.tolist(), strict=True):
            last[o] = max(last.get(o, (0.0, 0)), (m, a))
    return {o: a for o, (_, a) in last.items()}


def test_a_plasticc_table_answers_the_last_alert_of_each_object(run: Folder, tmp_path: Path) -> None:
    last = _last_alerts(run)
    rng = np.random.default_rng(0)
    columns = [f"class_{t}" for t in (6, 15, 16, 42, 52, 53, 62, 64, 65, 67, 88, 90, 92, 95, 99)]
    table = pd.DataFrame(0.5 * rng.dirichlet(np.ones(15), len(last)), columns=columns)
    table.insert(0, "object_id", list(last))
    path = tmp_path / "kaggle.csv"
    table.to_csv(path, index=False)
    assert find_reader(path) == "plasticc_csv"
    assert [a.name for a in doctor(path, run, policy=Policy())][0] == "PLAsTiCC class ids"
    found = convert(path, run, policy=Policy(taxonomy="plasticc"))
    assert found.counts["accepted"] == found.objects_sent == len(last)
    assert found.findings.counts["sum"] == len(last)  # rescaled by the scoring policy, and counted
    classes, dense, _ = _answers(run, "kaggle")
    assert set(dense) == set(last.values())
    some = int(table["object_id"][0])
    np.testing.assert_allclose(dense[last[some]][classes.index(2222)], table["class_90"][0], rtol=1e-6)
    assert 200 in classes  # class 99
    score(run, spec=Scoring(intervals=False, normalise="rescale", metrics=["plasticc_log_loss"]))


def test_finks_modules_are_classifiers_and_unprocessed_rows_are_none(run: Folder, tmp_path: Path) -> None:
    given = messages(run)
    n = len(given)
    rng = np.random.default_rng(1)
    snn = np.where(np.arange(n) % 10 == 0, np.nan, rng.random(n))
    cats = [rng.dirichlet(np.ones(5)).tolist() if i % 3 else None for i in range(n)]
    table = pd.DataFrame(
        {
            "diaSourceId": [m.alert_id for m in given],
            "snnSnVsOthers_score": snn,
            "cats_broad_array_prob": cats,
        }
    )
    path = tmp_path / "fink.parquet"
    table.to_parquet(path)
    assert find_reader(path) == "fink"
    found = convert(path, run, policy=Policy())
    by_name = {c.sender.classifier: c for c in found.classifiers}
    assert by_name["snnSnVsOthers_score"].counts["accepted"] == n - (n + 9) // 10
    assert by_name["cats_broad_array_prob"].classes == (2220, 2230, 2240, 2320, 2330)
    assert by_name["cats_broad_array_prob"].counts["accepted"] == sum(c is not None for c in cats)


def test_alerces_table_is_read_by_object(run: Folder, tmp_path: Path) -> None:
    last = _last_alerts(run)
    rows = [
        {"oid": o, "classifier_name": c, "classifier_version": "1.0", "class_name": name, "probability": p}
        for o in last
        for c in ("lc_classifier", "stamp")
        for name, p in (("SNIa", 0.5), ("QSO", 0.25), ("RRL", 0.25))
    ]
    path = tmp_path / "probability.csv"
    pd.DataFrame(rows).sample(frac=1, random_state=1).to_csv(path, index=False)
    found = convert(path, run, policy=Policy())
    assert {c.sender.classifier: c.objects for c in found.classifiers} == {
        "lc_classifier": len(last),
        "stamp": len(last),
    }
    classes, dense, _ = _answers(run, "stamp")
    assert classes == [2222, 2323, 2332]
    assert all(v.tolist() == [0.5, 0.25, 0.25] for v in dense.values())


def test_real_fink_files_are_read(shared_data: Path, tmp_path: Path) -> None:
    files = sorted((shared_data / "04_elasticc").glob("fink_*/**/*.parquet"))
    read = 0
    for file in files:
        with open(file, "rb") as opened:
            if READERS["fink"].claims(file, opened.read(4096)):
                read += sum(len(b) for b in READERS["fink"].read(file, Policy()))
    assert read > 100


def test_a_bomb_is_refused_by_the_limit(run: Folder, tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(40):
            file.write(b" " * (1 << 20))
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match="expected at most 0.01 GiB of decompressed input"):
        validate(path, run, policy=Policy(max_gib=0.01))
    inside = tmp_path / "bomb.tar.gz"
    with tarfile.open(inside, "w:gz") as tar:
        info = tarfile.TarInfo("x.avro")
        info.size = 40 << 20
        tar.addfile(info, io.BytesIO(b"\x00" * info.size))
    with pytest.raises(InputError, match="expected at most 0.01 GiB of decompressed input"):
        validate(inside, run, policy=Policy(max_gib=0.01))


def test_an_archive_reads_nothing_beyond_itself(run: Folder, tmp_path: Path) -> None:
    given = messages(run)
    secret = tmp_path / "secret.avro"
    secret.write_bytes(encode(Message(1, 1, [(2222, 1.0)]), "v0_9_1"))
    path = tmp_path / "s.tar"
    with tarfile.open(path, "w") as tar:
        link = tarfile.TarInfo("link.avro")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        tar.addfile(link)
        for i, m in enumerate(given):
            content = encode(m, "v0_9_1")
            info = tarfile.TarInfo(f"../../{i}.avro")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    before = sorted(p for p in tmp_path.rglob("*") if "run" not in p.parts)
    found = convert(path, run, policy=Policy())
    assert found.counts["received"] == len(given)
    assert sorted(p for p in tmp_path.rglob("*") if "run" not in p.parts) == before


def test_a_folder_is_read_file_by_file_and_links_out_of_it_are_not(run: Folder, tmp_path: Path) -> None:
    given = messages(run)
    folder = tmp_path / "sub"
    folder.mkdir()
    json_lines(folder / "a.jsonl", given[::2])
    json_lines(folder / "b.jsonl", given[1::2])
    json_lines(tmp_path / "outside.jsonl", given)
    (folder / "c.jsonl").symlink_to(tmp_path / "outside.jsonl")
    found = convert(folder, run, policy=Policy())
    assert found.counts["received"] == found.counts["accepted"] == len(given)
    assert list(found.files) == ["a.jsonl", "b.jsonl"]


def test_what_cannot_be_read_is_one_clear_line(run: Folder, tmp_path: Path) -> None:
    given = messages(run)
    with pytest.raises(InputError, match="expected a file or folder, got nothing there"):
        validate(tmp_path / "none.avro", run, policy=Policy())
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="expected a folder with files, got an empty one"):
        validate(tmp_path / "empty", run, policy=Policy())
    noise = tmp_path / "x.bin"
    noise.write_bytes(b"\x01\x02\x03")
    with pytest.raises(InputError, match="expected a submission of a known format"):
        validate(noise, run, policy=Policy())
    with pytest.raises(UnknownName, match="did you mean 'avro'"):
        validate(noise, run, policy=Policy(), reader="avroo")
    with pytest.raises(InputError, match="expected Avro messages of layout"):
        validate(noise, run, policy=Policy(), reader="avro")
    cut = container(tmp_path / "cut.avro", given, "v0_9_1")
    cut.write_bytes(cut.read_bytes()[:-900])
    with pytest.raises(InputError, match="expected a whole Avro container, got a damaged one after"):
        validate(cut, run, policy=Policy())
    half = dump(tmp_path / "half.dump", given, "v0_9_1")
    half.write_bytes(half.read_bytes()[:-3])
    with pytest.raises(InputError, match="expected a message of .* bytes at the end"):
        validate(half, run, policy=Policy())
    strange = tmp_path / "strange.dump"
    strange.write_bytes(b"\xff\xff\xff\xff1234")
    with pytest.raises(InputError, match="with a 4-byte length before each, got -1"):
        validate(strange, run, policy=Policy())
    torn = archive(tmp_path / "torn.tar.gz", given, "v0_9_1")
    torn.write_bytes(torn.read_bytes()[:-200])
    with pytest.raises(InputError, match="expected a whole tar archive"):
        validate(torn, run, policy=Policy())
    listed = tmp_path / "list.json"
    listed.write_text('[{"alertId": 1},')
    with pytest.raises(InputError, match="expected JSON, got"):
        validate(listed, run, policy=Policy())
    table = wide(tmp_path / "t.parquet", given)
    table.write_bytes(table.read_bytes()[:-100])
    with pytest.raises((InputError, ConfigError), match="expected"):
        validate(table, run, policy=_policy(WIDE), reader="table")
    assert not (run.path / "answers").exists()


def test_columns_that_are_not_there_are_named(run: Folder, tmp_path: Path) -> None:
    table = wide(tmp_path / "t.parquet", messages(run))
    for text, message in (
        ("", "expected columns.alert_id, source_id or object_id, got none"),
        ('[columns]\nalert_id = "candi"\nprobability = "p"', "got none; did you mean 'candid'"),
        (
            '[columns]\nalert_id = "candid"',
            "expected columns.probability \\(long\\) or columns.probabilities",
        ),
    ):
        with pytest.raises(ConfigError, match=message):
            validate(table, run, policy=_policy(text), reader="table")
    with pytest.raises(ConfigError, match="expected a Parquet or CSV table, got '.jsonl'"):
        validate(json_lines(tmp_path / "t.jsonl", messages(run)), run, policy=Policy(), reader="table")
    bare = tmp_path / "bare.parquet"
    pd.DataFrame({"rf_snia_vs_nonia": [0.5]}).to_parquet(bare)
    with pytest.raises(InputError, match="expected a module of Fink"):
        validate(bare, run, policy=Policy(), reader="fink")


def test_answers_are_not_written_twice(run: Folder, tmp_path: Path) -> None:
    path = json_lines(tmp_path / "s.jsonl", messages(run))
    convert(path, run, policy=Policy())
    with pytest.raises(ConfigError, match="expected no answers of that name yet"):
        convert(path, run, policy=Policy())
    lost = json_lines(tmp_path / "l.jsonl", [Message(5, 5, [(2222, 1.0)])])
    with pytest.raises(InputError, match="expected answers to alerts of the run, got none; try doctor"):
        convert(lost, run, policy=Policy(), out=tmp_path / "other")


def _ailments(run: Folder, tmp_path: Path, change: Any) -> dict[str, str]:
    given = messages(run)
    for m in given:
        change(m)
    path = json_lines(tmp_path / "s.jsonl", given)
    return {a.name: a.remedy for a in doctor(path, run, policy=Policy())}


V1 = {2222: 111, 2224: 113, 2323: 212, 2332: 221}


def _pairs(change: Any) -> Any:
    return lambda m: setattr(m, "pairs", change(m.pairs))


def _stamp(value: int) -> Any:
    return lambda m: m.extra.update(elasticcPublishTimestamp=value)


def _arg_max(pairs: list[tuple[int, float]]) -> list[tuple[int, float]]:
    return [(max(pairs, key=lambda x: x[1])[0], 1.0)]


SMALL = "times that are a thousand times too small (seconds for ms, or ms for us)"
LARGE = "times that are a thousand times too large (us for ms)"


@pytest.mark.parametrize(
    ("change", "name", "remedy"),
    [
        (_pairs(lambda p: [(V1[c], x) for c, x in p]), "ELAsTiCC-1 class ids", 'taxonomy = "elasticc1"'),
        (_pairs(lambda p: [(c, 100 * x) for c, x in p]), "percent", "percent = true"),
        (_pairs(lambda p: [(2222, p[0][1])]), "one-class classifier", "200 Residual"),
        (_pairs(_arg_max), "arg-max only", "whole vector"),
        (lambda m: m.extra.update(diaSourceId=m.object_id), "the object's id in the source id", '"alert"'),
        (lambda m: setattr(m, "alert_id", m.object_id), "the object's id in the alert id", '"object"'),
        (lambda m: setattr(m, "alert_id", m.alert_id % 1000), "ids of another run", 'join = "object"'),
        (_stamp(TIME_MS // 1000), SMALL, "unit"),
        (_stamp(TIME_MS * 1000), LARGE, "unit"),
        (_stamp(60600), "times that are an MJD", "unit"),
        (_pairs(lambda p: [(c, x / 2) for c, x in p]), "sums that are not 1", "normalise"),
        (_pairs(lambda p: [(2222, float("nan")), *p[1:]]), "NaN probabilities", "NotClassified"),
        (_pairs(lambda p: [(9999, 0.1), *p]), "unknown class ids", "correct the ids"),
    ],
)
def test_the_doctor_knows_the_usual_accidents(
    run: Folder, tmp_path: Path, change: Any, name: str, remedy: str
) -> None:
    found = _ailments(run, tmp_path, change)
    assert name in found
    assert remedy in found[name]


def test_a_healthy_submission_has_no_ailment(run: Folder, tmp_path: Path) -> None:
    assert _ailments(run, tmp_path, lambda m: None) == {}


def test_the_remedy_heals(run: Folder, tmp_path: Path) -> None:
    given = messages(run)
    for m in given:
        m.pairs = [(V1[c], 100 * p) for c, p in m.pairs]
    path = json_lines(tmp_path / "s.jsonl", given)
    assert validate(path, run, policy=Policy()).counts["accepted"] == 0
    healed = Policy(taxonomy="elasticc1", percent=True)
    assert validate(path, run, policy=healed).counts["accepted"] == len(given)
    assert doctor(path, run, policy=healed) == []


def test_what_was_found_can_be_written_as_json(run: Folder, tmp_path: Path) -> None:
    found = validate(json_lines(tmp_path / "s.jsonl", messages(run)), run, policy=Policy())
    assert json.loads(json.dumps(found.as_dict()))["counts"]["accepted"] == found.alerts_sent


def test_converted_answers_score_as_the_native_ones(run: Folder, tmp_path: Path) -> None:
    """The object truth and in-force answers, computed here by hand from the messages."""
    given = messages(run)
    convert(container(tmp_path / "s.avro", given, "v0_9_1"), run, policy=Policy())
    table, _ = load_scores(score(run, spec=Scoring(intervals=False, metrics=["accuracy"])))
    truth: dict[int, int] = {}
    for part in Folder(run.path / "ledger").parts:
        t = run.read("truth/objects", part, Objects)
        truth |= dict(zip(t.object_id.tolist(), t.class_id.tolist(), strict=True))
    by_alert = {m.alert_id: m for m in given}
    right = [max(by_alert[a].pairs, key=lambda x: x[1])[0] == truth[o] for o, a in _last_alerts(run).items()]
    row = (table.metric == "accuracy") & (table.axis == "last") & (table.slice == "all")
    assert table.value[row][0] == pytest.approx(np.mean(right), rel=1e-12)


def _segment(path: Path, given: list[Message], stamp: int, *, first: int = 0, size: int = 40) -> Path:
    """A segment of the spool, written as its format says."""
    import struct
    import zlib

    out = b""
    for start in range(0, len(given), size):
        values = [encode(m, "v0_9_1") for m in given[start : start + size]]
        n = len(values)
        body = struct.pack("<qqII", first + start, stamp + start, n, 0)
        body += np.array([len(v) for v in values], "<u4").tobytes() + bytes(16 * n) + b"".join(values)
        out += struct.pack("<4sIII", b"BBK1", len(body), zlib.crc32(body, 0), 0) + body
    path.write_bytes(out)
    return path


def test_a_topic_of_the_spool_is_read_with_the_transports_times(run: Folder, tmp_path: Path) -> None:
    given = messages(run)
    topic = tmp_path / "answers"
    topic.mkdir()
    stamp = 1_800_000_000_000_000
    half = len(given) // 2
    _segment(topic / f"{0:020d}.seg", given[:half], stamp)
    last = _segment(topic / f"{half:020d}.seg", given[half:], stamp, first=half)
    (topic / "topic.json").write_text('{"version": 1}')
    (topic / "lock").write_text("")
    assert find_reader(topic) == "spool"
    found = convert(topic, run, policy=Policy())
    assert found.counts["received"] == found.counts["accepted"] == len(given)
    _, _, table = _answers(run, "mine")
    assert ((table.published >= stamp) & (table.published < stamp + len(given))).all()
    whole = last.read_bytes()
    last.write_bytes(whole[:-7])  # torn: a killed producer
    torn = validate(topic, run, policy=Policy())
    assert 0 < torn.counts["accepted"] < len(given)
    damaged = bytearray(whole)
    damaged[60] ^= 0xFF
    last.write_bytes(bytes(damaged))
    with pytest.raises(InputError, match="expected whole blocks, got a damaged one at byte 0"):
        validate(topic, run, policy=Policy())


def test_a_topic_of_alerts_is_no_submission(run: Folder, tmp_path: Path) -> None:
    path = _segment(tmp_path / f"{0:020d}.seg", messages(run)[:3], 0)
    raw = bytearray(path.read_bytes())
    import struct
    import zlib

    start = 16 + 24 + 3 * 20
    raw[start:] = bytes(len(raw) - start)  # values that are no messages
    raw[8:12] = struct.pack("<I", zlib.crc32(bytes(raw[16:]), 0))
    path.write_bytes(bytes(raw))
    with pytest.raises(InputError, match="got others; is it a topic of answers"):
        validate(path, run, policy=Policy())


def test_the_streams_own_spool_is_read(run: Folder, tmp_path: Path) -> None:
    """The format as the transport writes it, not as this room remembers it."""
    from streamer.packets import Packets
    from streamer.transports.spool import Spool

    given = messages(run)
    values = [encode(m, "v0_9_1") for m in given]
    data = np.frombuffer(b"".join(values), np.uint8)
    offsets = np.concatenate([[0], np.cumsum([len(v) for v in values])]).astype("i8")
    producer = Spool(tmp_path / "topics").producer("answers")
    producer.send(Packets(data, offsets), np.array([m.object_id for m in given], "i8"), np.arange(len(given)))
    producer.flush()
    producer.close()
    found = validate(tmp_path / "topics" / "answers", run, policy=Policy())
    assert found.counts["accepted"] == len(given)
