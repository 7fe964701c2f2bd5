"""Tables from CSV files and from arrays."""

import json

import numpy as np
import pytest

from gan_jax import data
from gan_jax.data import Column, Table
from gan_jax.kinds import write
from gan_jax.types import UserError

PEOPLE = """name,age,income,city,zip
x,37,10.5,Rome,10
y,50,-3.25,Oslo,20
x,8,1e3,,10
"""


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    return path


def test_columns_of_numbers_are_numbers_and_others_classes(people):
    table = data.csv_file(people, categorical=["zip"])
    kind = table.kinds["x"]
    assert (table.name, kind.columns) == ("people", ("name", "age", "income", "city", "zip"))
    assert table.columns["x"].dtype == np.float32
    np.testing.assert_array_equal(
        table.columns["x"], [[0, 37, 10.5, 2, 0], [1, 50, -3.25, 1, 1], [0, 8, 1000, 0, 0]]
    )
    assert [column.classes for column in kind.of] == [
        *(("x", "y"), (), (), ("", "Oslo", "Rome"), ("10", "20"))
    ]
    assert kind.of[0].shares == pytest.approx((2 / 3, 1 / 3))
    assert (kind.of[1].decimals, kind.of[2].decimals) == (0, 6)


def test_a_csv_is_loaded_by_its_name(people):
    loaded = data.load(str(people))
    assert loaded.kinds == data.csv_file(people).kinds
    with pytest.raises(UserError, match="no split 'test'"):
        data.load(str(people), split="test")


def test_rows_are_written_as_they_were_read(people, tmp_path):
    table = data.csv_file(people)
    noisy = table.columns["x"] + np.float32(1e-4)
    write.samples(tmp_path / "rows.csv", table.kinds["x"], noisy)
    rows = (tmp_path / "rows.csv").read_text().splitlines()
    assert rows[0] == "name,age,income,city,zip"
    assert rows[1] == "x,37,10.500100,Rome,10"
    assert rows[3] == "x,8,1000.000000,,10"


def test_classes_and_numbers_beyond_the_last_are_the_last():
    kind = Table(("c", "n"), of=(Column(classes=("a", "b")), Column(decimals=1, low=0, high=2)))
    made = kind.to_stored(np.array([[-1.0, -0.3], [0.6, 1.26], [5.0, 9.0]]))
    np.testing.assert_array_equal(made, np.float32([[0, 0], [1, 1.3], [1, 2]]))


def test_other_rows_of_a_table_are_read_with_its_classes(people, tmp_path):
    like = data.csv_file(people).kinds["x"]
    other = tmp_path / "other.csv"
    other.write_text("name,age,income,city,zip\ny,99,0,Rome,30\n")
    table = data.csv_file(other, like=like)
    np.testing.assert_array_equal(table.columns["x"], [[1, 99, 0, 2, 30]])
    assert table.kinds["x"] is like
    for line, expected in (
        ("z,1,1,Rome,1", "name has a class 'z' that the table lacks"),
        ("x,one,1,Rome,1", "age has cells that are no finite numbers"),
    ):
        other.write_text(f"name,age,income,city,zip\n{line}\n")
        with pytest.raises(UserError, match=expected):
            data.csv_file(other, like=like)
    other.write_text("age\n1\n")
    with pytest.raises(UserError, match="has not the columns name, age"):
        data.csv_file(other, like=like)


def test_a_record_of_a_table_brings_it_back(people):
    kind = data.csv_file(people).kinds["x"]
    assert data.from_record(json.loads(json.dumps(data.to_record(kind)))) == kind


def test_arrays_become_tables_with_their_labels():
    table = data.as_table(data.iris("all"))
    kind = table.kinds["x"]
    assert kind.columns[-1] == "label"
    assert kind.of[-1].classes == ("setosa", "versicolor", "virginica")
    assert table.columns["x"].shape == (150, 5)


FAULTS = {
    "no rows": ("a,b\n", "no rows"),
    "one name twice": ("a,a\n1,2\n", "two columns are called 'a'"),
    "a short row": ("a,b\n1,2\n3\n", "row 3 has 1 cells, not 2"),
    "a missing number": ("a,b\n1,2\n,3\n", "a lacks 1 of its 2 numbers"),
    "an infinite number": ("a\n1\ninf\n", "not finite"),
    "an identifier": ("a\n1\n123456789\n", "are they not classes"),
    "a text among numbers": (
        "a\n" + "".join(f"{i}\n" for i in range(30)) + "n/a\n",
        "a: 1 of 31 cells are no numbers, such as 'n/a'",
    ),
    "free text": ("a\n" + "".join(f"word {i}\n" for i in range(1_500)), "1,500 different texts"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_table_is_refused_in_one_line(fault, tmp_path):
    text, expected = FAULTS[fault]
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=expected) as refused:
        data.csv_file(path)
    assert "\n" not in str(refused.value)


def test_a_file_or_a_column_that_is_not_there_is_named(people, tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        data.csv_file(tmp_path / "none.csv")
    with pytest.raises(UserError, match="no column 'town'; there are: name, age"):
        data.csv_file(people, categorical=["town"])
