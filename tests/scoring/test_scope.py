"""A partial classifier is scored on the classes that it claims, against the rest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from brokerbench.errors import ConfigError, InputError, UnknownName
from brokerbench.store import Folder, read_table
from brokerbench.tables import Classifications, Confusion, Ledger, Objects
from scoring.comparable import check_comparable
from scoring.compare import compare
from scoring.convert import convert, find_policy, validate
from scoring.doctor import doctor
from scoring.history import histories, histories_plain
from scoring.leaderboard import leaderboard, load_scores
from scoring.report.examples import examples
from scoring.scope import layout_of, project
from scoring.score import score
from scoring.snapshot import snapshot, vectors, vectors_plain
from scoring.spec import Scoring
from scoring.submission import Columns, Policy
from scoring.tally import class_rows
from scoring.timeline import sent
from tests.scoring.messages import json_lines, messages
from tests.scoring.runs import Answering, Survey, answers_of, guessing, one_part, write_run

TRUTH = (2222, 2224, 2323, 2332)
FREQUENCY = np.array([0.4, 0.3, 0.2, 0.1])


def test_a_class_goes_to_the_deepest_class_of_the_scope_above_it() -> None:
    assert project(2222, [2222]) == 2222
    assert project(2224, [2222]) == 200
    assert project(2222, [2220, 2222]) == 2222
    assert project(2224, [2220, 2222]) == 2220
    assert project(2220, [2222]) == 200  # SN-like is no claim of SN Ia
    assert project(200, [2222]) == 200


def test_truth_and_frequencies_are_projected_to_scope_and_rest() -> None:
    lay = layout_of((2222, 2224, 300), TRUTH, FREQUENCY, (2222,))
    assert lay.truth == (200, 2222)
    assert lay.columns == (200, 300, 2222)
    np.testing.assert_allclose(lay.prior, [0.6, 0.4])
    assert class_rows(np.array([2222, 2224, 2332, 2246], "i4"), lay).tolist() == [1, 0, 0, -1]
    assert lay.of_run.truth == TRUTH
    assert layout_of((2222,), TRUTH, FREQUENCY).of_run.truth == TRUTH


def test_probability_beyond_the_scope_is_residual_by_hand() -> None:
    """Ia 0.5, II 0.25, AGN 0.125 of scope Ia: rest 0.375 and the 0.125 that nobody got; 300 stays."""
    probability = np.array([[0.5, 0.25, 0.125, 0.0], [0.25, 0.5, 0.0, 0.25], [0.0, 0.0, 0.0, 1.0]], "f4")
    lay = layout_of((2222, 2224, 2332, 300), TRUTH, FREQUENCY, (2222,))
    objects = (np.arange(3), np.array([1, 0, 0]))
    seen, _ = snapshot(probability, np.arange(3), objects=objects, layout=lay, spec=Scoring())
    np.testing.assert_allclose(seen.probability, [[0.5, 0, 0.5], [0.5, 0.25, 0.25], [0, 1, 0]])
    assert seen.predicted.tolist() == [0, 0, 1]  # equal: the lower id
    broad = layout_of((2222, 2224, 2332, 300), TRUTH, FREQUENCY, (2220,))
    seen, _ = snapshot(probability, np.arange(3), objects=objects, layout=broad, spec=Scoring())
    np.testing.assert_allclose(seen.probability, [[0.25, 0, 0.75], [0, 0.25, 0.75], [0, 1, 0]])


@pytest.mark.parametrize("normalise", ["residual", "rescale", "reject"])
def test_the_kernels_add_classes_of_one_column_as_the_plain_ones_do(normalise: str) -> None:
    rng = np.random.default_rng(4)
    probability = rng.dirichlet(np.ones(5), 200).astype("f4")
    probability[::7] *= np.float32(0.5)
    lay = layout_of((2222, 2224, 2323, 2332, 300), TRUTH, FREQUENCY, (2220,))
    rows = rng.permutation(200)
    fast = vectors(probability, rows, layout=lay, normalise=normalise)
    plain = vectors_plain(probability, rows, layout=lay, normalise=normalise)
    for got, want in zip(fast, plain, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-12)


def test_histories_of_a_scope_equal_the_plain_ones() -> None:
    truth, ledger = one_part(Survey(objects=40, alerts=8, classes=TRUTH), 0)
    answers = answers_of(truth, ledger, Answering("a", TRUTH, guessing(TRUTH)), part="00-00000")
    alerts = sent(truth, ledger, where="test")
    lay = layout_of(TRUTH, TRUTH, FREQUENCY, (2222,))
    at = {a: i for i, a in enumerate(alerts.alert_id.tolist())}
    row = np.array([at[a] for a in answers.alert_id.tolist()])
    target = lay.target[class_rows(alerts.class_id, lay)]
    fast, plain = (
        f(alerts, answers, row=row, target=target, layout=lay) for f in (histories, histories_plain)
    )
    for name in ("stable", "confident", "flips", "jump", "decided", "right"):
        np.testing.assert_allclose(getattr(fast, name), getattr(plain, name), atol=1e-9)


def _last_projected(run: Folder, name: str, scope: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """True and given class of each alerted object at its last answer, projected, the slow way."""
    answers, ledgers = Folder.open(run.path / "answers" / name), Folder(run.path / "ledger")
    true, given = [], []
    for part in ledgers.parts:
        ledger, truth = ledgers.read("ledger", part, Ledger), run.read("truth/objects", part, Objects)
        table = answers.read("classifications", part, Classifications)
        mjd = dict(zip(ledger.alert_id.tolist(), ledger.mjd.tolist(), strict=True))
        best: dict[int, tuple[float, int]] = {}
        for k in range(len(table)):
            item = int(table.object_id[k])
            best[item] = max(best.get(item, (-1.0, -1)), (mjd[int(table.alert_id[k])], k))
        alerted = set(ledger.object_id.tolist())
        for item, class_id in zip(truth.object_id.tolist(), truth.class_id.tolist(), strict=True):
            if item in alerted:
                true.append(project(class_id, scope))
                mass: dict[int, float] = {}
                for c, p in zip(
                    answers.manifest["classes"],
                    table.probability[best[item][1]].tolist() if item in best else (),
                    strict=False,
                ):
                    mass[project(c, scope)] = mass.get(project(c, scope), 0.0) + p
                given.append(max(sorted(mass), key=lambda c: mass[c]) if mass else -1)
    return true, given


@pytest.mark.parametrize("scope", [(2222,), (2222, 2332), (2220,)])
def test_scores_of_a_scope_equal_scikit_learn_on_projected_labels(
    answered: Folder, tmp_path: Path, scope: tuple[int, ...]
) -> None:
    spec = Scoring(intervals=False, scopes={"good": list(scope)})
    folder = score(answered, spec=spec, out=tmp_path / "s")
    true, given = _last_projected(answered, "good", scope)
    label = f"good 1 [scope {', '.join(map(str, scope))}]"
    by = {
        m: {r["classifier"]: r["value"] for r in leaderboard(folder, by=m)} for m in ("macro_f1", "accuracy")
    }
    want = f1_score(true, given, labels=sorted(set(true)), average="macro", zero_division=0)
    assert by["macro_f1"][label] == pytest.approx(want, abs=1e-12)
    assert by["accuracy"][label] == pytest.approx(accuracy_score(true, given), abs=1e-12)
    cells = read_table(folder.path / "confusion.parquet", Confusion)
    assert set(cells.true_id[cells.classifier == label].tolist()) == {200, *scope}
    # The other classifier is scored as without any scope.
    plain = score(answered, spec=Scoring(intervals=False), out=tmp_path / "plain")
    alone = {r["classifier"]: r["value"] for r in leaderboard(plain)}
    assert by["macro_f1"]["poor 1"] == alone["poor 1"]


def test_unlike_scopes_are_never_ordered_together(answered: Folder, tmp_path: Path) -> None:
    spec = Scoring(resamples=100, scopes={"good": [2222]}, metrics="all")
    folder = score(answered, spec=spec, out=tmp_path / "s")
    board = leaderboard(folder)
    assert [(r["scope"], r["rank"]) for r in board] == [((), 1), ((2222,), 1)]
    _, about = load_scores(folder)
    assert about["pairs"] == []  # nothing is tested across scopes
    assert about["classes"] == list(TRUTH)
    assert [c["truth"] for c in about["classifiers"]] == [[200, 2222], list(TRUTH)]
    with pytest.raises(
        ConfigError, match="expected classifiers of one scope, got good 1 .scope 2222., poor 1"
    ):
        compare(answered, spec=spec)
    both = Scoring(resamples=100, scopes={"good": [2222], "poor 1": [2222]}, metrics=["macro_f1"])
    assert [r["rank"] for r in leaderboard(score(answered, spec=both, out=tmp_path / "s"))] == [1, 2]
    assert compare(answered, spec=both)[0].a == "good 1 [scope 2222]"
    with pytest.raises(ConfigError, match="expected the same policies, got others for scopes"):
        check_comparable(about, load_scores(folder)[1])
    said = examples(answered, TRUTH, scopes=spec.scopes)[0]["said"]
    assert list(said) == ["good 1 [scope 2222]", "poor 1"]


def test_a_scope_that_cannot_be_is_an_error(answered: Folder, tmp_path: Path) -> None:
    for scope in ([2222, 2222], [200]):
        with pytest.raises(ConfigError, match="scoring.scopes.good: expected class ids, each once"):
            Scoring(scopes={"good": scope})
    with pytest.raises(UnknownName, match="scoring.scopes: expected a classifier of the run, got 'god'"):
        score(answered, spec=Scoring(scopes={"god": [2222]}), out=tmp_path / "s")
    with pytest.raises(UnknownName, match="scoring.scopes.good: expected class ids of ELAsTiCC2, got 111"):
        score(answered, spec=Scoring(scopes={"good": [111]}), out=tmp_path / "s")


@pytest.fixture
def own(answered: Folder, tmp_path: Path) -> Folder:
    """A run whose manifests a test may change."""
    shutil.copytree(answered.path, tmp_path / "own")
    return Folder.open(tmp_path / "own", kind="run")


def _declare(run: Folder, name: str, **changes: object) -> None:
    """Change the manifest of a classifier's answers."""
    file = run.path / "answers" / name / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_a_submission_declares_its_scope_itself_and_the_specification_has_the_last_word(
    own: Folder, tmp_path: Path
) -> None:
    params = {"broker": "test", "version": "1", "name": "poor"}
    _declare(own, "good", scope=[2332, 2222])
    _declare(own, "poor", classifier={**params, "params": "trees=100; scope=2220"})

    def scored(**scopes: list[int]) -> dict[str, tuple[list[int], str, float]]:
        folder = score(own, spec=Scoring(intervals=False, scopes=scopes), out=tmp_path / "s")
        value = {r["classifier"]: r["value"] for r in leaderboard(folder)}
        found = load_scores(folder)[1]["classifiers"]
        return {c["folder"]: (c["scope"], c["scope_from"], value[c["label"]]) for c in found}

    declared = scored()
    assert [declared[n][:2] for n in ("good", "poor")] == [
        ([2222, 2332], "submission"),
        ([2220], "submission"),
    ]
    other = scored(good=[2222], poor=[])
    assert [other[n][:2] for n in ("good", "poor")] == [([2222], "scoring"), ([], "")]
    # What is declared and what is specified mean the same.
    _declare(own, "good", scope=[])
    _declare(own, "poor", classifier={**params, "params": "trees=100"})
    specified = scored(good=[2222, 2332], poor=[2220])
    assert {n: v for n, (_, _, v) in specified.items()} == {n: v for n, (_, _, v) in declared.items()}


@pytest.mark.parametrize("text", ["", "111", "2222,2222", "200", "Ia", "2222,", "2222.5"])
def test_a_scope_that_a_stream_cannot_mean_stops_nobody_and_is_told(
    own: Folder, tmp_path: Path, text: str
) -> None:
    about = {"broker": "test", "version": "1", "name": "poor", "params": f"model.onnx scope={text}"}
    _declare(own, "poor", classifier=about)
    _, said = load_scores(score(own, spec=Scoring(intervals=False), out=tmp_path / "s"))
    good, poor = said["classifiers"]
    assert (good["scope"], good["scope_fault"]) == ([], "")
    assert (poor["scope"], poor["scope_from"]) == ([], "")
    assert poor["scope_fault"].startswith(f"scope={text}: expected class ids of ELAsTiCC2, each once")


def test_a_manifest_with_another_scope_is_an_error(own: Folder, tmp_path: Path) -> None:
    for scope in ("2222", [111], [2222, 2222], [200], [None]):
        _declare(own, "poor", scope=scope)
        with pytest.raises(
            InputError, match="poor.manifest.json: expected a scope of class ids of ELAsTiCC2, got"
        ):
            score(own, spec=Scoring(intervals=False), out=tmp_path / "s")


def test_a_policy_declares_scopes_in_its_own_taxonomy(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Survey(objects=60, parts=2, alerts=6))
    given = messages(run)
    for m in given:
        m.pairs = [(111, m.pairs[0][1])]
    path = json_lines(tmp_path / "s.jsonl", given)
    policy = Policy(taxonomy="elasticc1", scope=[111])
    assert "scope = [111]" in doctor(path, run, policy=Policy(taxonomy="elasticc1"))[0].remedy
    assert [a.name for a in doctor(path, run, policy=policy)] == ["sums that are not 1"]
    (sender,) = (c.sender for c in convert(path, run, policy=policy).classifiers)
    (folder,) = (run.path / "answers").iterdir()
    assert Folder.open(folder).manifest["scope"] == [2222]
    (row,) = leaderboard(score(run, spec=Scoring(intervals=False)))
    assert row["scope"] == (2222,)
    named = Policy(taxonomy="elasticc1", scope=[112], scopes={sender.classifier: [111]})
    convert(path, run, policy=named, out=tmp_path / "named")
    assert Folder.open(tmp_path / "named" / folder.name).manifest["scope"] == [2222]
    for bad, message in (
        (Policy(scope=[111]), "policy.scope: expected class ids of elasticc2, got 111"),
        (Policy(scopes={"x": [5]}), "policy.scopes.x: expected class ids of elasticc2, got 5"),
        (
            Policy(taxonomy="elasticc1", scopes={"x": [111]}),
            "policy.scopes: expected a classifier of the submission, got 'x'",
        ),
    ):
        with pytest.raises(UnknownName, match=message):
            convert(path, run, policy=bad, out=tmp_path / "bad")
    with pytest.raises(ConfigError, match="policy.scope: expected class ids without 200 and 300"):
        convert(path, run, policy=Policy(scope=[200]), out=tmp_path / "bad")
    assert not list((tmp_path / "bad").iterdir())


def test_a_policy_beside_the_answers_is_no_answer(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Survey(objects=20, parts=1, alerts=4))
    folder = tmp_path / "submission"
    folder.mkdir()
    json_lines(folder / "s.jsonl", messages(run))
    (folder / "policy.toml").write_text('classifier = "mine"\nscope = [2222]\n')
    assert find_policy(folder) == Policy(classifier="mine", scope=[2222])
    assert find_policy(folder / "s.jsonl") == Policy()
    assert list(validate(folder, run, policy=find_policy(folder)).files) == ["s.jsonl"]
    table = tmp_path / "t.csv"
    table.write_text("alert,p\n" + "".join(f"{m.alert_id},0.5\n" for m in messages(run)))
    columns = Columns(alert_id="alert", probabilities={"p": 2222})
    with pytest.raises(InputError, match="or declare the columns of a table in its policy"):
        validate(table, run, policy=Policy())
    assert validate(table, run, policy=Policy(columns=columns)).reader == "table"
    (folder / "policy.toml").write_text("scpe = [2222]\n")
    with pytest.raises(ConfigError, match="policy.toml: scpe: expected a known key.*did you mean 'scope'"):
        find_policy(folder)
