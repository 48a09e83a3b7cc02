"""The pages on brokers say what the code does."""

from __future__ import annotations

import re

from reference_brokers import BROKERS, FEATURES, check_broker, load_broker
from reference_brokers.features import BAND_WISE, COLOURS, CONTEXT, HISTORY, STRUCTURE
from tests.reference_brokers.batches import make_batch


def test_the_brokers_of_the_page_on_adding_one_work(root, tmp_path):
    codes = re.findall(r"```python\n(.*?)```", (root / "docs/add/broker.md").read_text(), re.DOTALL)
    brokers = [code for code in codes if "BROKER =" in code]
    assert len(brokers) == 2
    batch = make_batch(20, 1)[0]
    for i, code in enumerate(brokers):
        (tmp_path / f"page{i}.py").write_text(code)
        found = check_broker(load_broker(tmp_path / f"page{i}.py"), batch)
        assert [f for f in found if not f.kept] == []


def test_the_page_names_every_broker_and_counts_the_features(root):
    page = (root / "docs/brokers.md").read_text()
    for name in BROKERS:
        assert f"| `{name}` |" in page
    assert f"gives f4[n, {len(FEATURES)}]" in page
    assert f"history ({len(HISTORY)})" in page
    assert f"({len(BAND_WISE)} each)" in page
    assert f"structure ({len(STRUCTURE)})" in page
    assert f"colours ({len(COLOURS)})" in page
    assert f"context ({len(CONTEXT)})" in page
