"""Rates of scoring, messages per second and core."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import numpy as np
import pytest

from brokerbench.store import Folder
from scoring.axes import points
from scoring.join import match, match_plain
from scoring.metric import chosen
from scoring.score import score
from scoring.snapshot import layout
from scoring.spec import Scoring
from scoring.tally import Plan, tally
from scoring.timeline import sent
from tests.scoring.runs import Answering, Survey, answer, answers_of, guessing, one_part, write_run

TWENTY = (
    2222,
    2223,
    2224,
    2225,
    2226,
    2232,
    2233,
    2234,
    2235,
    2242,
    2243,
    2244,
    2245,
    2246,
    2322,
    2323,
    2324,
    2325,
    2332,
    200,
)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("which", ["core", "all"])
def test_counting_of_one_part_in_memory(benchmark, which: str) -> None:  # type: ignore[no-untyped-def]
    truth, ledger = one_part(Survey(objects=4096, alerts=30, classes=TWENTY[:19]), 0)
    answers = answers_of(truth, ledger, Answering("a", TWENTY, guessing(TWENTY)), part="00-00000")
    spec = Scoring(slices=[])
    metrics = chosen(which).values()
    states = {m.state.name: m.state for m in metrics if not m.history}
    history = {m.state.name: m.state for m in metrics if m.history}
    columns = layout(TWENTY, TWENTY[:19], np.full(19, 1 / 19))
    plan = Plan(spec, points(spec), tuple(states.values()), columns, history_states=tuple(history.values()))
    alerts = sent(truth, ledger, where="bench")
    tally(alerts, answers, plan, where="bench")  # compiled

    started = time.process_time()
    benchmark.pedantic(lambda: tally(alerts, answers, plan, where="bench"), rounds=5, iterations=1)
    seconds = (time.process_time() - started) / 5
    _plain(alerts, answers)  # imported
    started = time.process_time()
    _plain(alerts, answers)
    plain = time.process_time() - started
    benchmark.extra_info.update(
        rate=len(answers) / seconds, unit="messages/s", ratio=plain / seconds, peak_mb=_peak_mb(),
        against="pandas and scikit-learn: last answers, confusion, F1, log loss, AUC at one point of seven",
    )  # fmt: skip


def _plain(alerts, answers) -> None:  # type: ignore[no-untyped-def]
    """A small part of the same with pandas and scikit-learn."""
    import pandas as pd
    from sklearn.metrics import confusion_matrix, f1_score, log_loss, roc_auc_score

    row = pd.Series(np.arange(len(alerts.alert_id)), index=alerts.alert_id)
    frame = pd.DataFrame({"row": row.loc[answers.alert_id].to_numpy(), "k": np.arange(len(answers))})
    frame["object"], frame["mjd"] = alerts.object[frame["row"]], alerts.mjd[frame["row"]]
    last = frame.sort_values("mjd").groupby("object").tail(1)
    p = answers.probability[last["k"]][:, :19].astype(float)
    p /= p.sum(1, keepdims=True)
    y = np.searchsorted(TWENTY[:19], alerts.class_id[last["object"]])
    confusion_matrix(y, p.argmax(1), labels=range(19))
    f1_score(y, p.argmax(1), average="macro", labels=range(19))
    log_loss(y, p, labels=range(19))
    roc_auc_score(y, p, multi_class="ovr", labels=range(19))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A million messages of 20 classes in sixteen parts."""
    survey = Survey(objects=4096, parts=16, alerts=30, classes=TWENTY[:19])
    run = write_run(tmp_path_factory.mktemp("bench") / "run", survey)
    answer(run, Answering("a", TWENTY, guessing(TWENTY)))
    return run


@pytest.mark.parametrize("which", ["core", "all"])
@pytest.mark.parametrize("intervals", [False, True])
def test_scoring_from_parquet(  # type: ignore[no-untyped-def]
    benchmark, large: Folder, tmp_path: Path, intervals: bool, which: str
) -> None:
    spec = Scoring(intervals=intervals, metrics=which)  # type: ignore[arg-type]
    n = sum(len(large_part) for large_part in _answers(large))
    score(large, spec=spec, out=tmp_path / "s")  # compiled
    started = time.process_time()
    benchmark.pedantic(lambda: score(large, spec=spec, out=tmp_path / "s"), rounds=2, iterations=1)
    seconds = (time.process_time() - started) / 2
    unit = "messages/s of a million: intervals cost the same for any number" if intervals else "messages/s"
    benchmark.extra_info.update(rate=n / seconds, unit=unit, peak_mb=_peak_mb())


def _answers(run: Folder) -> list[np.ndarray]:
    from brokerbench.tables import Classifications

    folder = Folder(run.path / "answers" / "a")
    return [folder.read("classifications", p, Classifications).alert_id for p in folder.parts]


def test_joining_ids(benchmark) -> None:  # type: ignore[no-untyped-def]
    keys = np.random.default_rng(0).permutation(1 << 17).astype("i8") * 7919
    wanted = np.random.default_rng(1).permutation(keys)
    match(keys, wanted)
    started = time.process_time()
    benchmark.pedantic(lambda: match(keys, wanted), rounds=10, iterations=1)
    seconds = (time.process_time() - started) / 10
    started = time.process_time()
    match_plain(keys, wanted)
    plain = time.process_time() - started
    benchmark.extra_info.update(
        rate=len(wanted) / seconds, unit="ids/s", ratio=plain / seconds, against="argsort and searchsorted"
    )


def test_avro_submission_to_parquet(benchmark, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    import shutil

    import fastavro

    from brokerbench.tables import Ledger
    from scoring.convert import convert
    from scoring.submission import Policy
    from tests.scoring.messages import SCHEMAS, Message, record

    run = write_run(tmp_path / "run", Survey(objects=1024, parts=4, alerts=30))
    ledger = Folder(run.path / "ledger")
    ids = np.concatenate([ledger.read("ledger", p, Ledger).alert_id for p in ledger.parts])
    p = np.random.default_rng(0).dirichlet(np.ones(20), len(ids)).astype("f4")
    records = [
        record(Message(int(a), 0, list(zip(TWENTY, p[i].tolist(), strict=True))), "v0_9_1")
        for i, a in enumerate(ids)
    ]
    path = tmp_path / "s.avro"
    with open(path, "wb") as file:
        fastavro.writer(file, SCHEMAS["v0_9_1"], records, sync_interval=256_000)
    del records

    def once() -> None:
        shutil.rmtree(run.path / "answers", ignore_errors=True)
        convert(path, run, policy=Policy())

    once()  # compiled
    started = time.process_time()
    benchmark.pedantic(once, rounds=2, iterations=1)
    seconds = (time.process_time() - started) / 2
    started = time.process_time()
    with open(path, "rb") as file:
        assert sum(1 for _ in fastavro.reader(file)) == len(ids)
    plain = time.process_time() - started
    benchmark.extra_info.update(
        rate=len(ids) / seconds, unit="messages/s", ratio=plain / seconds, against="fastavro decoding alone",
        peak_mb=_peak_mb(),
    )  # fmt: skip
