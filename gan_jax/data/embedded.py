"""Small real data sets that come with scikit-learn: no download."""

import numpy as np

from gan_jax.data.dataset import ArrayDataset, check_split
from gan_jax.data.kinds import Category, Image, Real

_SPLITS = ("train", "test", "all")


def digits(split: str = "train") -> ArrayDataset:
    """The 1,797 handwritten digits of 8x8 pixels of scikit-learn, from 13 writers.

    They are the test part of UCI's set (Alpaydin & Kaynak, 1998).

    Args:
        split: `test` is every fifth example (`i % 5 == 4`, 359 of them), `train` the other 1,438,
            `all` both.

    Returns:
        `x`, uint8 [N, 8, 8, 1], the 17 grey levels spread over 0 to 255; `label`, int32 [N].
    """
    from sklearn.datasets import load_digits

    check_split("digits", split, _SPLITS)
    source = load_digits()
    x = np.rint(source.images * (255 / 16)).astype(np.uint8)[..., None]
    is_test = np.arange(len(x)) % 5 == 4
    chosen = _choose(split, is_test)
    columns = {"x": x[chosen], "label": source.target[chosen].astype(np.int32)}
    kinds = {"x": Image(), "label": Category(tuple("0123456789"))}
    return ArrayDataset("digits", split, columns, kinds)


def iris(split: str = "train", *, standardised: bool = True) -> ArrayDataset:
    """The 150 irises of three species (Fisher, 1936), four lengths each.

    Args:
        split: `test` is a fixed 15 % of each species (23 flowers), `train` the other 127, `all`
            both.
        standardised: Each feature less its mean and over its standard deviation, both of the train
            split, whichever split is read; centimetres otherwise.

    Returns:
        `x`, float32 [N, 4]; `label`, int32 [N].
    """
    from sklearn.datasets import load_iris
    from sklearn.model_selection import train_test_split

    check_split("iris", split, _SPLITS)
    source = load_iris()
    _, test = train_test_split(
        np.arange(len(source.data)), test_size=0.15, stratify=source.target, random_state=0
    )
    is_test = np.isin(np.arange(len(source.data)), test)
    train = source.data[~is_test]
    x, names = source.data, tuple(map(str, source.feature_names))
    if standardised:
        x = (x - train.mean(axis=0)) / train.std(axis=0)
        names = tuple(name.removesuffix(" (cm)") for name in names)
    chosen = _choose(split, is_test)
    columns = {
        "x": x[chosen].astype(np.float32),
        "label": source.target[chosen].astype(np.int32),
    }
    kinds = {
        "x": Real(columns=names),
        "label": Category(tuple(map(str, source.target_names))),
    }
    return ArrayDataset("iris", split, columns, kinds)


def _choose(split: str, is_test: np.ndarray) -> np.ndarray:
    return {"train": ~is_test, "test": is_test, "all": np.ones_like(is_test)}[split]
