"""One name for every source."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.data import toy
from gan_jax.data.dataset import (
    RESIDENT_LIMIT,
    ArrayDataset,
    Dataset,
    check_split,
    decoded_bytes,
    materialise,
    num_classes,
)
from gan_jax.data.embedded import digits, iris
from gan_jax.data.files import array_file, image_folder, is_there
from gan_jax.data.films import Drawn, moving_images, moving_shapes
from gan_jax.data.kinds import Category, Image, Kind, Tokens, Video
from gan_jax.data.oracles import oracle
from gan_jax.data.pairs import image_pairs
from gan_jax.data.scenes import shapes
from gan_jax.data.spoken import spoken_digit
from gan_jax.data.stacked import stacked
from gan_jax.data.tables import csv_file
from gan_jax.data.text import sentences
from gan_jax.data.tfds import tfds_dataset
from gan_jax.data.transforms import resize, resize_labels, set_channels
from gan_jax.data.views import transformed
from gan_jax.types import UserError

_EMBEDDED: dict[str, Callable[[str], ArrayDataset]] = {"digits": digits, "iris": iris}
_TOYS: dict[str, Callable[..., ArrayDataset]] = {
    "ring": toy.ring,
    "grid": toy.grid,
    "two_moons": toy.two_moons,
    "swiss_roll": toy.swiss_roll,
}
_MOVING = {
    "moving_digits": "digits",
    "moving_mnist": "mnist",
    "moving_fashion_mnist": "fashion_mnist",
}
_FILMS = (*_MOVING, "moving_shapes")
_COUNTS = {
    **dict.fromkeys(_TOYS, 100_000),
    **dict.fromkeys(_MOVING, 10_000),
    "moving_digits": 4_000,
    "moving_shapes": 4_000,
    "stacked_mnist": 128_000,
    "shapes": 4_000,
    "oracle": 10_000,
}
_SIDES = ({"x": "B", "source": "A"}, {"x": "A", "source": "B"})  # of a folder of pairs
_BUILT_IN = (*_EMBEDDED, *_COUNTS, "spoken_digit")


@dataclasses.dataclass(frozen=True)
class Source:
    """The plain settings of a run's data.

    Attributes:
        name: As `load` takes it.
        split: To train on.
        test_split: To evaluate on; "" where there is none.
        resolution: To which images are resized; 0 leaves them, and is for what is no image.
        channels: 1 or 3; 0 leaves them.
        num_classes: Of the labels that nets are conditioned on or evaluation reads; 0 for none.
        features: Of TFDS, which feature becomes each column, `load`'s choice where empty; of a
            folder of pairs, which side, A or B, becomes `x` and which `source`.
        length: Audio samples, tokens or drawn frames of an example; 0 for what is none of these.
        count: Of points, stacks, scenes, sequences or films that are drawn, of each split; 0 for
            the usual number.
        vocabulary: How many tokens there are, for nets that are made for so many; 0 for any.
        kinds: Of columns whose kind their values do not tell, by name or as records.
    """

    name: str
    split: str = "train"
    test_split: str = ""
    resolution: int = 0
    channels: int = 0
    num_classes: int = 0
    features: Mapping[str, str] = dataclasses.field(default_factory=dict)
    length: int = 0
    count: int = 0
    vocabulary: int = 0
    kinds: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise UserError(f"data.count is {self.count}: it is a number of examples, or 0")

    def load(self, split: str) -> Dataset:
        """Opens one split, decoded at once where that takes little memory, unless it is drawn.

        Raises:
            UserError: if it cannot be had, or its classes are not `num_classes`.
        """
        dataset = load(
            self.name,
            split=split,
            resolution=self.resolution or None,
            channels=self.channels or None,
            count=self.count or None,
            features=dict(self.features),
            length=self.length,
            kinds=dict(self.kinds),
        )
        if not isinstance(dataset, Drawn) and decoded_bytes(dataset) <= RESIDENT_LIMIT:
            dataset = materialise(dataset)
        classes = num_classes(dataset)
        if self.num_classes and classes is not None and classes != self.num_classes:
            raise UserError(f"{self.name} has {classes} classes: set data.num_classes to {classes}")
        for kind in dataset.kinds.values():
            if isinstance(kind, Tokens) and self.vocabulary not in (0, len(kind.vocabulary)):
                size = len(kind.vocabulary)
                raise UserError(f"{self.name} has {size} tokens: set data.vocabulary to {size}")
        return dataset


def load(
    name: str,
    *,
    split: str = "train",
    resolution: int | None = None,
    channels: int | None = None,
    seed: int = 0,
    count: int | None = None,
    features: Mapping[str, str] | None = None,
    length: int = 0,
    kinds: Mapping[str, Any] | None = None,
) -> Dataset:
    """Opens a data set by name.

    Args:
        name: In this order: `digits` or `iris`; a toy, `ring`, `grid`, `two_moons` or
            `swiss_roll`; `shapes`; `moving_shapes`; `moving_digits`, `moving_mnist` or
            `moving_fashion_mnist`, which are `moving_images` of the images of that name; `oracle`;
            `stacked_mnist`, which is `stacked` of TFDS's `mnist`; `spoken_digit`; a path of a
            `.npy`, `.npz`, `.csv` or `.txt` file or a folder of images, which exists or starts with
            `/`, `.` or `~`; else a TFDS name.
        split: `train`, `test` or `all` of the embedded sets, `spoken_digit` and `.txt` files,
            `train` or `test` of `shapes`, `moving_shapes` and `oracle`, TFDS's own (slices too), a
            folder's own, of what moves the images' own, and `train` of all others.
        resolution: Crop images and label maps to their central square and resize them to this side.
        channels: Make images grey (1) or coloured (3).
        seed: Of the toys, stacks, scenes and films.
        count: How many points of a toy, by default 100,000, stacks, by default 128,000, scenes of
            `shapes`, by default 4,000, sequences of `oracle`, by default 10,000, or films, by
            default 10,000 of MNIST's and 4,000 of others.
        features: Of TFDS, which feature becomes each column; see `tfds_dataset`. Of a folder
            `{"x": "B", "source": "A"}` or the other way, for pairs; see `image_pairs`.
        length: Samples of a clip of audio, tokens of a piece of text, or frames of a film.
        kinds: Of columns of TFDS and of array files whose kind is not told by them.

    Returns:
        An `ArrayDataset`, or for TFDS and folders a data set that decodes as it is read.

    Raises:
        UserError: if the name, the split or an option does not suit the source.
    """
    is_array_file = name.lower().endswith((".npy", ".npz"))
    is_tfds = name not in _BUILT_IN and not _is_path(name)
    if count is not None and name not in _COUNTS:
        raise UserError(f"data.count is for {', '.join(_COUNTS)}, not for {name}; remove it")
    is_csv = name.lower().endswith(".csv")
    is_text = name.lower().endswith(".txt")
    is_folder = _is_path(name) and not (is_array_file or is_csv or is_text)
    of_pairs = is_folder and dict(features or {}) in _SIDES
    if features and not is_tfds and not of_pairs:
        raise UserError(f"data.features is for TFDS data sets, not for {name}; remove it")
    if length and not (is_tfds or is_text or name in (*_FILMS, "spoken_digit", "oracle")):
        raise UserError(f"data.length is for audio, text and films, not for {name}; remove it")
    if kinds and not (is_tfds or (is_array_file and name not in _BUILT_IN)):
        raise UserError(f"data.kinds is for TFDS and array files, not for {name}; remove it")
    count = _COUNTS.get(name, 0) if count is None else count
    dataset: Dataset
    if name in _EMBEDDED:
        dataset = _EMBEDDED[name](split)
    elif name in _TOYS:
        check_split(name, split, ("train",))
        dataset = _TOYS[name](count, seed=seed)
    elif name == "shapes":
        return shapes(count, seed=seed, side=resolution or 64, split=split)
    elif name == "moving_shapes":
        films = moving_shapes(
            count, seed=seed, side=resolution or 32, frames=length or 16, split=split
        )
        return films if channels == 3 else _shape(films, None, channels)
    elif name in _MOVING:
        images = materialise(load(_MOVING[name], split=split, channels=channels))
        return moving_images(images, count, seed=seed, side=resolution or 64, frames=length or 20)
    elif name == "oracle":
        dataset = oracle(count, seed=seed, split=split, length=length or 20)
    elif name == "stacked_mnist":
        dataset = stacked(materialise(tfds_dataset("mnist", split=split)), count, seed)
    elif name == "spoken_digit":
        dataset = spoken_digit(split, length)
    elif is_array_file:
        dataset = array_file(name, split=split, kinds=kinds)
    elif is_csv:
        check_split(name, split, ["train"])
        dataset = csv_file(name)
    elif is_text:
        dataset = sentences(name, split=split, length=length)
    elif of_pairs:
        reverse = dict(features or {}) == _SIDES[1]
        return image_pairs(
            name, split=split, resolution=resolution, channels=channels, reverse=reverse
        )
    elif not is_tfds:
        return image_folder(name, split=split, resolution=resolution, channels=channels)
    else:
        dataset = tfds_dataset(
            name, split=split, features=features, length=length, kinds=kinds, others=_BUILT_IN
        )
    return _shape(dataset, resolution, channels)


def _is_path(name: str) -> bool:
    if name.lower().endswith((".npy", ".npz", ".txt")):
        return True
    return name.startswith(("/", ".", "~", os.sep)) or is_there(Path(name))


def _shape(source: Dataset, resolution: int | None, channels: int | None) -> Dataset:
    """Images and label maps of one size, images of so many channels."""
    if resolution is None and channels is None:
        return source
    example = source[0]
    pictures = {
        column: kind
        for column, kind in source.kinds.items()
        if isinstance(kind, Image | Video)
        or (isinstance(kind, Category) and example[column].ndim == 2)
    }
    if not pictures:
        shapes = ", ".join(f"{name} is {list(value.shape)}" for name, value in example.items())
        raise UserError(
            f"{source.name} has no images ({shapes}): take a recipe for such data, or "
            "set data.resolution and data.channels to 0"
        )
    changes = {
        column: partial(_shape_pictures, kind=kind, resolution=resolution, channels=channels)
        for column, kind in pictures.items()
    }
    if isinstance(source, ArrayDataset) and decoded_bytes(source) <= RESIDENT_LIMIT:
        changed = {column: change(source.columns[column]) for column, change in changes.items()}
        return dataclasses.replace(source, columns={**source.columns, **changed})
    for column, change in changes.items():
        source = transformed(source, column, partial(_one, change))
    return source


def _one(change: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    return change(x[None])[0]


def _shape_pictures(
    x: np.ndarray, *, kind: Kind, resolution: int | None, channels: int | None
) -> np.ndarray:
    """Images [N, H, W, C], videos [N, T, H, W, C] or label maps [N, H, W], shaped."""
    if isinstance(kind, Category):
        return x if resolution is None else resize_labels(x, resolution)
    frames = x.reshape(-1, *x.shape[2:]) if isinstance(kind, Video) else x
    if channels is not None:
        frames = set_channels(frames, channels)
    if resolution is not None and frames.shape[1:3] != (resolution, resolution):
        frames = resize(frames, resolution)
    return frames.reshape(*x.shape[:2], *frames.shape[1:]) if isinstance(kind, Video) else frames


CAMVID = (
    *("sky", "building", "pole", "road", "pavement", "tree"),
    *("sign", "fence", "car", "pedestrian", "bicyclist", "unlabelled"),
)

SOURCES: Mapping[str, Source] = {
    "digits": Source("digits", test_split="test", resolution=16, channels=1, num_classes=10),
    "mnist": Source("mnist", test_split="test", resolution=28, channels=1, num_classes=10),
    "fashion_mnist": Source(
        "fashion_mnist", test_split="test", resolution=28, channels=1, num_classes=10
    ),
    "cifar10": Source("cifar10", test_split="test", resolution=32, channels=3, num_classes=10),
    "shapes": Source("shapes", test_split="test", resolution=32),
    "moving_shapes": Source(
        "moving_shapes", test_split="test", resolution=32, channels=3, length=16
    ),
    "moving_mnist": Source("moving_mnist", test_split="test", resolution=32, channels=1, length=16),
    "ring": Source("ring"),
    "grid": Source("grid"),
    "oracle": Source("oracle", test_split="test", length=20, vocabulary=5_000),
    "lines": Source("", test_split="test", length=20),
    "spoken_digit": Source("spoken_digit", test_split="test", num_classes=10, length=4096),
    "tiny_shakespeare": Source("tiny_shakespeare", test_split="test", length=32, vocabulary=65),
    "edges2shoes_handbags": Source(
        "edges2shoes_handbags",
        test_split="validation",
        resolution=64,
        channels=3,
        num_classes=2,
        features={"x": "image", "source": "edges", "label": "label"},
    ),
    "flowers_128": Source(
        "flowers_128",
        split="train[:2600]",
        test_split="train[2600:]",
        resolution=64,
        channels=3,
        num_classes=5,
    ),
    "orl_faces": Source("orl_faces", test_split="test", resolution=64, channels=1),
    "camvid": Source(
        "camvid",
        test_split="test",
        resolution=64,
        channels=3,
        features={"x": "image", "source": "annotation"},
        kinds={"source": {"kind": "category", "classes": CAMVID}},
    ),
}
"""The data sets that recipes train on, by name; `lines` is a file of sentences of one's own."""
