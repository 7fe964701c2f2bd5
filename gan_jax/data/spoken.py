"""Spoken digits: audio that needs no download of TensorFlow, split as its authors have it."""

import re

from gan_jax.data.dataset import ArrayDataset, check_split, materialise
from gan_jax.data.tfds import TfdsDataset, tfds_dataset
from gan_jax.types import UserError

_TEST_TAKES = range(5)


def spoken_digit(split: str, length: int) -> ArrayDataset:
    """The Free Spoken Digit Dataset (Jackson et al.), 3,000 clips at 8 kHz, out of TFDS.

    Args:
        split: `test` is takes 0 to 4 of every speaker and digit, the official test set, told by the
            names of the files; `train` the other takes, `all` both.
        length: Samples of a clip; 75 % of the clips have at most 4,096, 99 % at most 8,192.

    Returns:
        `x`, int16 [N, length, 1]; `label`, int32 [N].

    Raises:
        UserError: if the split is unknown, or as `tfds_dataset` does.
    """
    check_split("spoken_digit", split, ("train", "test", "all"))
    dataset = tfds_dataset("spoken_digit", split="train", length=length)
    assert isinstance(dataset, TfdsDataset)  # audio is not held in memory
    clips = materialise(dataset)
    chosen = [i for i, take in enumerate(dataset.texts("audio/filename")) if _is_in(split, take)]
    columns = {name: column[chosen] for name, column in clips.columns.items()}
    return ArrayDataset("spoken_digit", split, columns, clips.kinds)


def _is_in(split: str, filename: str) -> bool:
    match = re.search(r"_(\d+)\.wav$", filename)  # digit_speaker_take.wav
    if match is None:
        raise UserError(f"spoken_digit: {filename!r} names no take; prepare the data set again")
    return split == "all" or (int(match[1]) in _TEST_TAKES) == (split == "test")
