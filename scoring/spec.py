"""What to score: axes, classes, metrics and the policies that decide every doubtful case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, field

from brokerbench.config import Config
from brokerbench.errors import ConfigError
from brokerbench.taxonomy import NOT_CLASSIFIED, RESIDUAL

__all__ = ["Scoring"]


class Scoring(Config, frozen=True):
    """How answers become scores. Every field is repeated in scores.json.

    detections, days: points at which classifiers are compared, beside the last answer. answers: n-th
        answer. phases, rest_phases: days from the true peak, of transients. dates: MJD. fractions: of
        the object's alerts.
    as_of: at a point in time counts what answers observations up to it ("observed"), or of those what
        was received by then ("received", as in operations): an answer is at hand its latency later.
    denominator: at a point count all objects that reach it, those "active" (between their first and
        last alert), or those "answered".
    slices: subsets of the objects (scoring.slices), scored at slice_points with slice_metrics.
    classes: class ids that count as truth; None for those present in the run's truth.
    scopes: classifier (folder or label) -> the class ids that it claims to tell apart (scoring.scope);
        [] for all, whatever the submission declares itself.
    metrics: "core" (scoring.metric.CORE), "all" that are registered, or a list of names.
    normalise: probabilities that sum to less than 1 leave the rest to class 200 ("residual"),
        are divided by their sum ("rescale"), or make the answer count as missing ("reject").
    inner: probability on a class above the true ones (SN-like) stays a column of its own, or is
        spread over the true classes below it by their frequencies.
    ties: what equal largest probabilities name: the class of the lowest id ("lowest"), or no class of
        theirs but 200 Residual ("residual").
    missing: what a probabilistic metric takes for an object without an answer: the class
        frequencies ("prior"), probability 0 ("worst"), or the object is left out ("exclude").
    deadline_s: answers published later than this after the alert was sent are late and not used.
    budget: objects that a follow-up programme can take a night and class (scoring.nightly).
    epsilon: smallest probability that the log loss sees.
    intervals, resamples, confidence: bootstrap over objects.
    """

    detections: list[Annotated[int, Meta(ge=1)]] = field(default_factory=lambda: [1, 3, 10])
    days: list[Annotated[float, Meta(ge=0)]] = field(default_factory=lambda: [2.0, 8.0, 32.0])
    answers: list[Annotated[int, Meta(ge=1)]] = field(default_factory=list)
    phases: list[float] = field(default_factory=list)
    rest_phases: list[float] = field(default_factory=list)
    dates: list[float] = field(default_factory=list)
    fractions: list[Annotated[float, Meta(gt=0, le=1)]] = field(default_factory=list)
    as_of: Literal["observed", "received"] = "observed"
    denominator: Literal["all", "active", "answered"] = "all"
    slices: list[str] = field(default_factory=lambda: ["redshift", "dust", "alerts"])
    slice_points: list[str] = field(default_factory=lambda: ["last"])
    slice_metrics: list[str] = field(default_factory=lambda: ["macro_f1", "accuracy", "log_loss"])
    classes: list[int] | None = None
    scopes: dict[str, list[int]] = field(default_factory=dict)
    metrics: list[str] | Literal["core", "all"] = "core"
    normalise: Literal["residual", "rescale", "reject"] = "residual"
    inner: Literal["column", "spread"] = "column"
    ties: Literal["lowest", "residual"] = "lowest"
    missing: Literal["prior", "worst", "exclude"] = "prior"
    deadline_s: Annotated[float, Meta(gt=0)] | None = None
    budget: Annotated[int, Meta(ge=1)] = 100
    epsilon: Annotated[float, Meta(gt=0, lt=0.5)] = 1e-6
    intervals: bool = True
    resamples: Annotated[int, Meta(ge=100)] = 2000
    confidence: Annotated[float, Meta(gt=0, lt=1)] = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("detections", "days", "answers", "phases", "rest_phases", "dates", "fractions"):
            _check_points(name, getattr(self, name))
        if self.classes is not None and len(set(self.classes)) != len(self.classes):
            raise ConfigError(f"scoring.classes: expected each id once, got {self.classes}")
        for name, scope in self.scopes.items():
            if len(set(scope)) != len(scope) or {RESIDUAL, NOT_CLASSIFIED} & set(scope):
                raise ConfigError(
                    f"scoring.scopes.{name}: expected class ids, each once, without {RESIDUAL} and "
                    f"{NOT_CLASSIFIED}, got {scope}"
                )


def _check_points(name: str, values: Sequence[float]) -> None:
    if list(values) != sorted(set(values)):
        raise ConfigError(f"scoring.{name}: expected rising numbers, each once, got {list(values)}")
