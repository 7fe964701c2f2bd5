"""One name for every source."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gan_jax.data import toy
from gan_jax.data.array_files import array_file, is_there
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
from gan_jax.data.films import Drawn, moving_images, moving_shapes
from gan_jax.data.image_folders import image_folder
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


class _Wanted(NamedTuple):
    """How a built-in data set is asked for; 0 of `length` is its usual one."""

    split: str
    seed: int
    examples: int
    length: int
    resolution: int | None
    channels: int | None


class _BuiltIn(NamedTuple):
    """A data set that has a name here.

    Attributes:
        open: Opens it.
        examples: How many are drawn by default; 0 for what is not drawn.
        has_length: Whether one may ask for a length.
        is_shaped: Whether its images come as large and with as many channels as it can have them.
    """

    open: Callable[[_Wanted], Dataset]
    examples: int = 0
    has_length: bool = False
    is_shaped: bool = False


def _embedded(dataset: Callable[[str], Dataset]) -> _BuiltIn:
    return _BuiltIn(lambda wanted: dataset(wanted.split))


def _toy(dataset: Callable[..., ArrayDataset]) -> _BuiltIn:
    def open_(wanted: _Wanted) -> Dataset:
        check_split(dataset.__name__, wanted.split, ("train",))
        return dataset(wanted.examples, seed=wanted.seed)

    return _BuiltIn(open_, examples=100_000)


def _moving(name: str, examples: int) -> _BuiltIn:
    def open_(wanted: _Wanted) -> Dataset:
        images = materialise(load(name, split=wanted.split, channels=wanted.channels))
        side, frames = wanted.resolution or 64, wanted.length or 20
        return moving_images(images, wanted.examples, seed=wanted.seed, side=side, frames=frames)

    return _BuiltIn(open_, examples, has_length=True, is_shaped=True)


def _moving_shapes(wanted: _Wanted) -> Dataset:
    films = moving_shapes(
        wanted.examples,
        seed=wanted.seed,
        side=wanted.resolution or 32,
        frames=wanted.length or 16,
        split=wanted.split,
    )
    return films if wanted.channels == 3 else _shape(films, None, wanted.channels)


def _shapes(wanted: _Wanted) -> Dataset:
    side = wanted.resolution or 64
    return shapes(wanted.examples, seed=wanted.seed, side=side, split=wanted.split)


def _oracle(wanted: _Wanted) -> Dataset:
    length = wanted.length or 20
    return oracle(wanted.examples, seed=wanted.seed, split=wanted.split, length=length)


def _stacked_mnist(wanted: _Wanted) -> Dataset:
    if wanted.channels not in (None, 3):
        raise UserError(f"a stack has 3 channels, not {wanted.channels}: set data.channels to 3")
    images = materialise(_shape(tfds_dataset("mnist", split=wanted.split), wanted.resolution, None))
    return stacked(images, wanted.examples, wanted.seed)


_BUILT_IN: Mapping[str, _BuiltIn] = {
    "digits": _embedded(digits),
    "iris": _embedded(iris),
    "ring": _toy(toy.ring),
    "grid": _toy(toy.grid),
    "two_moons": _toy(toy.two_moons),
    "swiss_roll": _toy(toy.swiss_roll),
    "shapes": _BuiltIn(_shapes, examples=4_000, is_shaped=True),
    "moving_shapes": _BuiltIn(_moving_shapes, examples=4_000, has_length=True, is_shaped=True),
    "moving_digits": _moving("digits", examples=4_000),
    "moving_mnist": _moving("mnist", examples=10_000),
    "moving_fashion_mnist": _moving("fashion_mnist", examples=10_000),
    "oracle": _BuiltIn(_oracle, examples=10_000, has_length=True),
    "stacked_mnist": _BuiltIn(_stacked_mnist, examples=128_000, is_shaped=True),
    "spoken_digit": _BuiltIn(
        lambda wanted: spoken_digit(wanted.split, wanted.length), has_length=True
    ),
}
_FILES = (".npy", ".npz", ".csv", ".txt")
_SIDES = ({"x": "B", "source": "A"}, {"x": "A", "source": "B"})  # of a folder of pairs


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
    built_in, features = _BUILT_IN.get(name), dict(features or {})
    is_path = built_in is None and _is_path(name)
    suffix = _suffix(name) if is_path else ""
    is_array_file, is_tfds = suffix in (".npy", ".npz"), built_in is None and not is_path
    of_pairs = is_path and not suffix and features in _SIDES
    if count is not None and not (built_in and built_in.examples):
        drawn = ", ".join(other for other, source in _BUILT_IN.items() if source.examples)
        raise UserError(f"data.count is for {drawn}, not for {name}; remove it")
    if features and not (is_tfds or of_pairs):
        raise UserError(f"data.features is for TFDS data sets, not for {name}; remove it")
    if length and not (is_tfds or suffix == ".txt" or (built_in and built_in.has_length)):
        raise UserError(f"data.length is for audio, text and films, not for {name}; remove it")
    if kinds and not (is_tfds or is_array_file):
        raise UserError(f"data.kinds is for TFDS and array files, not for {name}; remove it")
    dataset: Dataset
    if built_in:
        count = built_in.examples if count is None else count
        dataset = built_in.open(_Wanted(split, seed, count, length, resolution, channels))
        if built_in.is_shaped:
            return dataset
    elif is_array_file:
        dataset = array_file(name, split=split, kinds=kinds)
    elif suffix == ".csv":
        check_split(name, split, ["train"])
        dataset = csv_file(name)
    elif suffix == ".txt":
        dataset = sentences(name, split=split, length=length)
    elif of_pairs:
        reverse = features == _SIDES[1]
        return image_pairs(
            name, split=split, resolution=resolution, channels=channels, reverse=reverse
        )
    elif is_path:
        return image_folder(name, split=split, resolution=resolution, channels=channels)
    else:
        dataset = tfds_dataset(
            name,
            split=split,
            features=features,
            length=length,
            kinds=kinds,
            others=tuple(_BUILT_IN),
        )
    return _shape(dataset, resolution, channels)


def _is_path(name: str) -> bool:
    started = name.startswith(("/", ".", "~", os.sep))
    return bool(_suffix(name)) or started or is_there(Path(name))


def _suffix(name: str) -> str:
    """That of a file which is read as such, or ""; a slash behind it makes a folder."""
    return next((suffix for suffix in _FILES if name.lower().endswith(suffix)), "")


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
    "stacked_mnist": Source("stacked_mnist", test_split="test", resolution=28, channels=3),
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
