"""What every broker of the registry does, and how one is found."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from brokerbench.errors import ConfigError, InputError, UnknownName
from brokerbench.taxonomy import ELASTICC2
from reference_brokers import BROKERS, Broker, TrainableBroker, features, forest, gbm, load_broker
from reference_brokers._trees_onnx import boosted_as_onnx, largest_f4
from reference_brokers.model import onnx_session
from tests.reference_brokers.batches import CLASSES, make_batch, one_alert, take

TRAINABLE = [name for name in BROKERS if hasattr(BROKERS[name], "fit")]


@pytest.fixture(scope="module", autouse=True)
def few_trees():
    """As few trees as it takes to tell classes apart."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forest, "TREES", 12)
        patch.setattr(gbm, "ROUNDS", 8)
        yield


@pytest.fixture(scope="module")
def training():
    return [make_batch(400, seed) for seed in (11, 12, 13)]


@pytest.fixture(scope="module")
def fitted(training, few_trees):
    return {name: BROKERS[name].fit(iter(training), seed=5) for name in TRAINABLE}


@pytest.fixture(scope="module")
def unseen():
    return make_batch(300, 99)


def test_there_are_brokers():
    assert {"prior", "ndet_prior", "context", "light_curve", "forest", "gbm"} <= set(BROKERS)
    assert {"prior", "ndet_prior", "context", "light_curve", "forest", "gbm"} <= set(TRAINABLE)


@pytest.mark.parametrize("name", list(BROKERS))
def test_a_broker_is_named_as_its_file_and_keeps_to_the_protocol(name):
    broker = BROKERS[name]
    assert isinstance(broker, Broker)
    assert broker.name == name
    assert broker.version


@pytest.mark.parametrize("name", TRAINABLE)
def test_a_broker_that_is_not_fitted_says_so(name, unseen):
    with pytest.raises(ConfigError, match=f"{name}: expected a fitted model, got none"):
        BROKERS[name].classify(unseen[0])


@pytest.mark.parametrize("name", TRAINABLE)
def test_probabilities_are_between_0_and_1_and_sum_to_1(name, fitted, unseen):
    broker = fitted[name]
    assert isinstance(broker, TrainableBroker)
    assert broker.classes == tuple(sorted(CLASSES.tolist()))
    assert ELASTICC2.is_known(broker.classes).all()
    given = broker.classify(unseen[0])
    assert given.shape == (300, 4)
    assert given.dtype == np.float32
    assert (given >= 0).all()
    assert (given <= 1).all()
    np.testing.assert_allclose(given.sum(axis=1), 1, atol=1e-6)  # four roundings of f4


@pytest.mark.parametrize("name", TRAINABLE)
def test_an_answer_does_not_depend_on_the_batch(name, fitted, unseen):
    batch, _ = unseen
    whole = fitted[name].classify(batch)
    order = np.random.default_rng(1).permutation(len(batch))
    np.testing.assert_array_equal(fitted[name].classify(take(batch, order)), whole[order])
    np.testing.assert_array_equal(fitted[name].classify(take(batch, np.array([7]))), whole[7:8])
    assert fitted[name].classify(take(batch, np.empty(0, "i8"))).shape == (0, 4)


@pytest.mark.parametrize("name", TRAINABLE)
def test_the_same_training_and_seed_give_the_same_answers(name, fitted, training, unseen):
    again = BROKERS[name].fit(iter(training), seed=5)
    np.testing.assert_array_equal(again.classify(unseen[0]), fitted[name].classify(unseen[0]))


@pytest.mark.parametrize("name", TRAINABLE)
def test_a_saved_broker_answers_as_before(name, fitted, unseen, tmp_path):
    fitted[name].save(tmp_path / "model")
    loaded = load_broker(name, model=tmp_path / "model")
    assert loaded.classes == fitted[name].classes
    np.testing.assert_array_equal(loaded.classify(unseen[0]), fitted[name].classify(unseen[0]))
    assert not list(tmp_path.rglob("*.pkl"))
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    with pytest.raises(InputError, match="expected no such folder yet"):
        fitted[name].save(tmp_path / "model")


@pytest.mark.parametrize("name", TRAINABLE)
def test_labels_that_do_not_fit_are_refused(name, training):
    batch, labels = training[0]
    with pytest.raises(InputError, match=f"{name}.fit: expected 400 class ids, one an alert, got shape"):
        BROKERS[name].fit([(batch, labels[:-1])], seed=1)
    wrong = labels.copy()
    wrong[3] = -1
    with pytest.raises(InputError, match=f"{name}.fit: expected class ids, got -1; leave out objects"):
        BROKERS[name].fit([(batch, wrong)], seed=1)
    with pytest.raises(InputError, match=f"{name}.fit: expected"):
        BROKERS[name].fit([], seed=1)


@pytest.mark.parametrize("name", TRAINABLE)
def test_a_model_of_another_broker_or_with_other_bytes_is_refused(name, fitted, tmp_path):
    fitted[name].save(tmp_path / "model")
    manifest = tmp_path / "model" / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace(f'"broker": "{name}"', '"broker": "oracle"'))
    with pytest.raises(InputError, match=f"expected a model of {name} version .*, got one of oracle"):
        load_broker(name, model=tmp_path / "model")
    manifest.write_text(text.replace('"kind": "model"', '"kind": "run"'))
    with pytest.raises(InputError, match="expected a model, got a run"):
        load_broker(name, model=tmp_path / "model")
    with pytest.raises(InputError, match="nowhere: expected a folder, got nothing there"):
        load_broker(name, model=tmp_path / "nowhere")


# the prior


def test_the_prior_counts_objects_not_alerts():
    batch, labels = make_batch(200, 3)
    rows = np.repeat(np.arange(200), np.where(labels == 2332, 5, 1))  # AGN give five alerts each
    alerts, classes = take(batch, rows), labels[rows]
    broker = BROKERS["prior"].fit([(alerts, classes)], seed=1)
    np.testing.assert_allclose(broker.frequency, [np.mean(labels == c) for c in broker.classes])
    order = np.random.default_rng(0).permutation(len(rows))
    pieces = [(take(alerts, r), classes[r]) for r in np.array_split(order, 3)]
    assert BROKERS["prior"].fit(pieces, seed=1) == broker


def test_the_prior_by_detections_counts_alerts_in_bins():
    alerts = [one_alert([60000.0 + k for k in range(n)], [10.0] * n) for n in (1, 1, 5, 6)]
    labels = [2222, 2332, 2332, 2332]
    broker = BROKERS["ndet_prior"].fit(
        ((a, np.array([c])) for a, c in zip(alerts, labels, strict=True)), seed=1
    )
    # one of each among single detections; all 2332 among 5 and 6; ten more alerts of 1 : 3 everywhere
    np.testing.assert_allclose(broker.classify(alerts[0]), [[3.5 / 12, 8.5 / 12]], rtol=1e-6)
    np.testing.assert_allclose(broker.classify(alerts[3]), [[2.5 / 12, 9.5 / 12]], rtol=1e-6)
    empty = one_alert([], [])
    np.testing.assert_array_equal(broker.classify(empty), broker.classify(alerts[0]))


# those that learn


def right(broker, batch, labels) -> float:
    return float(np.mean(np.array(broker.classes)[broker.classify(batch).argmax(1)] == labels))


def log_loss(broker, batch, labels) -> float:
    given = broker.classify(batch)[np.arange(len(labels)), np.searchsorted(broker.classes, labels)]
    return float(-np.log(given).mean())


def test_the_light_curve_broker_is_blind_to_the_context(fitted, unseen):
    batch, _ = unseen
    other = dataclasses.replace(batch, mwebv=batch.mwebv + 1, z_final=batch.z_final * 2, host=batch.host2)
    np.testing.assert_array_equal(
        fitted["light_curve"].classify(other), fitted["light_curve"].classify(batch)
    )


@pytest.mark.parametrize("name", ["forest", "gbm", "light_curve"])
def test_classes_are_told_apart_by_their_light_curves(name, fitted, unseen):
    # histories of one or two points say little; chance is 0.25
    assert right(fitted[name], *unseen) > 0.6
    assert log_loss(fitted[name], *unseen) < log_loss(fitted["prior"], *unseen)


def test_context_alone_says_nothing_where_hosts_are_drawn_alike(fitted, unseen):
    # 300 alerts of four classes: chance is 0.25 with a standard deviation of 0.025
    assert abs(right(fitted["context"], *unseen) - 0.25) < 0.1


def test_the_context_broker_is_blind_to_the_light_curve(fitted, unseen):
    batch, _ = unseen
    other = dataclasses.replace(batch, flux=batch.flux[::-1].copy(), mjd=batch.mjd + 3)
    np.testing.assert_array_equal(fitted["context"].classify(other), fitted["context"].classify(batch))


def test_the_forest_in_onnx_equals_scikit_learn(training, monkeypatch):
    kept = {}
    real = forest.forest_as_onnx
    monkeypatch.setattr(
        forest, "forest_as_onnx", lambda model, n: (kept.update(model=model), real(model, n))[1]
    )
    broker = BROKERS["forest"].fit(iter(training), seed=5)
    matrix = features(make_batch(300, 21)[0])
    theirs = kept["model"].predict_proba(np.where(np.isnan(matrix), np.float32(forest.ABSENT), matrix))
    mine = broker._session.run(["probabilities"], {"features": matrix})[0]
    np.testing.assert_allclose(mine, theirs, atol=2e-6)  # f4 votes of the trees added up


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_boosted_trees_in_onnx_equal_scikit_learn(n_classes):
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(n_classes)
    rows = rng.normal(size=(600, 6)).astype("f4")
    rows[rng.random(rows.shape) < 0.2] = np.nan
    numbers = (np.nan_to_num(rows[:, 0]) * 2 + rng.normal(size=600)).argsort().argsort() * n_classes // 600
    model = HistGradientBoostingClassifier(max_iter=15, early_stopping=False).fit(rows, numbers)
    session = onnx_session(boosted_as_onnx(model, 6))
    fresh = rng.normal(size=(500, 6)).astype("f4")
    fresh[rng.random(fresh.shape) < 0.2] = np.nan
    fresh[:100] = rows[:100]  # on the thresholds
    mine = session.run(["probabilities"], {"features": fresh})[0]
    np.testing.assert_allclose(mine, model.predict_proba(fresh), atol=5e-6)  # f4 sums of 15 trees


def test_thresholds_in_f4_split_f4_numbers_as_those_in_f8():
    rng = np.random.default_rng(0)
    thresholds = rng.normal(size=1000)
    numbers = np.concatenate([thresholds.astype("f4"), np.nextafter(thresholds.astype("f4"), np.float32(9))])
    np.testing.assert_array_equal(numbers[:, None] <= largest_f4(thresholds), numbers[:, None] <= thresholds)


def test_a_feature_that_is_never_there_does_not_stop_boosting():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 4)).astype("f4")
    rows[:, 1], rows[:, 2] = np.nan, 7.0
    numbers = (rows[:, 0] > 0).astype("i8")
    onnx = gbm.boost(rows, numbers, np.ones(200), 1)
    given = onnx_session(onnx).run(["probabilities"], {"features": rows})[0]
    assert (given.argmax(1) == numbers).mean() > 0.95


@pytest.mark.parametrize("name", ["forest", "gbm", "context", "light_curve"])
def test_a_model_with_other_features_or_other_bytes_is_refused(name, fitted, tmp_path):
    folder = tmp_path / "model"
    fitted[name].save(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    whole = json.dumps(manifest)
    manifest["features_sha256"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="expected a model of these .* features, got other ones"):
        load_broker(name, model=folder)
    (folder / "manifest.json").write_text(whole)
    (folder / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(InputError, match="expected the bytes that the manifest names, got others"):
        load_broker(name, model=folder)
    with pytest.raises(ConfigError, match=f"{name}: expected a fitted model"):
        BROKERS[name].save(tmp_path / "empty")


def tampered(folder: Path, onnx: bytes, **changes: object) -> Path:
    """The model folder with other bytes, and the hash that goes with them."""
    (folder / "model.onnx").write_bytes(onnx)
    manifest = json.loads((folder / "manifest.json").read_text()) | changes
    manifest["files"]["model.onnx"]["sha256"] = hashlib.sha256(onnx).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_a_model_of_anything_but_trees_is_refused(fitted, tmp_path):
    from onnx import TensorProto, helper

    fitted["forest"].save(tmp_path / "model")
    whole = (tmp_path / "model" / "model.onnx").read_bytes()
    with pytest.raises(InputError, match="model: expected an ONNX model in model.onnx, got other bytes"):
        load_broker("forest", model=tampered(tmp_path / "model", b"\xff" * 100))
    shape = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [None, 4]) for n in ("features", "probabilities")
    ]
    graph = helper.make_graph(
        [helper.make_node("Exp", ["features"], ["probabilities"])], "g", shape[:1], shape[1:]
    )
    other = helper.make_model(graph).SerializeToString()
    with pytest.raises(
        InputError, match=r"expected a model of Softmax and TreeEnsembleRegressor, got \['Exp'\]"
    ):
        load_broker("forest", model=tampered(tmp_path / "model", other))
    with pytest.raises(InputError, match="expected .* features and 2 classes, got"):
        load_broker("forest", model=tampered(tmp_path / "model", whole, classes=[2222, 2224]))


def test_a_temperature_is_fitted_where_enough_objects_can_be_kept_apart(fitted, training):
    assert fitted["gbm"].temperature != 1
    assert fitted["forest"].temperature != 1  # 1,200 objects, 240 of them apart
    few = [(take(b, np.arange(100)), y[:100]) for b, y in training]
    assert BROKERS["forest"].fit(few, seed=5).temperature == 1
    assert BROKERS["gbm"].fit(few, seed=5).temperature != 1


def test_bytes_that_are_no_onnx_model_are_refused(unseen):
    broken = dataclasses.replace(BROKERS["forest"], onnx=b"not a model", classes=(2222, 2224))
    with pytest.raises(InputError, match="model.onnx: expected an ONNX model, got"):
        broken.classify(unseen[0])


# finding one

PLUGIN = """
import numpy as np
class Coin:
    name, version, classes = "coin", "0", (2222, 2224)
    def classify(self, batch):
        return np.full((len(batch), 2), 0.5, "f4")
BROKER = Coin()
"""


def test_any_file_that_binds_a_broker_is_one(tmp_path, unseen):
    (tmp_path / "coin.py").write_text(PLUGIN)
    broker = load_broker(tmp_path / "coin.py")
    assert broker.name == "coin"
    assert broker.classify(unseen[0]).shape == (300, 2)
    with pytest.raises(ConfigError, match=r"coin.py: expected a broker with load\(folder\)"):
        load_broker(str(tmp_path / "coin.py"), model=tmp_path)


def test_what_is_no_broker_is_refused(tmp_path):
    with pytest.raises(
        UnknownName, match="expected a reference broker or the path of a .py file, got 'forrest'"
    ):
        load_broker("forrest")
    with pytest.raises(InputError, match="none.py: expected a Python file, got nothing there"):
        load_broker(Path(tmp_path / "none.py"))
    (tmp_path / "half.py").write_text("class B: name = 'b'\nBROKER = B()\n")
    with pytest.raises(ConfigError, match="expected BROKER with .*, got no version, classes, classify"):
        load_broker(tmp_path / "half.py")
