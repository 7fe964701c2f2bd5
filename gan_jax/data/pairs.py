"""Pairs and domains of images: two data sets row by row, halves of one image, two folders."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from gan_jax.data.dataset import Dataset, Example, read_examples, where
from gan_jax.data.image_folders import ImageFolder, image_folder
from gan_jax.data.kinds import Kind
from gan_jax.data.transforms import resize
from gan_jax.data.views import Unpaired, changed, unpaired
from gan_jax.types import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class Paired:
    """Data sets whose i-th examples belong together; made by `paired`.

    Attributes:
        parts: The data sets by the column that each one's `x` becomes.
    """

    parts: Mapping[str, Dataset]

    @property
    def name(self) -> str:
        """The names of all, once each."""
        return "+".join(dict.fromkeys(part.name for part in self.parts.values()))

    @property
    def split(self) -> str:
        """The splits of all, once each."""
        return "+".join(dict.fromkeys(part.split for part in self.parts.values()))

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Of the columns: those of `x` by their names, of the others the images alone."""
        return _beside({name: part.kinds for name, part in self.parts.items()})

    def __len__(self) -> int:
        return len(self.parts["x"])

    def __getitem__(self, i: int) -> Example:
        return _beside({name: part[i] for name, part in self.parts.items()})

    def __getitems__(self, indices: Sequence[int]) -> list[Example]:
        rows = [read_examples(part, indices) for part in self.parts.values()]
        return [_beside(dict(zip(self.parts, row, strict=True))) for row in zip(*rows, strict=True)]


def paired(*, x: Dataset, **others: Dataset) -> Paired:
    """Data sets side by side: the i-th example of each is a column of one example.

    Args:
        x: Whose columns keep their names.
        **others: Whose `x` becomes the column of the argument's name, such as `source`; their
            other columns are dropped.

    Raises:
        UserError: if one is longer than another.
    """
    for name, other in others.items():
        if len(other) != len(x):
            raise UserError(
                f"{where(x)} has {len(x):,} examples and {where(other)}, its {name}, {len(other):,}"
            )
    return Paired({"x": x, **others})


def halves(dataset: Dataset, *, left: str = "source", right: str = "x") -> Dataset:
    """A view of images that show two side by side, each half a column.

    Args:
        dataset: Whose `x` is [H, 2 W, C].
        left: What the left half is called.
        right: What the right half is called.

    Raises:
        UserError: now or when an example is read, if the width is odd.
    """
    kind = dataset.kinds["x"]

    def split(example: Example) -> Example:
        x = example["x"]
        if x.shape[1] % 2:
            raise UserError(f"{where(dataset)}: {x.shape[1]} pixels of width have no middle")
        sides = dict(zip((left, right), np.split(x, 2, axis=1), strict=True))
        return {**{n: value for n, value in example.items() if n != "x"}, **sides}

    others = {name: k for name, k in dataset.kinds.items() if name != "x"}
    return changed(dataset, {**others, left: kind, right: kind}, split)


def image_pairs(
    path: str | Path,
    *,
    split: str = "train",
    resolution: int | None = None,
    channels: int | None = None,
    reverse: bool = False,
) -> Dataset:
    """Pairs of images of a folder, in either of pix2pix's layouts.

    - Folders `A` and `B` (or `trainA` and `trainB` for the split `train`), whose files of equal
      names, but for the suffix, are pairs; A is the source.
    - Else images of two halves, the left one the source.

    Args:
        path: The folder.
        split: As `image_folder` has it.
        resolution: Crop each image of a pair to its central square and resize it to this side.
        channels: 1 or 3.
        reverse: Whether the two change places.

    Returns:
        A data set of `x` and `source`, uint8 [H, W, channels].

    Raises:
        UserError: if a file has no counterpart, or for what `image_folder` and `halves` refuse.
    """
    root = Path(path).expanduser()
    names = ("x", "source") if reverse else ("source", "x")
    sides = _sides(root, split, resolution, channels)
    if sides is not None:
        stems = [[p.stem for p in side.paths] for side in sides]
        if lonely := sorted(set(stems[0]) ^ set(stems[1])):
            raise UserError(f"{root}: {lonely[0]} is in one of A and B alone")
        return paired(**dict(zip(names, map(_by_name, sides), strict=True)))
    try:
        whole = image_folder(root, split=split, channels=channels)
    except UserError as error:
        raise UserError(f"{error}; without folders A and B each image is a pair") from None
    both = halves(whole, left=names[0], right=names[1])
    if resolution is None:
        return both
    small = lambda row: {n: _resized(resolution, v) if n in names else v for n, v in row.items()}
    return changed(both, both.kinds, small)


def image_domains(
    path: str | Path,
    *,
    split: str = "train",
    resolution: int | None = None,
    channels: int | None = None,
) -> Unpaired:
    """Two domains of images that have nothing to do with each other, as CycleGAN's data lie.

    Args:
        path: A folder with `A` and `B`, or `trainA` and `trainB` for the split `train`.
        split: As `image_folder` has it.
        resolution: Crop each image to its central square and resize it to this side.
        channels: 1 or 3.

    Returns:
        Unpaired data of `a` and `b`.

    Raises:
        UserError: if there are no such folders, or for what `image_folder` refuses.
    """
    root = Path(path).expanduser()
    sides = _sides(root, split, resolution, channels)
    if sides is None:
        raise UserError(f"{root} has no folders A and B, nor {split}A and {split}B")
    return unpaired(a=sides[0], b=sides[1])


def _sides(
    root: Path, split: str, resolution: int | None, channels: int | None
) -> tuple[ImageFolder, ImageFolder] | None:
    """The two folders, or None where there are not."""
    for prefix, inner in ((split, "train"), ("", split)):
        folders = [root / f"{prefix}{side}" for side in "AB"]
        if all(folder.is_dir() for folder in folders):
            opened = partial(image_folder, split=inner, resolution=resolution, channels=channels)
            a, b = map(opened, folders)
            return a, b
    return None


def _by_name(folder: ImageFolder) -> ImageFolder:
    """The folder in the order of its files' names without their suffixes, and without classes."""
    paths = tuple(sorted(folder.paths, key=lambda path: path.stem))
    return dataclasses.replace(folder, paths=paths, labels=None, classes=None)


def _resized(resolution: int, image: np.ndarray) -> np.ndarray:
    return resize(image[None], resolution)[0]


def _beside(parts: Mapping[str, Mapping]) -> dict:
    return {**parts["x"], **{name: part["x"] for name, part in parts.items() if name != "x"}}
