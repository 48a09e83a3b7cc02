"""What is given away of a challenge: its own facts and the text of its data card."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from brokerbench.config import Config
from brokerbench.errors import ConfigError
from brokerbench.taxonomy import ELASTICC2
from scoring.spec import Scoring

__all__ = ["CardFacts", "Publication", "Rules", "card"]


class Publication(Config, frozen=True):
    """Who publishes a challenge, and in which formats.

    formats: names of `brokerbench list exports`. light_curves: whether the light curves to be classified
    are given away, without their truth. alerts: whether their alerts are, a tar a night; a challenge
    that is streamed live gives neither before it has closed. date: YYYY-MM-DD.
    """

    description: str = ""
    creators: list[str] = msgspec.field(default_factory=list)
    licence: str = "https://creativecommons.org/licenses/by/4.0/"
    url: str = ""
    cite_as: str = ""
    date: str | None = None
    formats: list[str] = msgspec.field(default_factory=lambda: ["parquet_nested"])
    light_curves: bool = False
    alerts: bool = True
    limitations: list[str] = msgspec.field(default_factory=list)

    def __post_init__(self) -> None:
        if self.date is not None:
            try:
                datetime.date.fromisoformat(self.date)
            except ValueError as error:
                raise ConfigError(f"publication.date: expected YYYY-MM-DD, got {self.date!r}") from error


class Rules(Config, frozen=True):
    """What everybody may know of how a challenge is scored: a published rules.toml."""

    name: str
    version: int
    summary: str
    schema: str
    scoring: Scoring


@dataclass(frozen=True)
class CardFacts:
    """What the data card counts.

    learning: objects of the training run by class id. objects, alerts: of the survey to be classified.
    """

    learning: Mapping[int, int]
    objects: int
    alerts: int
    generator: str
    digest: str


def card(rules: Rules, about: Publication, facts: CardFacts) -> str:
    """README.md of a published challenge: what is in it, how to answer, how it is scored."""
    spec = rules.scoring
    classes = "\n".join(
        f"| {class_id} | {ELASTICC2.name_of(class_id)} | {count:,} |"
        for class_id, count in facts.learning.items()
    )
    limits = "\n".join(f"- {text}" for text in (*about.limitations, *_LIMITATIONS))
    points = [
        "the last answer",
        *(f"detection {n}" for n in spec.detections),
        *(f"{d:g} d after the first alert" for d in spec.days),
    ]
    folders = "\n".join(_folders(about))
    return f"""# {rules.name}, version {rules.version}

{about.description or rules.summary}

{facts.objects:,} objects are to be classified, of which {facts.alerts:,} alerts tell. Made with
brokerbench {facts.generator}. Licence: {about.licence}

{folders}

`sha256sum -c SHA256SUMS` checks every file.

## Classes

Ids are those of ELAsTiCC2's taxonomy. The training objects are others, of another seed.

| class id | class | training objects |
|---|---|---|
{classes}

## To answer

Send brokerClassification messages (`schema/`), or files in any layout that `brokerbench doctor FILE`
recognises. Probabilities of an alert sum to 1; what none of your classes takes belongs to class 200.
Try it on the training run first:

    pip install brokerbench
    brokerbench play training/run
    brokerbench run training/run --broker my_broker.py
    brokerbench score training/run --challenge rules.toml

## How it is scored

`rules.toml` has every policy. Classifiers are compared at {", ".join(points)}; only what had been sent by
then counts. No answer: {_MISSING[spec.missing]}. {_deadline(spec)}

## What this sky is not

{limits}

## The truth

It was sealed before this was published: SHA-256 `{facts.digest}`. Once the challenge has closed, its
truth and salt are published, and `brokerbench truth verify seal.json truth.parquet` shows that nobody
changed it.
{_citation(about)}"""


_MISSING = {
    "prior": "the class frequencies are taken for the probabilities, and the object counts as missed",
    "worst": "probability 0 is taken for the true class, and the object counts as missed",
    "exclude": "the object is left out of the probabilistic metrics, and its number is shown",
}
_LIMITATIONS = (
    "Objects are simulated: classes that nobody has described are not in it, nor are artefacts of images.",
    "How many objects there are of each class is what the challenge asks for, not what a survey would find, "
    "unless its description says that rates were used.",
)


def _folders(about: Publication) -> list[str]:
    rows = [
        ("training/run", "the training run with its truth, as brokerbench reads it"),
        *(
            (f"training/{name}", "the same in another format, with class_id and true_z")
            for name in about.formats
        ),
    ]
    if about.light_curves:
        rows += [(f"light_curves/{name}", "the light curves to be classified") for name in about.formats]
    if about.alerts:
        rows.append(("alerts", "the alerts to be classified, a tar a night, in the order of sending"))
    rows += [
        ("schema", "Avro schemas of the alerts and of the answers"),
        ("rules.toml", "how answers are scored"),
        ("seal.json", "the commitment to the truth"),
        ("croissant.json", "what this folder holds, for machines (Croissant 1.0)"),
    ]
    return ["| where | what |", "|---|---|", *(f"| `{name}` | {what} |" for name, what in rows)]


def _deadline(spec: Scoring) -> str:
    if spec.deadline_s is None:
        return "There is no deadline for an answer."
    return f"An answer later than {spec.deadline_s:g} s after its alert is not used."


def _citation(about: Publication) -> str:
    return f"\n## To cite\n\n{about.cite_as}\n" if about.cite_as else ""
