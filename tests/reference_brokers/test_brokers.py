"""What every broker of the registry does, and how one is found."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from brokerbench.errors import ConfigError, InputError, UnknownName
from brokerbench.taxonomy import ELASTICC2
from reference_brokers import BROKERS, Broker, TrainableBroker, load_broker
from tests.reference_brokers.batches import CLASSES, make_batch, take

TRAINABLE = [name for name in BROKERS if hasattr(BROKERS[name], "fit")]


def quick(name: str):
    """The broker of that name with as few trees as it takes to tell classes apart."""
    broker = BROKERS[name]
    fields = {f.name for f in dataclasses.fields(broker)}
    return dataclasses.replace(broker, **{k: v for k, v in {"trees": 12, "depth": 8}.items() if k in fields})


@pytest.fixture(scope="module")
def training():
    return [make_batch(400, seed) for seed in (11, 12, 13)]


@pytest.fixture(scope="module")
def fitted(training):
    return {name: quick(name).fit(iter(training), seed=5) for name in TRAINABLE}


@pytest.fixture(scope="module")
def unseen():
    return make_batch(300, 99)


def test_there_are_brokers():
    assert {"prior", "forest"} <= set(BROKERS)
    assert {"prior", "forest"} <= set(TRAINABLE)


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
    again = quick(name).fit(iter(training), seed=5)
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
        quick(name).fit([(batch, labels[:-1])], seed=1)
    wrong = labels.copy()
    wrong[3] = -1
    with pytest.raises(InputError, match=f"{name}.fit: expected class ids, got -1; leave out objects"):
        quick(name).fit([(batch, wrong)], seed=1)
    with pytest.raises(InputError, match=f"{name}.fit: expected"):
        quick(name).fit([], seed=1)


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


def test_the_prior_counts_objects_not_alerts(training):
    batch, labels = make_batch(200, 3)
    first = np.array(
        [(~batch.forced[a:b]).sum() == 1 for a, b in zip(batch.offsets, batch.offsets[1:], strict=False)]
    )
    broker = BROKERS["prior"].fit([(batch, labels)], seed=1)
    expected = [np.mean(labels[first] == c) for c in broker.classes]
    np.testing.assert_allclose(broker.frequency, expected)
    halves = [(take(batch, r), labels[r]) for r in np.array_split(np.arange(200), 3)]
    assert BROKERS["prior"].fit(halves, seed=1) == broker


# the forest


def test_the_forest_tells_the_classes_apart(fitted, unseen):
    batch, labels = unseen
    forest, prior = fitted["forest"].classify(batch), fitted["prior"].classify(batch)
    classes = np.array(fitted["forest"].classes)
    right = np.mean(classes[forest.argmax(1)] == labels)
    # histories of one or two points say little; 0.25 is chance, 0.9 is reached with many points
    assert right > 0.6
    truth = np.searchsorted(classes, labels)
    rows = np.arange(len(labels))
    assert -np.log(forest[rows, truth] + 1e-6).mean() < -np.log(prior[rows, truth]).mean()


def test_the_forest_in_onnx_equals_scikit_learn(training, monkeypatch):
    from reference_brokers import features, forest

    kept = {}
    real = forest._as_onnx
    monkeypatch.setattr(forest, "_as_onnx", lambda model: kept.setdefault("onnx", (model, real(model)))[1])
    broker = quick("forest").fit(iter(training), seed=5)
    model = kept["onnx"][0]
    batch, _ = make_batch(300, 21)
    matrix = features(batch)
    theirs = model.predict_proba(np.where(np.isnan(matrix), forest.ABSENT, matrix))
    np.testing.assert_allclose(broker.classify(batch), theirs, atol=2e-6)  # f4 votes of the trees added up


def test_a_forest_with_other_features_or_without_its_file_is_refused(fitted, tmp_path):
    folder = tmp_path / "model"
    fitted["forest"].save(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    whole = json.dumps(manifest)
    manifest["features_sha256"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="expected a model of these .* features, got other ones"):
        load_broker("forest", model=folder)
    (folder / "manifest.json").write_text(whole)
    (folder / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(InputError, match="expected the bytes that the manifest names, got others"):
        load_broker("forest", model=folder)
    with pytest.raises(ConfigError, match="forest: expected a fitted model"):
        BROKERS["forest"].save(tmp_path / "empty")


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
