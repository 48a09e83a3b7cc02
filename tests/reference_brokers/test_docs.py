"""The pages on brokers say what the code does."""

from __future__ import annotations

import re

import numpy as np

from reference_brokers import BROKERS, FEATURES, load_broker
from reference_brokers.features import BAND_WISE, COLOURS, CONTEXT, HISTORY
from tests.reference_brokers.batches import make_batch


def test_the_broker_of_the_page_on_adding_one_works(root, tmp_path):
    code = re.search(r"```python\n(.*?)```", (root / "docs/add/broker.md").read_text(), re.DOTALL)
    (tmp_path / "brightness.py").write_text(code[1])
    broker = load_broker(tmp_path / "brightness.py")
    answer = broker.classify(make_batch(20, 1)[0])
    np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-6)


def test_the_page_names_every_broker_and_counts_the_features(root):
    page = (root / "docs/brokers.md").read_text()
    for name in BROKERS:
        assert f"| `{name}` |" in page
    assert f"gives f4[n, {len(FEATURES)}]" in page
    assert f"history ({len(HISTORY)})" in page
    assert f"({len(BAND_WISE)} each)" in page
    assert f"colours ({len(COLOURS)})" in page
    assert f"context ({len(CONTEXT)})" in page
