"""Rates of the streamer, per core: CPU seconds of this process, best of a few rounds."""

from __future__ import annotations

import io
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest

from brokerbench.store import Folder
from streamer.alerts import prepare, read_batches
from streamer.collect import collect
from streamer.packets import PacketFile
from streamer.replay import play
from streamer.schemas import SCHEMAS
from streamer.serve import serve
from streamer.transports.spool import Spool
from tests.streamer.runs import Prior, make_run


def cpu(work: Callable[[], Any]) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def note(benchmark: Any, seconds: float, count: float, unit: str, **more: Any) -> None:
    benchmark.extra_info["rate"] = round(count / seconds)
    benchmark.extra_info["unit"] = unit
    benchmark.extra_info["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    benchmark.extra_info.update(more)


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A prepared run of some ten thousand alerts."""
    run = make_run(tmp_path_factory.mktemp("bench") / "run", {"00-00000": 400, "01-00000": 400}, visits=200)
    prepare(run)
    return run


def alerts_in(run: Folder) -> int:
    parts = Folder.open(run.path / "stream").manifest["parts"]
    return sum(facts["alerts"] for facts in parts.values())


def test_build_and_encode(benchmark: Any, big: Folder) -> None:
    prepare(big) if not (big.path / "stream").exists() else None

    def again() -> None:
        shutil.rmtree(big.path / "stream")
        prepare(big)

    seconds = benchmark.pedantic(lambda: cpu(again), rounds=3)
    note(benchmark, seconds, alerts_in(big), "alerts/s")


def test_decode_into_batches(benchmark: Any, big: Folder) -> None:
    def read() -> int:
        return sum(len(batch) for _, batch in read_batches(big))

    seconds = benchmark.pedantic(lambda: cpu(read), rounds=3)
    schema = SCHEMAS["elasticc_v0_9_1"].avro
    file = PacketFile(big.path / "stream" / "packets" / "00-00000.packets")
    some = list(file.read(0, 500))
    plain = cpu(lambda: [fastavro.schemaless_reader(io.BytesIO(p), schema, None) for p in some])
    rate = alerts_in(big) / seconds
    note(benchmark, seconds, alerts_in(big), "alerts/s", ratio=round(rate / (500 / plain), 1))


def test_play_to_the_spool(benchmark: Any, big: Folder) -> None:
    def send() -> None:
        shutil.rmtree(big.path / "topics", ignore_errors=True)
        shutil.rmtree(big.path / "ledger", ignore_errors=True)
        play(big, Spool(big.path / "topics"))

    seconds = benchmark.pedantic(lambda: cpu(send), rounds=3)
    note(benchmark, seconds, alerts_in(big), "alerts/s")


def test_serve_a_broker(benchmark: Any, big: Folder) -> None:
    if not (big.path / "ledger").exists():
        play(big, Spool(big.path / "topics"))
    number = iter(range(100))

    def answer() -> None:
        k = next(number)
        serve(Prior(), Spool(big.path / "topics"), topic_out=f"out-{k}", group=f"g{k}")

    seconds = benchmark.pedantic(lambda: cpu(answer), rounds=3)
    note(benchmark, seconds, alerts_in(big), "alerts/s")


def test_collect_answers(benchmark: Any, big: Folder) -> None:
    if not (big.path / "ledger").exists():
        play(big, Spool(big.path / "topics"))
    spool = Spool(big.path / "topics")
    serve(Prior(), spool, topic_out="for-collect", group="for-collect")

    def gather() -> None:
        for name in ("answers", "rejects"):
            shutil.rmtree(big.path / name, ignore_errors=True)
        collect(big, spool, ["for-collect"])

    seconds = benchmark.pedantic(lambda: cpu(gather), rounds=3)
    note(benchmark, seconds, alerts_in(big), "messages/s")


def test_spool_alone(benchmark: Any, tmp_path: Path) -> None:
    from streamer.packets import Packets

    n, size = 256, 4000
    values = Packets(np.zeros(n * size, "u1"), np.arange(n + 1, dtype="i8") * size)
    numbers = np.arange(n, dtype="i8")

    def through() -> None:
        shutil.rmtree(tmp_path / "t", ignore_errors=True)
        spool = Spool(tmp_path)
        producer = spool.producer("t")
        for _ in range(100):
            producer.send(values, numbers, numbers)
        producer.finish()
        producer.close()
        consumer = spool.consumer("t")
        while not consumer.at_end():
            consumer.poll(256, 0)

    seconds = benchmark.pedantic(lambda: cpu(through), rounds=3)
    note(benchmark, seconds, 100 * n, "messages/s", megabytes_a_second=round(100 * n * size / seconds / 1e6))
