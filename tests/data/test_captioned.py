"""Scenes with captions, and their reading back."""

import numpy as np
import pytest

from gan_jax import data, metrics
from gan_jax.types import UserError


def told(dataset):
    return [data.things_of(data.WORDS.text(row)) for row in dataset.columns["caption"]]


@pytest.mark.parametrize("split", ["train", "unseen"])
def test_what_a_caption_says_is_read_back_from_its_image(split):
    scenes = data.captioned(100, split=split)
    assert {len(things) for things, _ in told(scenes)} == {1, 2}
    right = [
        metrics.attributes_right(data.read_scene(image), things, data.RELATIONS.get(way, (0, 0)))
        for image, (things, way) in zip(scenes.columns["x"], told(scenes), strict=True)
    ]
    assert np.mean(np.concatenate(right)) > 0.995  # a circle of few pixels may fill its box


def test_training_lacks_the_combinations_that_every_unseen_scene_has():
    for split, has in {"train": False, "test": False, "unseen": True}.items():
        things = [set(things) for things, _ in told(data.captioned(300, split=split))]
        assert {bool(some & set(data.HELD_OUT)) for some in things} == {has}
    with pytest.raises(UserError, match="'validation'"):
        data.captioned(2, split="validation")


def test_captions_are_written_and_read():
    things, relation = (("red", "circle"), ("blue", "square")), "left of"
    text = data.caption_of(things, relation)
    assert text == "a red circle left of a blue square"
    tokens = data.WORDS.tokens(text, data.CAPTION_LENGTH)
    assert data.things_of(data.WORDS.text(tokens)) == (things, relation)
    assert data.WORDS.tokens("a red circle", 8).tolist()[3:] == [0] * 5
    with pytest.raises(UserError, match="'purple' is not in the vocabulary"):
        data.WORDS.tokens("a purple circle", 8)
    with pytest.raises(UserError, match="8 tokens, not 4"):
        data.WORDS.tokens(text, 4)
    with pytest.raises(UserError, match="is no caption"):
        data.things_of("a circle red")


def test_texts_by_words_leave_out_what_is_unknown():
    tokens, kind = data.worded(["A red car", "green red grass"], ("green", "red"), 3)
    assert [kind.text(row).split() for row in tokens] == [["red"], ["green", "red"]]
    assert np.asarray(tokens).tolist() == [[2, 0, 0], [1, 2, 0]]
