"""Brokers that learn from a run, are tried on one, and are loaded to answer another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import ConfigError, InputError
from brokerbench.store import Folder
from brokerbench.tables import AlertBatch, Objects
from reference_brokers.check import Finding, check_broker
from reference_brokers.protocol import load_broker
from streamer.alerts import read_batches

__all__ = ["check_on_run", "labelled_batches", "train_broker", "trained"]


def labelled_batches(run: Folder, *, size: int = 4096) -> Iterator[tuple[AlertBatch, NDArray[np.int32]]]:
    """The alerts of a run with the true class id i4[n] of each alert's object."""
    of_part = ""
    ids, classes = np.empty(0, "i8"), np.empty(0, "i4")
    for part, batch in read_batches(run, size=size):
        if part != of_part:
            truth = run.read("truth/objects", part, Objects)
            order = np.argsort(truth.object_id)
            ids, classes, of_part = truth.object_id[order], truth.class_id[order], part
        at = np.searchsorted(ids, batch.object_id)
        yield batch, classes[at]


def train_broker(run: Folder, name: str, *, out: Path, seed: int) -> Path:
    """The model folder of a broker fitted on the alerts of a run."""
    broker = load_broker(name)
    if not hasattr(broker, "fit") or not hasattr(broker, "save"):
        raise ConfigError(f"{name}: expected a broker with fit and save to train, got one without")
    if out.exists():
        raise InputError(f"{out}: expected no such model yet, got one; choose another name or use --again")
    broker.fit(labelled_batches(run), seed=seed).save(out)
    return out


def check_on_run(run: Folder, name: str, *, model: Path | None = None, size: int = 64) -> list[Finding]:
    """What `reference_brokers.check` finds of a broker on the first alerts of a prepared run."""
    broker = load_broker(name, model=model)
    batch = next((batch for _, batch in read_batches(run, size=size) if len(batch) >= 10), None)
    if batch is None:
        raise InputError(f"{run.path}: expected a part with 10 alerts or more to try a broker on, got none")
    return check_broker(broker, batch)


def trained(name: str, model: Path | None) -> Any:
    """The broker of that name or path, able to answer. ConfigError for one that is not trained."""
    broker = load_broker(name, model=model)
    if not len(broker.classes):
        raise ConfigError(
            f"{name}: expected a broker that knows its classes, got one that is not trained; "
            "give its model with --model, or train it with `brokerbench train`"
        )
    return broker
