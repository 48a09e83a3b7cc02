"""What a broker is, and how the harness finds one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import ConfigError, UnknownName, did_you_mean
from brokerbench.registry import Registry, load_file
from brokerbench.tables import AlertBatch

__all__ = ["BROKERS", "Broker", "TrainableBroker", "load_broker"]

NEEDS = ("name", "version", "classes", "classify")


@runtime_checkable
class Broker(Protocol):
    """Anything that answers alerts. A file that binds one to ``BROKER`` is a broker plug-in."""

    @property
    def name(self) -> str:
        """Name that its messages carry."""
        ...

    @property
    def version(self) -> str:
        """Version that its messages carry."""
        ...

    @property
    def classes(self) -> tuple[int, ...]:
        """ELAsTiCC2 class ids, one a column of `classify`; empty until a trainable one is fitted."""
        ...

    def classify(self, batch: AlertBatch) -> NDArray[np.float32]:
        """Probabilities f4[n, C] of n alerts; every row sums to 1."""
        ...


@runtime_checkable
class TrainableBroker(Broker, Protocol):
    """A broker that learns from a run whose truth is known."""

    def fit(self, batches: Iterable[tuple[AlertBatch, NDArray[np.int32]]], *, seed: int) -> Broker:
        """A fitted broker. batches: alerts, and the class id i4[n] of each alert's object."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model folder."""
        ...

    def load(self, folder: Path) -> Broker:
        """The fitted broker of a model folder."""
        ...


BROKERS = Registry(
    "reference_brokers",
    "BROKER",
    needs=NEEDS,
    skip=("adapters", "calibration", "check", "features", "learner", "locus", "model", "protocol", "sample"),
)
"""The reference brokers by name."""


def load_broker(name_or_path: str | Path, *, model: Path | None = None) -> Broker:
    """The broker of that name, or the one that the Python file at that path binds to ``BROKER``.

    model: a model folder that `brokerbench train` wrote; the broker then is the one saved there.
    Raises UnknownName, InputError (no such file, or a model that does not fit), ConfigError (a
    file that binds something else, or a model for a broker that cannot load any).
    """
    text = str(name_or_path)
    broker: Any
    if text.endswith(".py"):
        broker = load_file(text, "BROKER", needs=NEEDS)
    elif text in BROKERS:
        broker = BROKERS[text]
    else:
        raise UnknownName(
            f"brokers: expected a reference broker or the path of a .py file, got {text!r}; "
            f"{did_you_mean(text, BROKERS)}"
        )
    if model is None:
        return broker
    if not hasattr(broker, "load"):
        raise ConfigError(
            f"{text}: expected a broker with load(folder) for the model {model}, got none; "
            "leave the model out"
        )
    return broker.load(Path(model))
