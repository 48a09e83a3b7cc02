"""A broker in a process of its own, so that one that hangs or dies costs a batch and not the stream."""

from __future__ import annotations

import contextlib
import multiprocessing
import struct
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.errors import TransportError
from brokerbench.tables import AlertBatch

__all__ = ["IsolatedBroker", "Quarantine"]

_HEAD = struct.Struct("<BII")  # 0 an answer, 1 an error, 2 about the broker; rows, columns
_MOST = 256 << 20
START_S = 120.0


class Quarantine(Exception):
    """The broker hung or died on a batch; the batch is given up and the broker started again."""


class IsolatedBroker:
    """The broker that a factory makes, in a process of its own.

    factory: picklable, called in the process, e.g. ``functools.partial(load_broker, "forest")``.
    timeout_s: how long a batch may take. What comes back is parsed as plain numbers and text, never
    unpickled: the process runs a participant's code. Close it when done.
    """

    def __init__(self, factory: Callable[[], Any], *, timeout_s: float = 60.0) -> None:
        self._factory, self._timeout = factory, timeout_s
        self.restarts = -1
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context(
            "spawn"
        )  # threads of numba and librdkafka do not survive a fork
        self._mine, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, self._factory), daemon=True)
        self._process.start()
        theirs.close()
        self.restarts += 1
        try:
            kind, _, _, body = self._receive(START_S)
        except Quarantine as error:
            raise TransportError(f"broker: expected it to start, got one that did not: {error}") from error
        if kind != 2:
            raise TransportError(f"broker: expected it to start, got {body.decode('utf-8', 'replace')[:300]}")
        name, version, params, *classes = body.decode("utf-8", "replace").split("\0")
        self.name, self.version, self.params = name, version, params
        self.classes = tuple(int(c) for c in classes if c)

    def classify(self, batch: AlertBatch) -> NDArray[np.float32]:
        """Probabilities f4[n, len(classes)]. Quarantine where the broker hangs or dies."""
        try:
            self._mine.send(batch)
            kind, rows, columns, body = self._receive(self._timeout)
        except (Quarantine, OSError) as error:
            self._stop()
            self._start()
            raise Quarantine(str(error) or "the process died") from error
        if kind != 0:
            raise RuntimeError(body.decode("utf-8", "replace")[:300])
        return np.frombuffer(body, "<f4").reshape(rows, columns)

    def _receive(self, timeout_s: float) -> tuple[int, int, int, bytes]:
        if not self._mine.poll(timeout_s):
            raise Quarantine(f"no answer within {timeout_s:g} s")
        try:
            raw = self._mine.recv_bytes(_MOST)
        except (EOFError, OSError) as error:
            self._process.join(5)
            raise Quarantine(f"the process ended with code {self._process.exitcode}") from error
        if len(raw) < _HEAD.size:
            raise Quarantine("an answer cut short")
        kind, rows, columns = _HEAD.unpack_from(raw)
        body = raw[_HEAD.size :]
        if kind == 0 and len(body) != 4 * rows * columns:
            raise Quarantine("an answer of another size than it says")
        return kind, rows, columns, body

    def _stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._mine.close()

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError, ValueError):
            self._stop()


def _work(pipe: Connection, factory: Callable[[], Any]) -> None:
    """What the process does: make the broker, say who it is, answer batches."""
    try:
        broker = factory()
        about = [broker.name, str(broker.version), str(getattr(broker, "params", ""))]
        about += [str(int(c)) for c in broker.classes]
    except BaseException as error:
        pipe.send_bytes(_HEAD.pack(1, 0, 0) + f"{type(error).__name__}: {error}".encode())
        return
    pipe.send_bytes(_HEAD.pack(2, 0, 0) + "\0".join(about).encode())
    while True:
        try:
            batch = pipe.recv()
        except EOFError:
            return
        try:
            answer = np.atleast_2d(np.asarray(broker.classify(batch), "<f4"))
            rows, columns = answer.shape
        except Exception as error:
            pipe.send_bytes(_HEAD.pack(1, 0, 0) + f"{type(error).__name__}: {error}".encode())
            continue
        pipe.send_bytes(_HEAD.pack(0, rows, columns) + np.ascontiguousarray(answer).tobytes())
