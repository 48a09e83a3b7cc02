"""A challenge as a folder to give away: training data, alerts, rules, schemas, seal and a data card."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from brokerbench import __version__
from brokerbench.errors import ConfigError, InputError
from brokerbench.store import Folder, atomic_write, file_sha256
from brokerbench.tables import Objects
from challenges.challenge import RULES, Challenge, challenge_names, find_challenge
from challenges.publication import CardFacts, Publication, Rules, card
from challenges.seal import Seal, seal, write_seal
from simulate.export import export
from simulate.registries import EXPORTS
from streamer.archives import archive_nights
from streamer.schemas import SCHEMAS
from streamer.schemas.elasticc_v0_9_1.mapping import CLASSIFICATION

__all__ = ["publish", "rules_of"]

CROISSANT = "croissant.json"
Progress = Callable[[int, int], None]


def publish(
    challenge: Challenge, run: Folder, learning: Folder, out: Path, *, progress: Progress | None = None
) -> Path:
    """The folder at `out` with everything of a challenge that everybody may have.

    run: the survey to be classified, its stream prepared where alerts are published. learning: the run to
    learn from, given away with its truth. Of `run` come its alerts and light curves, as the challenge's
    [publication] says, and the seal of its truth; neither its seed nor its configuration. Raises InputError
    where something is at `out`, where a run is of another challenge, or where the two share objects.
    """
    about = challenge.publication
    if out.exists():
        raise InputError(f"{out}: expected no such folder yet, got one; choose another name")
    _check(challenge, run, learning)
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _write_data(about, run, learning, partial, progress)
        sealed = seal(run)
        _write_texts(challenge, _facts(run, learning, sealed), sealed, partial)
        sums = {p.relative_to(partial).as_posix(): file_sha256(p) for p in _files(partial)}
        _write_croissant(challenge, partial, sums)
        sums[CROISSANT] = file_sha256(partial / CROISSANT)
        _write(partial / "SHA256SUMS", "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)))
        os.replace(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out


def rules_of(challenge: Challenge) -> Rules:
    """What everybody may know of how a challenge is scored."""
    return Rules(
        name=challenge.name,
        version=challenge.version,
        summary=challenge.summary,
        schema=challenge.stream.schema,
        scoring=challenge.scoring,
    )


def _check(challenge: Challenge, run: Folder, learning: Folder) -> None:
    for folder, name in ((run, challenge.name), (learning, f"{challenge.name}-training")):
        found = folder.manifest["name"]
        if found != name:
            raise InputError(f"{folder.path}: expected a run named {name!r}, got {found!r}")
    secret, known = (
        np.concatenate([f.read("truth/objects", part, Objects).object_id for part in f.parts])
        for f in (run, learning)
    )
    shared = np.intersect1d(secret, known).size
    if shared or run.manifest["seed"] == learning.manifest["seed"]:
        raise InputError(
            f"{learning.path}: expected other objects than those of {run.path}, got {shared:,} of them; "
            "the truth of a training run is given away, so make it with another seed"
        )
    public = challenge.name in challenge_names() and find_challenge(challenge.name)
    if public and run.manifest["seed"] == public.seed:
        raise ConfigError(
            f"{run.path}: expected a seed that nobody else has, got that of the challenge in the package; "
            "whoever has the seed has the truth: make the run with --seed"
        )


def _write_data(
    about: Publication, run: Folder, learning: Folder, target: Path, progress: Progress | None
) -> None:
    for name in learning.manifest["files"]:
        copy = target / "training" / "run" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(learning.path / name, copy)
    shutil.copyfile(learning.path / "manifest.json", target / "training" / "run" / "manifest.json")
    for name in about.formats:
        export(EXPORTS[name], learning, target / "training" / name, truth=True)
        if about.light_curves:
            export(EXPORTS[name], run, target / "light_curves" / name)
    if about.alerts:
        archive_nights(run, target / "alerts", progress=progress)


def _facts(run: Folder, learning: Folder, sealed: Seal) -> CardFacts:
    ids, counts = np.unique(
        np.concatenate([learning.read("truth/objects", p, Objects).class_id for p in learning.parts]),
        return_counts=True,
    )
    stream = Folder.open(run.path / "stream", kind="stream") if (run.path / "stream").is_dir() else None
    alerts = sum(part["alerts"] for part in stream.manifest["parts"].values()) if stream else 0
    return CardFacts(
        learning=dict(zip(ids.tolist(), counts.tolist(), strict=True)),
        objects=sum(part["triggered"] for part in run.manifest["parts"].values()),
        alerts=alerts,
        generator=__version__,
        digest=sealed.digest,
    )


def _write_texts(challenge: Challenge, facts: CardFacts, sealed: Seal, target: Path) -> None:
    import tomli_w

    rules = rules_of(challenge)
    write_seal(target / "seal.json", sealed)
    _write(target / "README.md", card(rules, challenge.publication, facts))
    _write(target / RULES, tomli_w.dumps(_without_null(msgspec.to_builtins(rules))))
    (target / "schema").mkdir()
    for name, schema in (("alert", SCHEMAS[rules.schema].avro), ("brokerClassification", CLASSIFICATION)):
        _write(target / "schema" / f"{name}.avsc", json.dumps(_as_declared(schema), indent=1) + "\n")


def _write(path: Path, text: str) -> None:
    with atomic_write(path, "w") as file:
        file.write(text)


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_null(v) for k, v in value.items() if v is not None}
    return value


def _as_declared(schema: Any) -> Any:
    """A schema without the marks that fastavro puts into one that it has parsed."""
    if isinstance(schema, dict):
        return {k: _as_declared(v) for k, v in schema.items() if not k.startswith("__")}
    if isinstance(schema, list):
        return [_as_declared(v) for v in schema]
    return schema


def _files(target: Path) -> list[Path]:
    return sorted(p for p in target.rglob("*") if p.is_file())


def _write_croissant(challenge: Challenge, target: Path, sums: Mapping[str, str]) -> None:
    try:
        from challenges.croissant import describe
    except ImportError as error:
        raise ConfigError(
            "publish: expected the package mlcroissant, got none; pip install 'brokerbench[publish]'"
        ) from error
    _write(target / CROISSANT, json.dumps(describe(challenge, target, sums), indent=1) + "\n")
