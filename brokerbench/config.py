"""TOML into msgspec structs, strictly: a wrong key is an error that names its path."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from brokerbench.errors import ConfigError, InputError, did_you_mean

__all__ = ["Config", "decode", "encode", "load", "read"]

T = TypeVar("T")


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every configuration table: frozen, keywords only, no unknown key."""


def load(path: str | Path, kind: type[T]) -> T:
    """The configuration in the TOML file at `path`, decoded as `kind`."""
    return decode(read(path), kind, where=str(path))


def read(path: str | Path) -> dict[str, Any]:
    """What a TOML file holds, not decoded. InputError for no such file, ConfigError for no TOML."""
    file = Path(path)
    try:
        text = file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "bytes that are not UTF-8"
        raise InputError(f"{file}: expected a TOML file, got {reason}; check the path") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: expected TOML, got {error}") from error


def decode(raw: Any, kind: type[T], *, where: str) -> T:
    """`raw` (dicts, lists, scalars) as `kind`. ConfigError names file, path, key and remedy."""
    unknown = _unknown_key(raw, kind, "")
    if unknown:
        path, known = unknown
        key = path.rsplit(".", 1)[-1]
        raise ConfigError(f"{where}: {path}: expected a known key, got {key!r}; {did_you_mean(key, known)}")
    try:
        return msgspec.convert(raw, kind)
    except ConfigError as error:  # a struct's own check, which does not know the file
        raise ConfigError(f"{where}: {error}") from error
    except msgspec.ValidationError as error:
        text = str(error)
        match = re.match(r"(.*?) - at `\$\.?(.*)`$", text)
        message, path = (match[1], match[2]) if match else (text, "")
        missing = re.match(r"Object missing required field `(.+)`", message)
        if missing:
            path = f"{path}.{missing[1]}" if path else missing[1]
            message = "expected a value, got no such key"
        wrong = re.match(r"Expected (.+), got (.+)", message)
        if wrong:
            message = f"expected {wrong[1].replace('`', '')}, got {wrong[2].replace('`', '')}"
        choice = re.match(r"Invalid enum value (.+)", message)
        if choice:
            choices = ", ".join(map(repr, _choices(kind, path)))
            message = f"expected one of {choices}, got {choice[1]}"
        at = f"{path}: " if path else ""
        raise ConfigError(f"{where}: {at}{message}") from error


def _choices(kind: Any, path: str) -> list[Any]:
    """The values that the key at `path` may have, where its type is a choice among some."""
    for step in re.findall(r"[^.\[\]]+", path):
        while not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)) and get_args(kind):
            if get_origin(kind) is Literal:
                break
            kind = get_args(kind)[1 if get_origin(kind) is dict else 0]
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            kind = get_type_hints(kind).get(step, kind)
    options = (kind, *get_args(kind))
    return [value for option in options if get_origin(option) is Literal for value in get_args(option)]


def encode(config: Any) -> Any:
    """`config` as plain dicts and lists, for a manifest."""
    return msgspec.to_builtins(config)


def _unknown_key(raw: Any, kind: Any, path: str) -> tuple[str, list[str]] | None:
    """Path of the first key that `kind` does not have, with the keys it has."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(raw, dict):
        hints = get_type_hints(kind)
        names = {f.encode_name: hints[f.name] for f in msgspec.structs.fields(kind)}
        for key, value in raw.items():
            here = f"{path}.{key}" if path else key
            if key not in names:
                return here, list(names)
            found = _unknown_key(value, names[key], here)
            if found:
                return found
        return None
    arguments = get_args(kind)
    if isinstance(raw, list) and get_origin(kind) in (list, tuple) and arguments:
        for i, value in enumerate(raw):
            found = _unknown_key(value, arguments[0], f"{path}[{i}]")
            if found:
                return found
    elif isinstance(raw, dict) and get_origin(kind) is dict:
        for key, value in raw.items():
            found = _unknown_key(value, arguments[1], f"{path}.{key}")
            if found:
                return found
    elif isinstance(raw, dict) and arguments:
        for option in arguments:
            if isinstance(option, type) and issubclass(option, msgspec.Struct):
                return _unknown_key(raw, option, path)
    return None
