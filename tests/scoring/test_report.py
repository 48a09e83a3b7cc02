"""The report: one file, nothing from outside, nothing executed, alive in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.errors import InputError
from brokerbench.store import Folder, read_table, write_table
from brokerbench.tables import LightCurves, Objects
from scoring.report.build import render, write_report
from scoring.report.examples import cell_members, examples
from scoring.report.payload import payload
from scoring.score import score
from scoring.spec import Scoring
from tests.conftest import missing
from tests.scoring.runs import Answering, Survey, answer, guessing, write_run

CLASSES = (2222, 2224, 2323, 2332)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1280,1000",
)  # fmt: skip


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A run with light curves, two classifiers and scores; one name would be markup if it could."""
    run = write_run(tmp_path_factory.mktemp("report") / "run", Survey(objects=150, parts=2))
    answer(run, Answering("good", CLASSES, guessing(CLASSES, 2.0), answered=0.95))
    answer(run, Answering("poor", (*CLASSES, 200), guessing((*CLASSES, 200), 0.5), delay_s=20.0))
    file = run.path / "answers" / "poor" / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["classifier"]["name"] = "</script><script>window.broken=1</script><b>poor"
    file.write_text(json.dumps(manifest))
    score(run, spec=Scoring(resamples=200, metrics="all"))
    return run


@pytest.fixture(scope="module")
def page(scored: Folder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of `scored`."""
    return write_report(scored, tmp_path_factory.mktemp("page") / "report.html")


def test_the_page_is_one_file_that_loads_nothing(page: Path) -> None:
    text = page.read_text()
    assert page.stat().st_size < 15e6
    outside = re.sub(r"<script>.*?</script>", "", text, flags=re.S)
    outside = re.sub(r'<script type="application/json".*?</script>', "", outside, flags=re.S)
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!#|data:)""", outside)
    assert not re.findall(r"url\(|@import", outside)
    assert "default-src 'none'" in outside
    assert "{{" not in outside


def test_a_name_in_a_submission_is_text_and_never_markup(page: Path, scored: Folder) -> None:
    text = page.read_text()
    assert "window.broken=1</script>" not in text
    assert "\\u003c/script>" in text
    shown = payload(Folder(scored.path / "scores"))
    shown["run"]["name"] = "<script>x</script>{{plotly}}"
    shown["examples"] = []
    assert "<title>&lt;script&gt;x&lt;/script&gt;{{plotly}} " in render(shown)


def test_the_page_holds_every_score(scored: Folder) -> None:
    shown = payload(Folder(scored.path / "scores"))
    labels = [c["label"] for c in shown["classifiers"]]
    for name, about in shown["metrics"].items():
        for label in labels:
            every = {"last"} if about["history"] else {p["key"] for p in shown["points"]}
            assert set(shown["values"][name][label]) == every
            if about["per_class"]:
                assert set(shown["values"][name][label]["last"]) == {str(c) for c in CLASSES}


def test_examples_hold_each_class_and_no_answer_from_the_future(scored: Folder) -> None:
    shown = examples(scored, CLASSES)
    assert [e["class_id"] for e in shown] == sorted([*CLASSES, *CLASSES])
    for e in shown:
        assert e["mjd"] == sorted(e["mjd"])
        for said in e["said"].values():
            assert said["mjd"] == sorted(said["mjd"])
            assert set(said["mjd"]) <= set(e["mjd"])


def test_objects_of_cells_come_with_their_light_curves_as_far_as_there_is_room(scored: Folder) -> None:
    shown = payload(Folder(scored.path / "scores"))
    members = list(cell_members(shown["classifiers"], [p["key"] for p in shown["points"]]))
    first = [int(ids[0]) for c in shown["classifiers"] for ids in c["members"]["last"].values()]
    assert members[: len(first)] == first  # one of each cell of the last answers comes before all else
    every = examples(scored, CLASSES, members=members)
    assert {e["object_id"] for e in every} >= {str(i) for i in members}
    assert len(every) == len({e["object_id"] for e in every})
    alone = [e for e in every if not e["cell"]]
    assert alone == examples(scored, CLASSES)
    room = 3 * len(json.dumps(every[-1]))
    few = examples(scored, CLASSES, members=members, limit=len(json.dumps(alone)) + room)
    assert len(alone) < len(few) < len(every)
    assert few == every[: len(few)]
    assert len(json.dumps(few, separators=(",", ":"))) < len(json.dumps(alone)) + room
    # Ids of no object of the run are passed over.
    assert examples(scored, CLASSES, members=[1, 2, 3]) == alone


def test_a_long_light_curve_keeps_its_detections_and_is_thinned_elsewhere(
    scored: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scoring.report.examples.SHOWN_POINTS", 5)
    for e in examples(scored, CLASSES):  # detections alone in these runs
        assert len(e["mjd"]) == len(e["detected"]) == sum(e["detected"])
        assert e["mjd"] == sorted(e["mjd"])


def test_a_run_without_light_curves_has_no_examples(answered: Folder, tmp_path: Path) -> None:
    bare = write_run(tmp_path / "run", Survey(objects=20, parts=1))
    (bare.path / "light_curves").rename(bare.path / "elsewhere")
    assert examples(bare, CLASSES) == []


def test_light_curves_of_other_objects_are_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Survey(objects=20, parts=1))
    answer(run, Answering("a", CLASSES, guessing(CLASSES)))
    file = run.path / "truth" / "objects" / "00-00000.parquet"
    truth = read_table(file, Objects)
    curves = read_table(run.path / "light_curves" / "00-00000.parquet", LightCurves)
    fewer = LightCurves(
        **{**curves.as_dict(), "offsets": np.concatenate([curves.offsets[:-2], curves.offsets[-1:]])}
    )
    write_table(run.path / "light_curves" / "00-00000.parquet", fewer)
    with pytest.raises(InputError, match=f"expected {len(truth)} light curves, one an object, got 19"):
        examples(run, CLASSES)


def test_the_report_of_a_run_that_was_not_scored_is_an_error(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Survey(objects=5, parts=1))
    with pytest.raises(InputError, match="expected a folder, got nothing there"):
        write_report(run, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


@pytest.fixture(scope="module")
def browser(chromium: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Headless Chromium, driven over 127.0.0.1."""
    try:
        from selenium import webdriver
    except ImportError:
        missing("selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium[0]
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromium[1]))
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser: Any, page: Path) -> Any:
    """The browser with the page just opened."""
    browser.get(page.as_uri())
    return browser


def _matrix(browser: Any) -> list[str]:
    return browser.execute_script(
        "return [...document.querySelectorAll('#matrix td')].map(td => td.textContent)"
    )


@pytest.mark.browser
def test_the_page_opens_without_a_word_on_the_console(opened: Any) -> None:
    assert opened.execute_script("return document.documentElement.dataset.ready") == "true"
    assert opened.get_log("browser") == []
    assert opened.execute_script("return window.broken") is None
    plots = opened.execute_script("return document.querySelectorAll('.js-plotly-plot .main-svg').length")
    assert plots >= 3
    names = opened.execute_script(
        "return [...document.querySelectorAll('#board tbody th')].map(th => th.textContent)"
    )
    assert names[0] == "good 1"
    assert "<b>poor" in names[1]


@pytest.mark.browser
def test_a_page_of_core_metrics_and_a_scope_opens_and_keeps_scopes_apart(
    browser: Any, scored: Folder, tmp_path: Path
) -> None:
    spec = Scoring(resamples=100, scopes={"good": [2222]})
    folder = score(scored, spec=spec, out=tmp_path / "scores")
    path = write_report(scored, tmp_path / "report.html", scores=folder.path)
    browser.get(path.as_uri())
    assert browser.execute_script("return document.documentElement.dataset.ready") == "true"
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.getElementById('history').hidden")  # none were scored
    assert not browser.execute_script("return document.getElementById('calibration').hidden")
    rows = browser.execute_script(
        "return [...document.querySelectorAll('#board tbody tr')].map(tr => [tr.cells[0].textContent, "
        "tr.cells[1].textContent])"
    )
    assert [r[0] for r in rows] == ["1", "1"]  # each leads its own scope
    assert rows[1][1] == "good 1 [scope 2222]"
    browser.execute_script(
        "const s = document.getElementById('confusion-classifier'); s.value = 'good 1 [scope 2222]'; "
        "s.dispatchEvent(new Event('change'))"
    )
    true = browser.execute_script("return document.querySelectorAll('#matrix tbody tr').length")
    assert true == 2  # SN Ia and the rest
    assert browser.get_log("browser") == []


@pytest.mark.browser
def test_the_time_control_changes_the_matrix_and_the_board(opened: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    last = _matrix(opened)
    board = opened.find_element(By.ID, "board").text
    slider = opened.find_element(By.ID, "point")
    slider.send_keys(Keys.HOME)
    assert opened.find_element(By.ID, "point-label").text == "detection 1"
    first = _matrix(opened)
    assert first != last
    assert opened.find_element(By.ID, "board").text != board
    slider.send_keys(Keys.END)
    assert _matrix(opened) == last
    assert opened.get_log("browser") == []


@pytest.mark.browser
def test_the_matrix_shows_the_counts_that_were_scored(opened: Any, scored: Folder) -> None:
    opened.execute_script("document.querySelector('#norm input[value=count]').click()")
    cells = [int(c.replace(",", "")) for c in _matrix(opened)]
    shown = payload(Folder(scored.path / "scores"))
    assert sum(cells) == sum(n for _, _, n in shown["confusion"]["good 1"]["last"])
    by_truth = opened.execute_script(
        "document.querySelector('#norm input[value=truth]').click();"
        "return [...document.querySelectorAll('#matrix tbody tr')].map(r => [...r.querySelectorAll('td')]"
        ".map(td => parseFloat(td.textContent.replace('<', ''))))"
    )
    for row in by_truth:
        assert sum(row) == pytest.approx(1, abs=0.03)  # cells show two or three digits


@pytest.mark.browser
def test_a_cell_of_the_matrix_leads_to_its_objects(opened: Any, scored: Folder) -> None:
    opened.execute_script("document.querySelector('#matrix td.diagonal button').click()")
    text = opened.execute_script("return document.getElementById('members').textContent")
    shown = payload(Folder(scored.path / "scores"))
    good = next(c for c in shown["classifiers"] if c["label"] == "good 1")
    ids = good["members"]["last"]["2222,2222"]
    assert 0 < len(ids) <= 6
    assert all(i in text for i in ids)
    truth = {}
    for part in Folder(scored.path / "ledger").parts:
        table = scored.read("truth/objects", part, Objects)
        truth |= dict(zip(table.object_id.tolist(), table.class_id.tolist(), strict=True))
    assert all(truth[int(i)] == 2222 for i in ids)
    cards = "document.querySelectorAll('#members button.card')"
    assert opened.execute_script(f"return {cards}.length") == len(ids)
    assert opened.execute_script(f"return {cards}[0].querySelectorAll('circle').length") > 0
    for k, item in enumerate(ids):  # any of them opens, whether it stands for its class or not
        opened.execute_script(f"{cards}[{k}].click()")
        note = opened.execute_script("return document.getElementById('curve-note').textContent")
        assert note.startswith(f"Object {item}, true class Ia")
        assert "good 1's answers" in note
    assert opened.get_log("browser") == []


@pytest.mark.browser
@pytest.mark.parametrize(("width", "medium"), [(420, "screen"), (794, "print")])
def test_nothing_is_cut_off_on_a_narrow_screen_or_on_paper(
    browser: Any, page: Path, width: int, medium: str
) -> None:
    size = {"width": width, "height": 1123, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium})
    try:
        browser.get(page.as_uri())
        browser.execute_script("document.querySelector('#matrix td.diagonal button').click()")
        # Wide tables scroll by themselves on a screen; paper does not scroll.
        beyond = browser.execute_script(
            "return [...document.querySelectorAll('main table, main .plot, main .card')].filter(e => "
            "(arguments[0] === 'print' || !e.closest('.scroll')) && "
            "e.getBoundingClientRect().right > arguments[1] + 1).map(e => e.id || e.className)",
            medium,
            width,
        )
        assert beyond == []
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width + 1
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.browser
def test_every_control_is_reached_by_the_keyboard(opened: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    reached = set()
    for _ in range(90):
        opened.switch_to.active_element.send_keys(Keys.TAB)
        active = opened.switch_to.active_element
        reached.add(active.get_attribute("id") or active.get_attribute("name"))
    controls = opened.execute_script(
        "return [...document.querySelectorAll('select, input')].map(e => e.id || e.name)"
    )
    assert set(controls) <= reached


@pytest.mark.browser
def test_every_object_and_classifier_can_be_looked_at(opened: Any) -> None:
    opened.execute_script(
        """for (const o of document.querySelectorAll('#curve-object option'))
             for (const c of document.querySelectorAll('#curve-classifier option')) {
               document.getElementById('curve-object').value = o.value;
               document.getElementById('curve-classifier').value = c.value;
               document.getElementById('curve-object').dispatchEvent(new Event('change'));
             }
           for (const id of ['time-metric', 'class-metric', 'board-metric'])
             for (const o of document.querySelectorAll(`#${id} option`)) {
               document.getElementById(id).value = o.value;
               document.getElementById(id).dispatchEvent(new Event('change'));
             }"""
    )
    assert opened.get_log("browser") == []
    assert "alerts" in opened.execute_script("return document.getElementById('curve-note').textContent")
