import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from experiments import charts, sweep_report
from experiments.sweeps import Interval, Member, Outcome


def member(setting, seed=0, workdir=Path("none"), **overrides):
    return Member(setting, seed, "b", {**overrides, "seed": seed}, workdir)


def score(a, b=0.0):
    return Outcome({"a": a, "b": b})


FOUND = [
    (member("r1=0, loss=X", 0, r1=0, loss="X"), score(1.0)),
    (member("r1=0, loss=X", 1, r1=0, loss="X"), score(3.0)),
    (member("r1=5, loss=X", 0, r1=5, loss="X"), score(7.0, 1.0)),
    (member("r1=5, loss=X", 1, r1=5, loss="X"), Outcome(None, "why <not>")),
    (member("r1=5, loss=Y", 0, r1=5, loss="Y"), Outcome(None, "why <not>")),
]


def page(*arguments):
    """The page as a tree: it is well-formed XML too."""
    return ElementTree.fromstring(sweep_report.page("<title>", *arguments))


def text(element):
    return "".join(element.itertext())


def test_the_page_tells_all_and_needs_nothing_but_itself(tmp_path):
    picture = sweep_report.Picture(np.zeros((4, 4, 3), np.uint8), "r1=0, loss=X")
    root = page(FOUND, ["r1", "loss"], [picture])
    titles = [text(e) for e in root.iter("h2")]
    assert titles == ["Failures", "Main effects", "Parallel coordinates", "Samples"]
    rows = [[text(cell) for cell in row] for row in root.find(".//tbody")]
    assert rows == [
        ["r1=0, loss=X", "2 ± 13", "0 ± 0", "2, 0"],
        ["r1=5, loss=X", "7", "1", "2, 1"],
        ["r1=5, loss=Y", "-", "-", "1, 1"],
    ]
    assert next(text(e) for e in root.iter("li")) == "r1=5, loss=X, seed 1: why <not>"
    assert {"script", "link", "iframe"}.isdisjoint(e.tag for e in root.iter())
    assert [e.get("src")[:22] for e in root.iter() if e.get("src")] == ["data:image/png;base64,"]


def test_a_list_of_settings_has_a_dot_a_setting_and_one_where_all_failed_a_table():
    assert [text(e) for e in page(FOUND).iter("h2")][1:] == ["Settings", "Parallel coordinates"]
    assert [text(e) for e in page(FOUND[4:], ["r1"]).iter("h2")] == ["Failures"]


def test_an_effect_is_the_mean_over_all_members_of_a_value():
    found = sweep_report.effects(FOUND, "r1")
    assert list(found) == ["0", "5"]
    assert found["0"]["a"] == pytest.approx((2.0, 12.7062))  # 12.7 standard errors of 1
    assert found["5"] == {"a": Interval(7.0, None), "b": Interval(1.0, None)}
    assert sweep_report.effects(FOUND, "loss")["Y"] == {}


def test_many_numbers_are_put_into_quarters():
    found = [(member(str(r), r1=r), score(float(r))) for r in (*range(12, 0, -1),)]
    effects = sweep_report.effects(found, "r1")
    assert list(effects) == ["1 to 3", "4 to 6", "7 to 9", "10 to 12"]
    assert [effect["a"].mean for effect in effects.values()] == [2.0, 5.0, 8.0, 11.0]


@pytest.mark.parametrize(
    ("values", "apart", "places"),
    [
        ((0.1, 0.0, 10.0, 0.1), True, [0.5, 0.0, 1.0, 0.5]),  # few: even steps
        (("b", "a", 2), True, [1.0, 0.5, 0.0]),  # numbers first
        ((0.0, 1.0, None, 4.0), False, [0.0, 0.25, None, 1.0]),  # to scale
        ((1.0, 10.0, 100.0), False, [0.0, 0.5, 1.0]),  # a factor of thirty: logarithmic
        ((3.0, 3.0), False, [0.5, 0.5]),
    ],
)
def test_values_have_their_places_on_an_axis(values, apart, places):
    axis = sweep_report.axis_of("x", values, apart=apart)
    assert axis.places == [None if p is None else pytest.approx(p) for p in places]
    assert all(0 <= place <= 1 for place, _ in axis.ticks)


def test_the_axes_are_what_members_differ_in_and_the_figures():
    axes = sweep_report.coordinates(FOUND)
    assert [axis.name for axis in axes] == ["r1", "loss", "a", "b"]
    assert [axis.places for axis in axes[:3]] == [[0, 1, 1], [0, 0, 1], [0, 1, None]]


def test_a_line_of_parallel_coordinates_goes_as_far_as_it_has_places():
    axes = [charts.Axis("x", [0.0, 1.0], []), charts.Axis("y", [1.0, None], [])]
    svg = ElementTree.fromstring(charts.parallel(axes, ["one", "two"], [1.0, None]))
    one, two = svg.iter("path")
    points = lambda path: re.findall(r"(\d+),([\d.]+)", path.get("d"))
    (x0, bottom), (x1, top) = points(one)
    assert float(bottom) > float(top)
    assert int(x0) < int(x1)
    assert points(two) == [(x0, top)]
    assert one.get("stroke") == charts.colour(1.0) != two.get("stroke") == charts.colour(None)


def test_dots_stand_to_scale_with_their_intervals():
    marks = {"one": Interval(0.0, None), "two": Interval(5.0, 2.5), "three": None}
    svg = ElementTree.fromstring(charts.dots(marks, 0.0, 10.0))
    left, middle = (float(dot.get("cx")) for dot in svg.iter("circle"))
    (bar,) = (line for line in svg.iter("line") if line.get("class"))
    assert middle - left == pytest.approx(charts._PLOT / 2)
    ends = float(bar.get("x1")), float(bar.get("x2"))
    assert ends == pytest.approx((left + charts._PLOT / 4, left + 3 * charts._PLOT / 4))


def test_pictures_are_the_newest_of_the_first_seeds_and_small(tmp_path):
    for seed, step in ((0, 9), (0, 10), (1, 20)):
        folder = tmp_path / str(seed) / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (800, 400), (step, 0, 0)).save(folder / f"{step:08d}.png")
    found = [(member("s", seed, tmp_path / str(seed)), score(0.0)) for seed in (0, 1)]
    (picture,) = sweep_report.pictures_of([*found, (member("none"), score(0.0))])
    assert picture.caption == "s"
    assert picture.image.shape == (160, 320, 3)
    assert (picture.image == (10, 0, 0)).all()
