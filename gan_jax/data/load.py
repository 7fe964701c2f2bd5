"""One name for every source."""

import dataclasses
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from gan_jax.data import toy
from gan_jax.data.dataset import (
    RESIDENT_LIMIT,
    ArrayDataset,
    Dataset,
    Mapped,
    check_split,
    decoded_bytes,
    materialise,
    num_classes,
)
from gan_jax.data.embedded import digits, iris
from gan_jax.data.files import array_file, image_folder
from gan_jax.data.stacked import stacked
from gan_jax.data.tfds import tfds_dataset
from gan_jax.data.transforms import resize, set_channels
from gan_jax.types import UserError

_EMBEDDED: dict[str, Callable[[str], ArrayDataset]] = {"digits": digits, "iris": iris}
_TOYS: dict[str, Callable[..., ArrayDataset]] = {
    "ring": toy.ring,
    "grid": toy.grid,
    "two_moons": toy.two_moons,
    "swiss_roll": toy.swiss_roll,
}
_COUNTS = {**dict.fromkeys(_TOYS, 100_000), "stacked_mnist": 128_000}


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
    """

    name: str
    split: str = "train"
    test_split: str = ""
    resolution: int = 0
    channels: int = 0
    num_classes: int = 0

    def load(self, split: str) -> Dataset:
        """Opens one split, decoded at once where that takes little memory.

        Raises:
            UserError: if it cannot be had, or its classes are not `num_classes`.
        """
        dataset = load(
            self.name,
            split=split,
            resolution=self.resolution or None,
            channels=self.channels or None,
        )
        if decoded_bytes(dataset) <= RESIDENT_LIMIT:
            dataset = materialise(dataset)
        classes = num_classes(dataset)
        if self.num_classes and classes is not None and classes != self.num_classes:
            raise UserError(f"{self.name} has {classes} classes: set data.num_classes to {classes}")
        return dataset


def load(
    name: str,
    *,
    split: str = "train",
    resolution: int | None = None,
    channels: int | None = None,
    seed: int = 0,
    count: int | None = None,
    feature: str | None = None,
) -> ArrayDataset | Dataset:
    """Opens a data set by name.

    Args:
        name: In this order: `digits` or `iris`; a toy, `ring`, `grid`, `two_moons` or
            `swiss_roll`; `stacked_mnist`, which is `stacked` of TFDS's `mnist`; a path of a `.npy`
            or `.npz` file or a folder of images, which exists or starts with `/`, `.` or `~`; else
            a TFDS name.
        split: `train`, `test` or `all` of the embedded sets, TFDS's own (slices too), and `train`
            of all others.
        resolution: Crop images to their central square and resize them to this side.
        channels: Make images grey (1) or coloured (3).
        seed: Of the toys and stacks.
        count: How many points of a toy, by default 100,000, or stacks, by default 128,000.
        feature: Of TFDS, which feature becomes `x`; by default `image`.

    Returns:
        An `ArrayDataset`, or for TFDS and folders a data set that decodes as it is read.

    Raises:
        UserError: if the name, the split or an option does not suit the source.
    """
    built_in = (*_EMBEDDED, *_COUNTS)
    if count is not None and name not in _COUNTS:
        raise UserError(f"data.count is for {', '.join(_COUNTS)}, not for {name}; remove it")
    count = _COUNTS.get(name, 0) if count is None else count
    if feature is not None and (name in built_in or _is_path(name)):
        raise UserError(f"data.feature is for TFDS data sets, not for {name}; remove it")
    if name in _EMBEDDED:
        return _shape(_EMBEDDED[name](split), resolution, channels)
    if name in _TOYS:
        check_split(name, split, ("train",))
        return _shape(_TOYS[name](count, seed=seed), resolution, channels)
    if name == "stacked_mnist":
        mnist = materialise(tfds_dataset("mnist", split=split))
        return _shape(stacked(mnist, count, seed), resolution, channels)
    if _is_array_file(name):
        return _shape(array_file(name, split=split), resolution, channels)
    if _is_path(name):
        return image_folder(name, split=split, resolution=resolution, channels=channels)
    source = tfds_dataset(name, split=split, feature=feature, others=built_in)
    return _shape(source, resolution, channels)


def _is_array_file(name: str) -> bool:
    return name.lower().endswith((".npy", ".npz"))


def _is_path(name: str) -> bool:
    if _is_array_file(name):
        return True
    return name.startswith(("/", ".", "~", os.sep)) or Path(name).exists()


def _shape(source: Dataset, resolution: int | None, channels: int | None) -> Dataset:
    if resolution is None and channels is None:
        return source
    shape = source[0]["x"].shape
    if len(shape) != 3:
        raise UserError(
            f"{source.name} has no images (x is {list(shape)}); "
            "remove data.resolution and data.channels"
        )
    change = partial(_shape_images, resolution=resolution, channels=channels)
    if isinstance(source, ArrayDataset):
        columns = {**source.columns, "x": change(source.columns["x"])}
        return dataclasses.replace(source, columns=columns)
    return Mapped(source, lambda x: change(x[None])[0])


def _shape_images(images: np.ndarray, resolution: int | None, channels: int | None) -> np.ndarray:
    if channels is not None:
        images = set_channels(images, channels)
    if resolution is not None and images.shape[1:3] != (resolution, resolution):
        images = resize(images, resolution)
    return images
