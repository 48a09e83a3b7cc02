"""What was found in a submission."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from brokerbench.config import encode
from scoring.rules import Findings
from scoring.submission import Policy, Sender

__all__ = ["Answered", "Checked"]


@dataclass(frozen=True)
class Answered:
    """One classifier of a submission."""

    sender: Sender
    classes: tuple[int, ...]
    counts: dict[str, int]  # received, and each of accounting.RECEIVED
    alerts: int  # answered, of those that were sent
    objects: int


@dataclass(frozen=True)
class Checked:
    """What was found in a submission."""

    reader: str
    files: dict[str, str]  # name and SHA-256
    policy: Policy
    counts: dict[str, int]
    findings: Findings
    classifiers: tuple[Answered, ...]
    alerts_sent: int
    objects_sent: int

    @property
    def sound(self) -> bool:
        """Whether no message broke a rule or has a fault."""
        return not any(self.findings.counts.values())

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain dicts and lists."""
        found = asdict(self) | {"policy": encode(self.policy), "sound": self.sound}
        found["findings"] = {"counts": self.findings.counts, "examples": self.findings.examples}
        return found
