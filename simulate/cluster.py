"""The parts of a simulation made by the workers of a Dask cluster: the same chunks, the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache

from brokerbench.config import decode, encode
from brokerbench.errors import ConfigError, InputError
from brokerbench.store import Folder
from simulate.generate import Plan, plan, write_part
from simulate.settings import Simulation

__all__ = ["on_cluster"]

Part = tuple[str, int, int, int]


@lru_cache(maxsize=2)
def _plan_of(text: str) -> Plan:
    return plan(decode(json.loads(text), Simulation, where="simulation"))


def _write_remote(text: str, folder: str, part: Part) -> str:
    """Runs on a worker of a cluster: it plans the simulation once and keeps the plan."""
    return write_part(_plan_of(text), Folder(folder), part)


def on_cluster(simulation: Simulation, folder: Folder, todo: list[Part], address: str) -> Iterator[str]:
    """Names of parts as the workers of a Dask cluster write them below the folder.

    address: of the scheduler. Raises ConfigError where Dask is not installed, InputError where no
    scheduler answers.
    """
    try:
        from dask import distributed
    except ImportError as error:
        raise ConfigError("dask: expected dask[distributed], got none; install brokerbench[dask]") from error
    text = json.dumps(encode(simulation), sort_keys=True)
    try:
        client = distributed.Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"dask: expected a scheduler at {address}, got none ({error})") from error
    with client:
        path = str(folder.path.resolve())
        futures = client.map(_write_remote, [text] * len(todo), [path] * len(todo), todo, pure=False)
        for future in distributed.as_completed(futures, loop=client.loop):
            yield future.result()
