"""Rows of a table as nets read and write them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import data, tabular
from gan_jax.data import Column, Table

KEY = jax.random.key(0)
COLUMNS = (
    Column(decimals=2, means=(0.0, 10.0), stds=(1.0, 0.5)),
    Column(classes=("a", "b", "c"), shares=(0.7, 0.2, 0.1)),
    Column(means=(5.0,), stds=(2.0,)),
    Column(classes=("no", "yes"), shares=(0.5, 0.5)),
)
ROWS = np.array([[0.5, 2, 7, 1], [9.0, 0, 1, 0], [-3.0, 1, 5, 1]], np.float32)


def table(random=None):
    random = random or np.random.default_rng(0)
    x = np.stack(
        [
            random.choice([-4.0, 0.0, 3.0], 4_000) + 0.05 * random.normal(size=4_000),
            random.choice(3, 4_000, p=[0.9, 0.09, 0.01]),
            random.choice(2, 4_000),
        ],
        axis=1,
    ).astype(np.float32)
    shares = lambda i, n: tuple(np.bincount(x[:, i].astype(int), minlength=n) / len(x))
    of = (
        Column(decimals=3),
        Column(classes=("often", "rare", "seldom"), shares=shares(1, 3)),
        Column(classes=("no", "yes"), shares=shares(2, 2)),
    )
    kind = Table(columns=("number", "word", "flag"), of=of)
    return data.ArrayDataset("table", "train", {"x": x}, {"x": kind})


def test_a_row_is_places_and_one_hot_vectors_side_by_side():
    encoded = np.asarray(tabular.encode(COLUMNS, ROWS))
    assert encoded.shape == (3, tabular.width(COLUMNS)) == (3, 10)
    first = [0.125, 1, 0, 0, 0, 1, 0.25, 1, 0, 1]
    np.testing.assert_allclose(encoded[0], first, atol=1e-6)
    np.testing.assert_allclose(encoded[1, :3], [-0.5, 0, 1], atol=1e-6)
    np.testing.assert_allclose(tabular.decode(COLUMNS, encoded), ROWS, atol=1e-5)


def test_a_mode_is_as_likely_as_it_is_heavy():
    column = Column(means=(0.0, 0.0), stds=(1.0, 0.5), weights=(0.99, 0.01))
    modes = tabular.encode([column], jnp.array([[0.0], [0.3]]))[:, 1:]
    np.testing.assert_array_equal(modes, [[1, 0], [1, 0]])


def test_numbers_beyond_four_deviations_are_brought_to_them():
    row = np.array([[100.0, 0, 5, 0]], np.float32)
    decoded = tabular.decode(COLUMNS, tabular.encode(COLUMNS, row))
    assert decoded[0, 0] == 4  # of the wider mode


def test_what_a_net_says_becomes_a_row_whose_classes_are_drawn_by_its_logits():
    raw = jnp.broadcast_to(3 * jax.random.normal(KEY, (1, 10)), (20_000, 10))
    noise = jax.random.uniform(KEY, raw.shape, minval=-1, maxval=1)
    rows = tabular.activate(COLUMNS, raw, noise)
    np.testing.assert_allclose(rows[:, 0], np.tanh(raw[:, 0]), atol=1e-6)
    for start, end in ((1, 3), (3, 6), (7, 8), (8, 10)):
        part = np.asarray(rows[:, start:end])
        np.testing.assert_allclose(part.sum(axis=1), 1, atol=1e-5)
        shares = np.bincount(part.argmax(axis=1), minlength=end - start) / len(part)
        wanted = jax.nn.softmax(raw[0, start:end])
        np.testing.assert_allclose(shares, wanted, atol=5 * 0.5 / np.sqrt(len(part)))
    assert np.isfinite(jax.grad(lambda raw: tabular.activate(COLUMNS, raw, noise)[0, 0])(raw)).all()


def test_noise_at_its_ends_gives_finite_rows():
    ends = jnp.stack([jnp.full(10, -1.0), jnp.full(10, 1.0)])
    assert np.isfinite(tabular.activate(COLUMNS, jnp.zeros((2, 10)), ends)).all()


def test_a_condition_is_missed_by_the_cross_entropy_of_its_column():
    raw = jax.random.normal(KEY, (2, 10))
    found = tabular.condition_error(COLUMNS, raw, jnp.array([1, 4]))
    assert found[0] == pytest.approx(float(-jax.nn.log_softmax(raw[0, 3:6])[1]), rel=1e-5)
    assert found[1] == pytest.approx(float(-jax.nn.log_softmax(raw[1, 8:])[1]), rel=1e-5)
    assert tabular.conditions(COLUMNS) == 5


def test_conditions_are_drawn_as_often_as_rows_have_them():
    draw = jax.vmap(lambda key: tabular.draw_condition(COLUMNS, key))
    drawn = np.bincount(draw(jax.random.split(KEY, 20_000)), minlength=5) / 20_000
    np.testing.assert_allclose(drawn, [0.35, 0.1, 0.05, 0.25, 0.25], atol=0.02)


def test_modes_of_a_mixture_are_found_and_always_the_same():
    kind = tabular.fit(table())
    number = kind.of[0]
    for mean in (-4, 0, 3):
        assert min(abs(np.array(number.means) - mean)) < 0.02
    assert len(number.means) == len(number.stds) <= 10
    assert kind.of[1:] == table().kinds["x"].of[1:]
    assert tabular.fit(table()) == kind
    x = table().columns["x"][:100]
    again = tabular.decode(kind.of, tabular.encode(kind.of, x))
    np.testing.assert_allclose(again, x, atol=2e-3)


def test_a_column_of_one_number_has_one_mode():
    x = np.full((50, 1), 7, np.float32)
    constant = data.ArrayDataset("t", "train", {"x": x}, {"x": Table(("x",), of=(Column(),))})
    (column,) = tabular.fit(constant).of
    encoded = tabular.encode([column], x)
    assert encoded.shape == (50, 2)
    np.testing.assert_allclose(tabular.decode([column], encoded), x, atol=1e-3)


def test_rows_drawn_by_conditions_have_them_and_rare_classes_are_met():
    given = table()
    drawn = tabular.by_conditions(given, times=5, seed=1)
    x, label = drawn.columns["x"], drawn.columns["label"]
    assert len(x) == 20_000
    assert drawn.kinds["label"].classes == (
        *("word=often", "word=rare", "word=seldom"),
        *("flag=no", "flag=yes"),
    )
    of_words = label < 3
    np.testing.assert_array_equal(x[of_words, 1], label[of_words])
    np.testing.assert_array_equal(x[~of_words, 2], label[~of_words] - 3)
    assert of_words.mean() == pytest.approx(0.5, abs=0.02)
    logs = np.log1p(np.bincount(given.columns["x"][:, 1].astype(int)))
    shares = np.bincount(label[of_words]) / of_words.sum()
    np.testing.assert_allclose(shares, logs / logs.sum(), atol=0.02)
    everything = {tuple(row) for row in given.columns["x"]}
    assert everything.issuperset(map(tuple, x[:500]))
    again = tabular.by_conditions(given, times=5, seed=1).columns["x"]
    np.testing.assert_array_equal(again, x)


def test_a_table_of_numbers_alone_has_no_conditions():
    numbers = data.as_table(data.materialise(data.load("grid", split="train")), labelled=False)
    assert tabular.by_conditions(numbers) is numbers
    assert tabular.conditions(numbers.kinds["x"].of) == 0


def test_tvae_draws_what_it_holds_for_likely():
    """Nats per row from draws, against the entropy of modes, places and classes."""
    raw = jnp.broadcast_to(jax.random.normal(KEY, (1, 10)), (20_000, 10))
    log_std = jnp.log(jnp.array([0.05, 0.1]))
    noise = jax.random.uniform(KEY, raw.shape, minval=-1, maxval=1)
    rows = tabular.draw(COLUMNS, raw, log_std, noise)
    places = (np.asarray(rows)[:, 2] - 5) / (4 * 2)
    assert places.mean() == pytest.approx(float(jnp.tanh(raw[0, 6])), abs=0.005)
    assert places.std() == pytest.approx(0.1, rel=0.05)
    shares = np.bincount(np.asarray(rows)[:, 1].astype(int), minlength=3) / len(rows)
    np.testing.assert_allclose(shares, jax.nn.softmax(raw[0, 3:6]), atol=0.02)

    one = jnp.array([[0.3, 1, 0, 0, 0, 1, -0.2, 1, 0, 1]])
    said = jnp.zeros((1, 10)).at[0, 6].set(0.5)
    normal = lambda x, mean, std: -float(jax.scipy.stats.norm.logpdf(x, mean, std))
    expected = normal(0.3, 0, 0.05) + normal(-0.2, np.tanh(0.5), 0.1) + np.log(2 * 3 * 2)
    found = tabular.nll(COLUMNS, said, log_std, one)
    assert float(found[0]) == pytest.approx(expected, rel=1e-5)


def test_the_likeliest_row_needs_no_noise():
    raw = jnp.array([[0.0, 1, 2, 3, 1, 0, 0.5, 0, 2, 1]])
    rows = tabular.draw(COLUMNS, raw, jnp.zeros(2))
    np.testing.assert_allclose(rows, [[10.0, 0, 5 + 8 * np.tanh(0.5), 0]], rtol=1e-5)


def test_moved_modes_of_a_grid_are_always_alike():
    table, other = (data.named_table("gridr", seed=seed).kinds["x"].mixture for seed in (0, 1))
    np.testing.assert_array_equal(table.centres, other.centres)
    apart = np.abs(table.centres - data.grid_mixture().centres)
    assert 0.5 < apart.max() <= 1
