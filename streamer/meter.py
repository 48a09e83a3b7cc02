"""What a stream is doing right now: numbers for a live view and for Prometheus."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rich.table import Table

from brokerbench.errors import TransportError
from streamer.clock import Clock, WallClock

__all__ = ["METRICS", "Meter", "Progress", "Watch", "live_table", "metrics_endpoint"]

METRICS: Mapping[str, tuple[str, str]] = {
    "alerts_planned": ("gauge", "alerts that the stream holds"),
    "alerts_sent_total": ("counter", "alerts that the transport confirmed"),
    "bytes_sent_total": ("counter", "bytes of packets sent"),
    "slip_seconds": ("gauge", "how late the last alerts were given to the transport"),
    "alerts_received_total": ("counter", "alerts that a broker received"),
    "alerts_answered_total": ("counter", "alerts that a broker answered"),
    "alerts_failed_total": ("counter", "alerts on which a broker failed"),
    "alerts_malformed_total": ("counter", "messages that did not decode"),
    "batch_seconds": ("gauge", "how long the last batch took a broker"),
    "lag_messages": ("gauge", "messages of a partition that a broker has not read yet"),
}
"""Name: type and meaning. In Prometheus each begins with brokerbench_."""

Progress = Callable[[int, int], None]
"""Called with (done, total) while something goes on; total is -1 where it is not known."""

Key = tuple[str, tuple[tuple[str, str], ...]]


class Meter:
    """Numbers by name and labels, set by one thread and read by others."""

    def __init__(self) -> None:
        self._values: dict[Key, float] = {}
        self._lock = threading.Lock()
        self._marks: list[tuple[float, float]] = []  # (monotonic s, alerts), for the rate

    def put(self, name: str, value: float, **labels: str) -> None:
        """Set a number. TransportError for a name that METRICS does not have."""
        if name not in METRICS:
            raise TransportError(f"meter: expected one of {', '.join(METRICS)}, got {name!r}")
        with self._lock:
            self._values[name, tuple(sorted(labels.items()))] = float(value)
            if name in ("alerts_sent_total", "alerts_received_total"):
                now = time.monotonic()
                self._marks = [m for m in self._marks if now - m[0] < 10] + [(now, float(value))]

    def values(self) -> dict[Key, float]:
        """A copy of all numbers."""
        with self._lock:
            return dict(self._values)

    def rate(self) -> float:
        """Alerts a second over the last ten seconds, 0 where nothing moves."""
        with self._lock:
            now = time.monotonic()
            marks = [m for m in self._marks if now - m[0] < 10]  # none is put while nothing moves
            if len(marks) < 2 or marks[-1][0] == marks[0][0]:
                return 0.0
            (t0, n0), (t1, n1) = marks[0], marks[-1]
            return (n1 - n0) / (t1 - t0)

    def left_s(self) -> float:
        """Seconds until everything planned is sent at this rate; NaN where that cannot be told."""
        values, rate = self.values(), self.rate()
        planned, sent = values.get(("alerts_planned", ())), values.get(("alerts_sent_total", ()))
        if planned is None or sent is None or rate <= 0:
            return float("nan")
        return (planned - sent) / rate

    def exposition(self) -> str:
        """The numbers in Prometheus' text format, version 0.0.4."""
        values = self.values()
        lines = []
        for name, (kind, text) in METRICS.items():
            mine = sorted((labels, v) for (n, labels), v in values.items() if n == name)
            if mine:
                lines += [f"# HELP brokerbench_{name} {text}", f"# TYPE brokerbench_{name} {kind}"]
            for labels, value in mine:
                inside = ",".join(f'{k}="{_escaped(v)}"' for k, v in labels)
                lines.append(
                    f"brokerbench_{name}{{{inside}}} {value:.17g}"
                    if inside
                    else f"brokerbench_{name} {value:.17g}"
                )
        return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@dataclass(frozen=True)
class Watch:
    """By which clock a play or a broker goes, and who is told how far it is."""

    progress: Progress | None = None
    meter: Meter | None = None
    clock: Clock = field(default_factory=WallClock)


def live_table(meter: Meter) -> Table:
    """The numbers as a table for a terminal, with rate and time left; for rich.live.Live."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("alerts a second", f"{meter.rate():,.0f}")
    left = meter.left_s()
    if left == left:
        table.add_row("time left", f"{left:,.0f} s")
    for (name, labels), value in sorted(meter.values().items()):
        where = " ".join(v for _, v in labels)
        text = f"{value:,.3f}" if name.endswith("seconds") else f"{value:,.0f}"
        table.add_row(f"{name.removesuffix('_total').replace('_', ' ')} {where}".strip(), text)
    return table


@contextmanager
def metrics_endpoint(meter: Meter, port: int, *, host: str = "127.0.0.1") -> Iterator[str]:
    """The address of an HTTP endpoint /metrics while the block lasts; port 0 for any that is free.

    TransportError where the port is taken.
    """
    try:
        server = ThreadingHTTPServer((host, port), _handler(meter.exposition))
    except OSError as error:
        raise TransportError(f"metrics: expected port {port} to be free, got {error.strerror}") from error
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(exposition: Callable[[], str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802  the name that http.server calls
            found = self.path == "/metrics"
            body = exposition().encode() if found else b"see /metrics\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: a scrape is no news."""

    return Handler
