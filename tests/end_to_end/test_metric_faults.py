"""The study of metrics on planted faults, on the embedded digits in a fraction of its size."""

import numpy as np
import pytest

from experiments import metric_faults
from experiments.metric_faults import FAULTS, FLOOR, in_order, sees
from gan_jax import data, extractors


@pytest.fixture(scope="module")
def digits():
    return data.digits("train"), data.digits("test")


@pytest.fixture(scope="module")
def studied(digits):
    train, test = digits
    kind = train.kinds["x"]
    x = np.asarray(kind.to_float(train.columns["x"])).reshape(len(train), -1)
    means = np.stack([x[train.columns["label"] == k].mean(axis=0) for k in range(10)])

    def extract(images):  # uint8, as `extract_features` gives them
        pixels = np.asarray(kind.to_float(images)).reshape(len(images), -1)
        distance = np.linalg.norm(pixels[:, None] - means, axis=-1)
        coarse = images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(len(images), -1)
        return extractors.Features(coarse / 255, -(distance**2))

    nearest_mean = extractors.Extractor(extract, {"name": "nearest mean"}, kind)
    return metric_faults.study(train, test, nearest_mean, 300, 2)


def test_every_fault_has_a_row_with_a_figure_a_seed(studied):
    figures, _ = studied
    assert list(figures) == [FLOOR, *(row for fault in FAULTS.values() for row in fault.rows)]
    assert {len(values) for row in figures.values() for values in row.values()} == {2}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("noise", "fid"),
        ("blur", "spectrum"),
        ("dropped classes", "reverse_kl"),
        ("few images", "coverage"),
        ("wrong labels", "accuracy"),
        ("copies", "memorised"),
    ],
)
def test_a_fault_is_seen_the_more_the_worse_it_is(studied, kind, name):
    fault = FAULTS[kind]
    assert sees(*studied, fault.rows[-1], name)
    assert in_order(*studied, fault, name)


@pytest.mark.parametrize("name", ["fid", "kid", "precision", "recall", "reverse_kl", "memorised"])
def test_metrics_that_read_no_labels_do_not_see_wrong_ones(studied, name):
    figures, _ = studied
    for row in FAULTS["wrong labels"].rows:
        assert figures[row][name] == figures[FLOOR][name]


def test_tables_mark_what_is_seen():
    figures = {FLOOR: {"fid": [1.0, 1.2]}}
    figures |= {row: {"fid": [1.0, 1.2]} for fault in FAULTS.values() for row in fault.rows}
    slight, bad = FAULTS["wrong labels"].rows
    figures[slight], figures[bad] = {"fid": [1.4, 1.4]}, {"fid": [2.0, 2.2]}
    text = metric_faults.markdown(figures, {"fid": "lower"}, "two draws")
    assert f"| {slight} | 1.4 ± 0 |" in text
    assert f"| {bad} | **2.1 ± 0.1** |" in text
    assert "| wrong labels | –✓ ↓ |" in text
    assert "| noise | ––– |" in text
