"""What a challenge's TOML file decodes to."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import msgspec

from brokerbench.config import Config, load, read
from brokerbench.errors import ConfigError, UnknownName, did_you_mean
from challenges.publication import Publication, Rules
from scoring.spec import Scoring
from simulate.generate import Population, Simulation, Survey

__all__ = ["Challenge", "Stream", "Training", "challenge_names", "find_challenge", "find_scoring", "scaled"]

RULES = "rules.toml"
"""How a published challenge is scored; its own file, with the seed in it, is not given away."""


class Stream(Config, frozen=True):
    """How the light curves become a stream."""

    schema: str = "elasticc_v0_9_1"
    delay_s: float = 60.0
    """Shutter close to publication."""
    speed: float = 0.0
    """Seconds of the survey per second of the wall clock; 0 sends as fast as possible."""
    late_redshift_d: float = 0.0
    """Days from the first detection of an object until its alerts carry a redshift."""
    late_host_d: float = 0.0
    """Days from the first detection of an object until its alerts carry host galaxies."""
    cutouts: str = ""
    """A Python file that makes the stamps of alerts (docs/streamer.md); none without. A relative path
    begins at the challenge's file."""


class Training(Config, frozen=True):
    """The run that the reference brokers learn from: other objects, another seed."""

    seed: int
    scale: float = 1.0
    """Objects of each population as a multiple of those of the challenge."""
    brokers: list[str] = msgspec.field(default_factory=lambda: ["prior", "forest"])


class Challenge(Config, frozen=True):
    """One challenge: a simulated survey, its stream, the training run and how answers are scored."""

    name: str
    version: int
    summary: str
    seed: int
    survey: Survey
    population: list[Population]
    training: Training
    stream: Stream = msgspec.field(default_factory=Stream)
    scoring: Scoring = msgspec.field(default_factory=Scoring)
    publication: Publication = msgspec.field(default_factory=Publication)

    def simulation(self) -> Simulation:
        """The survey to be scored."""
        return Simulation(name=self.name, seed=self.seed, survey=self.survey, population=self.population)

    def training_simulation(self) -> Simulation:
        """The survey to learn from."""
        return Simulation(
            name=f"{self.name}-training",
            seed=self.training.seed,
            survey=self.survey,
            population=scaled(self.population, self.training.scale),
        )


def scaled(populations: list[Population], factor: float) -> list[Population]:
    """Populations with their counts (or their rates) times `factor`; none that had objects loses all."""
    if not factor > 0:
        raise ConfigError(f"scale: expected a positive number, got {factor}")
    return [
        msgspec.structs.replace(p, count=max(min(1, p.count), round(p.count * factor)))
        if p.count is not None
        else msgspec.structs.replace(p, rate_scale=(p.rate_scale or 1.0) * factor)
        for p in populations
    ]


def challenge_names() -> list[str]:
    """Names of the challenges that come with the package."""
    folder = files("challenges")
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))


def find_challenge(name: str) -> Challenge:
    """The challenge of that name, or in the TOML file at that path."""
    if name.endswith(".toml"):
        challenge = _beside(Path(name), load(Path(name), Challenge))
    elif name in challenge_names():
        challenge = load(Path(str(files("challenges") / f"{name}.toml")), Challenge)
    else:
        raise UnknownName(
            f"challenges: expected a challenge or the path of a .toml file, got {name!r}; "
            f"{did_you_mean(name, challenge_names())}"
        )
    if challenge.training.seed == challenge.seed:
        raise ConfigError(
            f"{name}: training.seed: expected another seed than the challenge's, got {challenge.seed}; "
            "a classifier would learn the very objects it is scored on"
        )
    return challenge


def _beside(file: Path, challenge: Challenge) -> Challenge:
    """The challenge with the paths in its file taken from where that file is."""
    stream = challenge.stream
    if stream.cutouts:
        stream = msgspec.structs.replace(stream, cutouts=str(file.parent / stream.cutouts))
    return msgspec.structs.replace(challenge, stream=stream)


def find_scoring(name: str) -> Scoring:
    """How a challenge is scored: of that name, in its TOML file, or in the rules that were published."""
    if name.endswith(".toml") and "schema" in read(name):  # a challenge has it under [stream]
        return load(Path(name), Rules).scoring
    return find_challenge(name).scoring
