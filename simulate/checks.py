"""What is looked at before anything is written: files, packages, parameters, redshifts."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np

from brokerbench.errors import ConfigError, InputError, did_you_mean
from brokerbench.rng import stream
from simulate.photometry import Passbands
from simulate.rates import distance_modulus
from simulate.settings import Population
from simulate.source import Place, Scene, Source

__all__ = ["check_files", "check_model", "check_parameters", "check_redshift"]


def check_parameters(population: Population, source: Source, where: str) -> None:
    """Raise ConfigError where a population fixes a parameter that its class has not."""
    for name in population.parameters:
        if name not in source.parameters:
            raise ConfigError(
                f"{where}: parameters: expected a parameter of this class, got {name!r}; "
                f"{did_you_mean(name, source.parameters)}"
            )


def check_files(source: Source, name: str) -> None:
    """Raise InputError or ConfigError where files or a package that a class needs are not there."""
    if source.needs_package and importlib.util.find_spec(source.needs_package[0]) is None:
        package, extra = source.needs_package
        raise ConfigError(
            f"population {name!r}: expected the package {package}, got none; install brokerbench[{extra}]"
        )
    if source.needs_files is None:
        return
    variable, folder = source.needs_files
    root = os.environ.get(variable)
    if not root or not (Path(root) / folder).is_dir():
        raise InputError(
            f"{variable}: expected a folder with {folder or 'model files'} for the class {name}, got "
            f"{root or 'nothing'}; "
            "set the variable or choose another class"
        )


def check_redshift(population: Population, source: Source, where: str) -> None:
    """Raise ConfigError where redshifts are asked for beyond what the model of a class covers."""
    if population.redshift is None:
        return
    assert source.redshift is not None
    low, high = source.redshift
    if population.redshift[0] < low or population.redshift[1] > high:
        raise ConfigError(
            f"{where}: expected a redshift range within {low} to {high}, where the model holds, got "
            f"{population.redshift[0]} to {population.redshift[1]}"
        )


def check_model(source: Source, passbands: Passbands) -> None:
    """Raise InputError where the files of a class are missing or hold something else: shines one object."""
    z = np.full(1, np.mean(source.redshift) if source.redshift else 0.0)
    ten = np.full(1, 10.0)
    place = Place(z, distance_modulus(np.maximum(z, 1e-3)), np.zeros(1), ten, ten - 10)
    offsets = np.array([0, 1])
    seen = Scene(z, place.distance_modulus, place.t0, offsets, np.ones(1), np.zeros(1, "i1"), passbands)
    source.light(source.draw(stream(0, "check"), place), seen, stream(0, "check light"))
