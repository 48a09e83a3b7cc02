"""What the reference brokers make of real challenge data: cross-validated by object, floors beside them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from brokerbench.tables import Objects
from reference_brokers import BROKERS
from reference_brokers.sample import uniform
from simulate.registries import READERS
from streamer.alerts import prepare, read_batches

pytestmark = pytest.mark.shared_data
FOLDS = 3


def labelled(run):
    """Batches of a run's alerts with the class of each."""
    prepare(run)
    out = []
    for part, batch in read_batches(run, size=4096):
        truth = run.read("truth/objects", part, Objects)
        order = np.argsort(truth.object_id)
        at = order[np.searchsorted(truth.object_id[order], batch.object_id)]
        out.append((batch, truth.class_id[at]))
    return out


def cross_validated(batches, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Object id, number of detections, truth and answer of every alert, by a model blind to its object."""
    columns = []
    for k in range(FOLDS):
        split = [(uniform(1, "fold", b.object_id) * FOLDS).astype("i8") == k for b, _ in batches]
        learn = [(b.take(np.flatnonzero(~s)), y[~s]) for (b, y), s in zip(batches, split, strict=True)]
        broker = BROKERS[name].fit(learn, seed=k)
        for (b, y), s in zip(batches, split, strict=True):
            test = b.take(np.flatnonzero(s))
            sources = np.concatenate([[0], np.cumsum(~test.forced)])
            answer = np.array(broker.classes)[broker.classify(test).argmax(axis=1)]
            columns.append((test.object_id, np.diff(sources[test.offsets]), y[s], answer))
    return tuple(np.concatenate(c) for c in zip(*columns, strict=True))


def macro_f1(columns, *, detections: int | None = None) -> float:
    """Macro F1 at the n-th detection, or at the last one of each object."""
    objects, n, truth, answer = columns
    if detections is not None:
        chosen = np.flatnonzero(n == detections)
    else:
        order = np.lexsort((n, objects))
        chosen = order[np.append(np.flatnonzero(np.diff(objects[order])), len(order) - 1)]
    return f1_score(truth[chosen], answer[chosen], average="macro", labels=np.unique(truth))


def test_sn_ib_and_flares_of_elasticc2_are_told_apart_by_light_and_wholly_by_context(shared_data, tmp_path):
    folder = shared_data / "05_challenge_data/elasticc2_snana_fits"
    batches = labelled(READERS["snana"].read([folder], tmp_path / "run", seed=3, name="real"))
    prior = macro_f1(cross_validated(batches, "prior"))
    assert macro_f1(cross_validated(batches, "forest")) > 0.95
    assert macro_f1(cross_validated(batches, "light_curve")) > prior + 0.1
    # a Galactic object has no host and no redshift: this pair of classes tests nothing else
    assert macro_f1(cross_validated(batches, "context")) > 0.95


def test_sn_ia_and_sn_ii_of_elasticc_are_told_apart_once_they_have_ten_detections(shared_data, tmp_path):
    folder = shared_data / "04_elasticc/fink_tutorials"
    batches = labelled(READERS["elasticc_parquet"].read([folder], tmp_path / "run", seed=3, name="real"))
    prior, forest = (cross_validated(batches, name) for name in ("prior", "forest"))
    # 151 and 148 objects: three standard deviations of a macro F1 by chance are 0.12 at ten detections
    assert macro_f1(forest, detections=10) > 0.57
    assert macro_f1(forest) > macro_f1(prior)


def test_mallorn_is_better_than_its_floors(shared_data, tmp_path):
    folder = shared_data / "05_challenge_data/mallorn"
    options = {"unlabelled": True}
    run = READERS["mallorn"].read([folder], tmp_path / "run", seed=3, name="real", options=options)
    batches = labelled(run)
    forest = macro_f1(cross_validated(batches, "forest"))
    for floor in ("prior", "ndet_prior"):
        assert forest > macro_f1(cross_validated(batches, floor)) + 0.1
