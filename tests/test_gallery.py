import jax
import numpy as np
import pytest

from experiments import gallery
from gan_jax import evaluation, extractors
from gan_jax.data import Audio, Category, Image, Real, Tokens, Video
from gan_jax.evaluation import Sets
from gan_jax.game import Game

RANDOM = np.random.default_rng(0)
PLAYERS = {"scale": np.float32(1)}


def game(**more):
    """A game whose samples are its latents."""
    return Game(
        init=lambda key, batch: {},
        turns=(),
        inputs=lambda keys, batch: {},
        sample=lambda players, inputs: inputs["latent"] * players["scale"],
        **more,
    )


def is_picture(section):
    return all(
        picture.image.dtype == np.uint8 and picture.image.ndim == 3 and picture.caption
        for picture in section
    )


def sets(kind, x, extract=None, label=None):
    extractor = extractors.identity(kind)
    if extract is not None:
        extractor = extractor._replace(extract=extract)
    halves = (
        evaluation.extract_features([(x[part], label)], extractor, title="", count=len(x) // 2)
        for part in (slice(None, None, 2), slice(1, None, 2))
    )
    return Sets(*halves)


EXAMPLES = {
    "images": (Image(), RANDOM.integers(256, size=(120, 4, 4, 1), dtype=np.uint8)),
    "videos": (Video(), RANDOM.integers(256, size=(120, 3, 4, 4, 1), dtype=np.uint8)),
    "sounds": (Audio(8_000), RANDOM.integers(-9_000, 9_000, size=(120, 300, 1)).astype(np.int16)),
    "texts": (Tokens(tuple("abc")), RANDOM.integers(3, size=(120, 5)).astype(np.int32)),
    "classes": (Category(tuple("abc")), RANDOM.integers(3, size=120).astype(np.int32)),
    "points": (Real(), RANDOM.normal(size=(120, 2)).astype(np.float32)),
    "rows": (Real(tuple("abc")), RANDOM.normal(size=(120, 3)).astype(np.float32)),
}
SECTIONS = {
    "images": ["Samples", "Nearest real examples", "Features"],
    "videos": ["Samples", "Features"],
    "sounds": ["Samples", "Features"],
    "texts": ["Samples"],
    "classes": ["Samples"],
    "points": ["Samples"],
    "rows": ["Samples", "Features"],
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_samples_of_every_kind_are_shown_beside_the_data(name):
    sections = gallery.of_sets(sets(*EXAMPLES[name]), None)
    assert list(sections) == SECTIONS[name]
    assert all(map(is_picture, sections.values()))


def test_what_classes_are_read_is_shown():
    kind, x = EXAMPLES["images"]
    logits = 5 * np.eye(3, dtype=np.float32)[np.arange(60) % 3]
    read = lambda x: extractors.Features(logits, logits)
    sections = gallery.of_sets(sets(kind, x, read, label=np.arange(60) % 3), tuple("abc"))
    assert {"Samples by class", "Obedience"} <= set(sections)
    assert all(map(is_picture, sections.values()))


def test_a_log_is_drawn_where_there_is_one():
    history = [{"step": step, "generator/loss": 1.0 / step} for step in (1, 2, 3)]
    assert is_picture(gallery.of_history(history)["Curves"])
    assert gallery.of_history([]) == {}


def test_latents_are_led_to_one_another():
    inputs = {"latent": jax.random.normal(jax.random.key(0), (12, 2))}
    assert is_picture(gallery.of_latents(game(), Real(), PLAYERS, inputs)["Interpolation"])


@pytest.mark.parametrize(
    ("more", "inputs"),
    [
        ({}, {"source": np.zeros((4, 2), np.float32)}),
        ({"show": lambda players, batch, keys: {}}, {"latent": np.ones((4, 2), np.float32)}),
    ],
    ids=["no latents", "strips"],
)
def test_what_has_no_latents_of_its_own_has_no_interpolation(more, inputs):
    assert gallery.of_latents(game(**more), Real(), PLAYERS, inputs) == {}
