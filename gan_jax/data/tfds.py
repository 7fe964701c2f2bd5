"""Any TFDS data set, read without TensorFlow from its array_record files."""

import contextlib
import dataclasses
import importlib.util
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gan_jax.data.dataset import Example, suggest
from gan_jax.types import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class TfdsDataset:
    """A split of a prepared TFDS data set; examples are decoded when read.

    Attributes:
        name: TFDS's name, possibly with a config and a version.
        split: TFDS's split, possibly with a slice.
        source: TFDS's random-access source.
        feature: The feature that becomes `x`.
        has_label: Whether the feature `label` becomes `label`.
        label_names: The classes' names, where TFDS has them.
    """

    name: str
    split: str
    source: Any
    feature: str
    has_label: bool
    label_names: tuple[str, ...] | None

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, i: int) -> Example:
        return self._convert(self.source[i])

    def __getitems__(self, indices: Sequence[int]) -> list[Example]:
        return [self._convert(raw) for raw in self.source.__getitems__(list(indices))]

    def _convert(self, raw: dict[str, Any]) -> Example:
        x = np.asarray(raw[self.feature])
        example = {"x": x.astype(np.float32) if x.dtype.kind == "f" else x}
        if self.has_label:
            example["label"] = np.asarray(raw["label"], np.int32)
        return example


def tfds_dataset(
    name: str, *, split: str = "train", feature: str | None = None, others: Sequence[str] = ()
) -> TfdsDataset:
    """Opens a TFDS data set, preparing it first if TensorFlow is there to do so.

    TFDS's own folder is used: `TFDS_DATA_DIR`, else `~/tensorflow_datasets`.

    Args:
        name: As TFDS has it: `mnist`, `cycle_gan/horse2zebra`, `mnist:3.0.1`.
        split: As TFDS has it: `train`, `test`, `train[:1000]`, `train[80%:]`, `train+test`.
        feature: Which feature becomes `x`; by default `image`.
        others: Names outside TFDS that a mistaken `name` may have meant.

    Returns:
        A data set with `x` and, where TFDS has an integer feature of that name, `label`.

    Raises:
        UserError: if the name, the split or the feature is unknown, if the set is not prepared
            and TensorFlow is missing, if its features need TensorFlow to be decoded, or if
            `feature` is neither uint8 nor float.
    """
    builder = _builder(name, others)
    _prepare(builder, name)
    features = builder.info.features
    if not hasattr(features, "keys"):
        raise UserError(f"{name} has no named features, so nothing in it can become x")
    feature = _choose_feature(name, feature, list(features.keys()))
    source = _source(builder, name, split)
    with _quiet():  # TFDS advises once, at the first image, to install OpenCV
        first = source[0]
    x = np.asarray(first[feature])
    if x.dtype != np.uint8 and x.dtype.kind != "f":
        raise UserError(
            f"{name}: feature {feature!r} is {x.dtype}; x must be uint8 or float, so choose "
            "another feature"
        )
    has_label = "label" in features and np.asarray(first["label"]).dtype.kind in "iu"
    names = getattr(features["label"], "names", None) if has_label else None
    return TfdsDataset(name, split, source, feature, has_label, tuple(names) if names else None)


def _builder(name: str, others: Sequence[str]) -> Any:
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.registered import DatasetNotFoundError

    try:
        with _quiet():
            return tfds.builder(name)
    except ImportError as error:
        missing = getattr(error.__cause__ or error, "name", None)  # TFDS wraps the cause
        raise UserError(
            f"TFDS's {name!r} cannot be read without {missing}: {_install(missing)}"
        ) from None
    except (DatasetNotFoundError, AssertionError, ValueError) as error:
        known = tfds.list_builders(with_community_datasets=False)
        if re.split("[/:]", name)[0] in known:  # then the config or the version is at fault
            raise UserError(f"TFDS has no {name!r}: {_one_line(error)}") from None
        remedy = suggest(name, [*others, *known]) or "; name a built-in set, a path or a TFDS set"
        raise UserError(f"no data set is called {name!r}{remedy}") from None


def _prepare(builder: Any, name: str) -> None:
    if builder.is_prepared():
        return
    if importlib.util.find_spec("tensorflow") is None:
        raise UserError(
            f"TFDS's {name!r} is not prepared under TFDS_DATA_DIR, and preparing it needs "
            f"TensorFlow: pip install 'gan_jax[tfds]', then run this again, or "
            f"{_prepare_command(name)}"
        )
    builder.download_and_prepare(file_format="array_record")


def _source(builder: Any, name: str, split: str) -> Any:
    try:
        count = builder.info.splits[split].num_examples
        source = builder.as_data_source(split=split) if count else None
    except ValueError as error:
        reason = str(error).splitlines()[0]  # names the splits, or the number of examples
        raise UserError(f"{name}: cannot read split {split!r}: {reason}") from None
    except NotImplementedError:  # what as_data_source documents for data not in ArrayRecord
        raise UserError(
            f"TFDS's {name!r} is prepared as {builder.info.file_format.value}, which cannot be "
            f"read at random: move its folder away, then {_prepare_command(name)}"
        ) from None
    if source is None:
        raise UserError(f"{name}: split {split!r} has no examples")
    return source


def _choose_feature(name: str, feature: str | None, known: Sequence[str]) -> str:
    if feature is None and "image" in known:
        return "image"
    if feature is None:
        raise UserError(f"{name} has no feature 'image'; choose one of {', '.join(known)}")
    if feature not in known:
        raise UserError(f"{name} has no feature {feature!r}; choose one of {', '.join(known)}")
    return feature


def _prepare_command(name: str) -> str:
    return f"tfds build {name} --file_format=array_record"


def _install(module: str | None) -> str:
    return "pip install 'gan_jax[tfds]'" if module == "tensorflow" else f"pip install {module}"


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else text[:297] + "..."


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    from absl import logging

    level = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(level)
