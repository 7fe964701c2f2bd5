"""Stacked digits: a thousand modes that a classifier of ten can count."""

import numpy as np

from gan_jax.data.dataset import ArrayDataset, Dataset, num_classes
from gan_jax.data.draws import generator
from gan_jax.data.kinds import Category
from gan_jax.types import UserError

_PLACES = np.array([100, 10, 1])


def stacked(dataset: ArrayDataset, count: int, seed: int) -> ArrayDataset:
    """Coloured images of three grey digits, drawn at random with replacement, a channel each.

    Unrolled Generative Adversarial Networks, Metz et al., 2017, arXiv:1611.02163; of MNIST with
    `count` 128,000 in PacGAN, Lin et al., 2018, arXiv:1712.04086.

    Args:
        dataset: Grey images [H, W, 1] with labels 0 to 9.
        count: How many stacks.
        seed: Of the draw.

    Returns:
        `x` [count, H, W, 3] of the digits' dtype; `label`, int32 [count], the number that the
        channels read as, 100 a + 10 b + c, whose kind knows the images that were stacked.

    Raises:
        UserError: if the images are not grey, or not labelled so.
    """
    x, label = dataset.columns["x"], dataset.columns.get("label")
    if x.ndim != 4 or x.shape[-1] != 1 or label is None or num_classes(dataset) != 10:
        raise UserError(
            f"{dataset.name}[{dataset.split}] cannot be stacked: "
            "choose grey images [H, W, 1] with labels 0 to 9"
        )
    random = generator(seed)
    drawn = random.integers(len(dataset), size=(count, 3))
    columns = {
        "x": np.concatenate([x[channel] for channel in drawn.T], axis=-1),
        "label": stack_label(label[drawn]),
    }
    names = tuple(f"{number:03}" for number in range(1_000))
    kinds = {"x": dataset.kinds["x"], "label": Category(names, stacked=dataset)}
    return ArrayDataset(f"stacked_{dataset.name}", dataset.split, columns, kinds)


def singles(dataset: Dataset) -> ArrayDataset | None:
    """The grey images that labelled stacks are made of; None of what are no stacks."""
    label = dataset.kinds.get("label")
    return label.stacked if isinstance(label, Category) else None


def class_shares(dataset: Dataset) -> np.ndarray | None:
    """Those of the thousand classes [1000] that stacks are drawn in; None of what are no stacks."""
    if (alone := singles(dataset)) is None:
        return None
    digits = np.bincount(alone.columns["label"], minlength=10) / len(alone)
    return np.einsum("a,b,c->abc", digits, digits, digits).ravel()


def unstack(images: np.ndarray) -> np.ndarray:
    """The digits of stacks, for a classifier of single ones: [N, H, W, 3] to [3 N, H, W, 1]."""
    n, height, width, channels = images.shape
    return np.moveaxis(images, -1, 1).reshape(n * channels, height, width, 1)


def stack_label(digits: np.ndarray) -> np.ndarray:
    """The numbers, int32 [N], that digits 0 to 9 in the order of `unstack`, [3 N], stand for."""
    return (digits.reshape(-1, 3) @ _PLACES).astype(np.int32)
