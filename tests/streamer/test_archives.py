"""Archives: a tar a night, written and played without unpacking."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from brokerbench.errors import InputError
from brokerbench.store import Folder
from brokerbench.tables import LightCurves, Visits
from streamer.archives import archive_nights, play_archive, read_archive
from streamer.packets import PacketFile
from streamer.replay import play
from streamer.transports.spool import Spool


def sent(run: Folder) -> list[bytes]:
    spool = Spool(run.path / "topics")
    play(run, spool)
    return list(spool.consumer("alerts").poll(10**6, 0).values)


def test_tars_hold_every_alert_once_by_the_night_of_the_plan(stream_run: Folder, tmp_path: Path) -> None:
    paths = archive_nights(stream_run, tmp_path / "tars")
    packets = sent(stream_run)
    found = [raw for path in paths for _, raw in read_archive(path)]
    assert found == packets
    visits = stream_run.read("visits", "all", Visits)
    nights: dict[int, int] = {}
    for part in stream_run.parts:
        file = PacketFile(stream_run.path / "stream" / "packets" / f"{part}.packets")
        lc = stream_run.read("light_curves", part, LightCurves)
        from brokerbench.tables import Alerts

        alerts = Folder(stream_run.path / "stream").read("alerts", part, Alerts)
        assert len(file) == len(alerts)
        for n in visits.night[lc.visit[alerts.row]].tolist():
            nights[n] = nights.get(n, 0) + 1
    assert {int(p.stem): sum(1 for _ in read_archive(p)) for p in paths} == nights
    name, _ = next(read_archive(paths[0]))
    assert name.startswith("alert_mjd61000.")


def test_archives_are_played_from_tar_and_tar_gz_and_go_on(stream_run: Folder, tmp_path: Path) -> None:
    paths = archive_nights(stream_run, tmp_path / "tars")
    for path in paths[1::2]:
        with open(path, "rb") as plain, gzip.open(f"{path}.gz", "wb") as packed:
            shutil.copyfileobj(plain, packed)
        path.unlink()
    files = sorted((tmp_path / "tars").iterdir())
    packets = sent(stream_run)
    spool = Spool(tmp_path / "topics")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    first = play_archive(files[:2], spool, "again")
    assert 0 < first < len(packets)
    rest = play_archive(files, spool, "again")
    assert first + rest == len(packets)
    batch = spool.consumer("again").poll(10**6, 0)
    assert list(batch.values) == packets
    assert (batch.sequence == np.arange(len(packets))).all()
    assert play_archive(files, spool, "again") == 0


def test_writing_archives_again_keeps_those_that_are_whole(stream_run: Folder, tmp_path: Path) -> None:
    paths = archive_nights(stream_run, tmp_path / "tars")
    before = {p: p.stat().st_mtime_ns for p in paths}
    paths[1].unlink()
    seen: list[tuple[int, int]] = []
    assert archive_nights(stream_run, tmp_path / "tars", progress=lambda d, t: seen.append((d, t))) == paths
    after = {p: p.stat().st_mtime_ns for p in paths}
    assert [p for p in paths if before[p] != after[p]] == [paths[1]]
    assert seen[-1][0] == seen[-1][1]
    assert not list((tmp_path / "tars").glob(".*"))


def test_bad_archives_are_named(tmp_path: Path, monkeypatch) -> None:
    bad = tmp_path / "bad.tar"
    bad.write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(InputError, match="expected a whole tar of alerts"):
        list(read_archive(bad))
    with pytest.raises(InputError, match="expected a whole tar of alerts"):
        list(read_archive(tmp_path / "none.tar"))
    good = tmp_path / "good.tar"
    with tarfile.open(good, "w") as tar:
        tar.addfile(tarfile.TarInfo("folder/"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        about = tarfile.TarInfo("../a.avro")
        about.size = 2000
        tar.addfile(about, io.BytesIO(b"x" * 2000))
    assert [(n, len(raw)) for n, raw in read_archive(good) if len(raw)] == [("../a.avro", 2000)]
    cut = tmp_path / "cut.tar"
    cut.write_bytes(good.read_bytes()[:2500])
    with pytest.raises(InputError, match="expected"):
        list(read_archive(cut))
    monkeypatch.setattr("streamer.archives.MOST_PACKET", 1000)
    with pytest.raises(InputError, match="expected at most 1000 bytes, got 2000"):
        list(read_archive(good))
