import base64
import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from experiments import html_page, report


def record(**changes):
    return {
        "fake": {"source": "runs/a", "step": 20_000, "ema": True, "seed": 0, "count": 10_000},
        "real": {"source": "mnist", "count": 5_000, "split": "train"},
        "extractor": {"name": "inception", "weights": "9f86", "training": {"updates": 3}},
        "versions": {"jax": "0.6"},
        "figures": {"fid": {"value": 12.3, "error": None, "how": "all", "better": "lower"}},
    } | changes


def picture(caption="a caption"):
    image = np.random.default_rng(0).integers(256, size=(5, 7, 3)).astype(np.uint8)
    return html_page.Picture(image, caption)


def page(title="title", sections=None, findings=None, **changes):
    """The page as a tree: it is well-formed XML too."""
    return ElementTree.fromstring(report.page(title, record(**changes), sections or {}, findings))


def text(element):
    return "".join(element.itertext())


def headings(root):
    return [text(heading) for heading in root.iter("h2")]


def test_the_page_needs_nothing_but_itself():
    html = report.page("title", record(), {"Samples": [picture()]}, [])
    root = ElementTree.fromstring(html)
    assert {"script", "link", "iframe", "object"}.isdisjoint(e.tag for e in root.iter())
    assert [e.get("src")[:22] for e in root.iter() if e.get("src")] == ["data:image/png;base64,"]
    assert "url(" not in html
    assert "//" not in "".join(root.itertext())


def test_a_picture_is_there_bit_for_bit():
    image = next(page(sections={"Samples": [picture()]}).iter("img"))
    data = base64.b64decode(image.get("src").partition(",")[2])
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), picture().image)
    assert (image.get("width"), image.get("height"), image.get("alt")) == ("7", "5", "a caption")


def test_all_text_is_escaped():
    odd = '<b a="1">&\'</b>'
    root = page(
        odd,
        {odd: [picture(odd)]},
        [odd],
        fake={"source": odd, "count": 1, odd: odd},
        extractor={"name": odd, odd: {odd: [odd]}},
        figures={odd: {"value": 1.0, "error": None, "how": odd}},
    )
    assert not list(root.iter("b"))
    places = ["h1", "p", "th", "td", "h2", "figcaption", "li", "dt", "dd"]
    assert [tag for tag in places if not any(odd in text(e) for e in root.iter(tag))] == []
    assert next(root.iter("img")).get("alt") == odd


def test_the_protocol_is_one_sentence():
    assert text(next(page().iter("p"))) == (
        "10,000 samples of runs/a (step 20,000, ema, seed 0) against 5,000 examples of mnist "
        "(split train), as the extractor inception sees them."
    )


def test_the_extractors_warning_stands_above_the_metrics():
    assert not list(page().iter("ul"))
    root = page(extractor={"name": "classifier", "warning": "this classifier is weak"})
    body = text(next(root.iter("main")))
    assert body.index("this classifier is weak") < body.index("Metrics")


def test_nothing_of_the_record_is_hidden():
    root = page(more={"flag": False, "none": None, "list": [1, "b"], "deep": {"er": {"x": 0.25}}})
    names = [text(name) for name in root.iter("dt")]
    assert "figures" not in names
    values = dict(zip(names, map(text, root.iter("dd")), strict=True))
    assert values["weights"] == "9f86"
    assert values["updates"] == "3"
    assert [values[name] for name in ("flag", "none", "list", "x")] == [
        "no",
        "none",
        "1, b",
        "0.25",
    ]


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (12.34567, 0.1843, "12.35 ± 0.18"),
        (12_345.6, 321.0, "12,346 ± 321"),
        (-0.00123, 0.000456, "-0.00123 ± 0.00046"),
        (1.234e-7, 5.6e-9, "1.23e-07 ± 5.6e-09"),
        (0.873249, None, "0.8732"),
        (0.5, 0.0, "0.5"),
        (123_456.7, None, "123,457"),
        (1.0, float("nan"), "1"),
        (float("nan"), None, "undefined"),
        (None, None, "undefined"),
    ],
)
def test_a_figure_is_as_precise_as_its_error(value, error, shown):
    root = page(figures={"kid": {"value": value, "error": error, "how": "subsets"}})
    assert [text(cell) for cell in root.iter("td")] == [shown, "subsets"]


@pytest.mark.parametrize(
    ("better", "name"), [("lower", "a\xa0↓"), ("higher", "a\xa0↑"), (None, "a")]
)
def test_an_arrow_shows_which_way_is_better(better, name):
    root = page(figures={"a": {"value": 1.0, "error": None, "how": "", "better": better}})
    assert text(root.find(".//tbody//th")) == name


def test_findings_are_listed():
    assert [text(item) for item in page(findings=["one", "two"]).iter("li")] == ["one", "two"]


def test_a_diagnosis_without_findings_says_so():
    assert "Nothing was found." in text(page(findings=[]))


def test_without_a_log_there_is_no_diagnosis():
    assert headings(page()) == ["Metrics", "Protocol"]


def test_sections_stand_in_order_and_empty_ones_are_left_out():
    sections = {"Samples": [picture()], "Classes": [], "Curves": [picture(), picture()]}
    root = page(sections=sections)
    assert headings(root) == ["Metrics", "Samples", "Curves", "Protocol"]
    assert len(list(root.iter("figure"))) == 3
