"""What a class file declares, and what its functions are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulate.photometry import Passbands
from simulate.rates import PerArea, PerVolume, PerVolumeYear

__all__ = ["Array", "Generator", "Light", "Parameter", "Parameters", "Place", "Scene", "Source"]

Array = NDArray[np.float64]
Parameters = Mapping[str, Array]
Generator = np.random.Generator


class Parameter(NamedTuple):
    """A physical quantity that an object of a class has: its unit and meaning."""

    unit: str
    doc: str


@dataclass(frozen=True, eq=False)
class Place:
    """Where objects are when their parameters are drawn; arrays f8[n].

    z: redshift, 0 for Galactic objects. distance_modulus: mag, NaN for Galactic objects. t0: MJD.
    log_mass, log_sfr: of the host galaxy [log10 Msun, log10 Msun/yr], NaN for none.
    """

    z: Array
    distance_modulus: Array
    t0: Array
    log_mass: Array
    log_sfr: Array

    def __len__(self) -> int:
        return len(self.z)


@dataclass(frozen=True, eq=False)
class Scene:
    """Objects and the visits that see them, ragged.

    z, distance_modulus, t0: f8[n] as in Place. offsets: i8[n + 1]. mjd: f8[R] in order of time
    within an object. band: i1[R], index into passbands.
    """

    z: Array
    distance_modulus: Array
    t0: Array
    offsets: NDArray[np.int64]
    mjd: Array
    band: NDArray[np.int8]
    passbands: Passbands

    def __len__(self) -> int:
        return len(self.z)

    @cached_property
    def row(self) -> NDArray[np.int64]:
        """The object that each visit belongs to, i8[R]."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def moved(self, days: Array) -> Scene:
        """The same scene with t0 later by `days` f8[n] (observer's frame)."""
        return replace(self, t0=self.t0 + days)


class Light(NamedTuple):
    """What reaches the Milky Way's dust [nJy].

    flux: f4[R], all light of the object at each visit; NaN where a band lies outside the model.
    template: f4[n, b], its light in the images that are subtracted; None for an object that was
    not there.
    """

    flux: NDArray[np.float32]
    template: NDArray[np.float32] | None = None


Draw = Callable[[Generator, Place], dict[str, Array]]
Shine = Callable[[Parameters, Scene, Generator], Light]


@dataclass(frozen=True)
class Source:
    """One astrophysical class.

    label: path in the class tree. class_id: ELAsTiCC2. galactic: has no redshift and no host.
    population: rate or density. redshift: range where the model holds, None for Galactic classes.
    active: days (observer's frame) before and after t0 within which most of them can be seen; t0 is
    drawn from the survey's time widened by them. hosts: name of its host population. parameters:
    unit and meaning of all that `draw` returns. reference: where model and numbers come from.

    draw(rng, place) -> {parameter: array[n]}; light(parameters, scene, rng) -> Light. Both work on
    arrays of objects; `rng` is for what changes from visit to visit (a random walk), never for what
    an object is.
    """

    label: str
    class_id: int
    population: PerVolumeYear | PerVolume | PerArea
    draw: Draw
    light: Shine
    reference: str
    redshift: tuple[float, float] | None = None
    active: tuple[float, float] = (0.0, 0.0)
    hosts: str | None = None
    parameters: dict[str, Parameter] = field(default_factory=dict)
    needs_files: tuple[str, str] | None = None
    """Environment variable and folder below it ("": itself), where the class needs files not included."""
    needs_package: tuple[str, str] | None = None
    """Package to import and the extra that installs it, where the class needs one."""

    @property
    def galactic(self) -> bool:
        """Whether objects lie in the Milky Way: no redshift, no host."""
        return isinstance(self.population, PerArea)
