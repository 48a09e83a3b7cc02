"""What a simulation is asked for: one TOML file decodes to `Simulation`."""

from __future__ import annotations

from typing import Any, Literal

from brokerbench.config import Config
from brokerbench.errors import ConfigError

__all__ = ["CadenceChoice", "Population", "Simulation", "Survey"]


class CadenceChoice(Config, frozen=True):
    """An observing plan by its name; `options` are those of that cadence."""

    use: str
    options: dict[str, Any] = {}


class Survey(Config, frozen=True):
    """Where and when the sky is watched, and what counts as a detection."""

    cadence: CadenceChoice
    instrument: str = "lsst"
    bands: tuple[str, ...] = ()
    """Those of the instrument where none are given."""
    field_radius_deg: float | None = None
    """Of the circular field of view; the instrument's where not given."""
    area_deg2: float | None = None
    """Area that rates are multiplied with; the area of the footprint where it is not given."""
    min_visits: int = 1
    """A position belongs to the footprint where at least so many visits see it."""
    noise: Literal["depth", "sky"] = "depth"
    """From the 5-sigma depth of each visit, or from its sky, seeing and exposure."""
    template_visits: int = 0
    """Images in the template that is subtracted: its noise is shared by all visits in a band. 0: none."""
    host_noise: bool = False
    """Whether the Poisson noise of the host's light under the object is added."""
    lensing: float = 0.04
    """Weak lensing: scatter of the distance modulus at redshift 1 [mag], proportional to redshift."""
    peculiar_velocity: float = 300.0
    """Scatter of line-of-sight velocities [km/s]."""
    detection_snr: float = 5.0
    detection_efficiency: str | None = None
    """SNANA SEARCHEFF file: efficiency against S/N for each band, in place of `detection_snr`."""
    min_detections: int = 2
    min_gap_days: float = 0.0
    """Least time between the first and the last of the detections that make a trigger."""
    light_curves: Literal["all", "triggered"] = "all"
    """Whose measurements are kept. Objects, parameters and true fluxes always are."""

    def __post_init__(self) -> None:
        _positive(self, "detection_snr", "min_detections", "min_visits")
        for name in ("area_deg2", "field_radius_deg"):
            if getattr(self, name) is not None:
                _positive(self, name)
        if self.template_visits < 0:
            raise ConfigError(f"survey.template_visits: expected 0 or more, got {self.template_visits}")
        for name in ("min_gap_days", "lensing", "peculiar_velocity"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"survey.{name}: expected 0 or more, got {getattr(self, name)}")


class Population(Config, frozen=True):
    """Objects of one class: a fixed count, or what its rate gives in the survey's area and years."""

    source: str
    count: int | None = None
    rate_scale: float | None = None
    redshift: tuple[float, float] | None = None
    hosts: str | None = None
    parameters: dict[str, float] = {}

    def __post_init__(self) -> None:
        where = f"population {self.source!r}"
        if self.count is not None and self.count < 0:
            raise ConfigError(f"{where}: expected count of 0 or more, got {self.count}")
        if self.count is not None and self.rate_scale is not None:
            raise ConfigError(f"{where}: expected count or rate_scale, got both; drop one")
        if self.rate_scale is not None and not self.rate_scale >= 0:
            raise ConfigError(f"{where}: expected rate_scale of 0 or more, got {self.rate_scale}")
        if self.redshift is not None and not 0 < self.redshift[0] < self.redshift[1]:
            raise ConfigError(f"{where}: expected redshift = [low, high] with 0 < low < high")


class Simulation(Config, frozen=True):
    """A whole simulated survey: the run's name and seed, what is watched, what is out there."""

    name: str
    seed: int
    survey: Survey
    population: list[Population]

    def __post_init__(self) -> None:
        if not self.population:
            raise ConfigError("population: expected at least one [[population]], got none")


def _positive(config: Survey, *names: str) -> None:
    for name in names:
        if not getattr(config, name) > 0:
            raise ConfigError(f"survey.{name}: expected more than 0, got {getattr(config, name)}")
