"""Parts counted side by side, by threads or by the workers of a Dask cluster, and handed on in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from brokerbench.errors import ConfigError, InputError

__all__ = ["on_cluster", "on_threads"]

T = TypeVar("T")
R = TypeVar("R")


def on_threads(function: Callable[[T], R], items: Sequence[T], workers: int) -> Iterator[R]:
    """Results in the order of items, few of them held at a time; threads, for kernels release the GIL."""
    if workers <= 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from _in_order(lambda item: pool.submit(function, item), items, 2 * workers)


def on_cluster(function: Callable[[T], R], items: Sequence[T], address: str) -> Iterator[R]:
    """Results in the order of items, from the workers of the Dask cluster whose scheduler is at `address`.

    The workers see the run's folder under the same path. Raises ConfigError where Dask is not
    installed, InputError where no scheduler answers.
    """
    try:
        from dask import distributed
    except ImportError as error:
        raise ConfigError("dask: expected dask[distributed], got none; install brokerbench[dask]") from error
    try:
        client = distributed.Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"dask: expected a scheduler at {address}, got none ({error})") from error
    with client:
        room = 2 * max(sum(client.nthreads().values()), 1)
        yield from _in_order(lambda item: client.submit(function, item, pure=False), items, room)


def _in_order(submit: Callable[[T], Any], items: Sequence[T], room: int) -> Iterator[Any]:
    waiting: deque[Any] = deque()
    for item in items:
        waiting.append(submit(item))
        if len(waiting) > room:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
