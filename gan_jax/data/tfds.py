"""Any TFDS data set, read without TensorFlow from its array_record files."""

import dataclasses
import importlib.util
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.data import prepared, text
from gan_jax.data.dataset import ArrayDataset, Example, suggest
from gan_jax.data.kinds import Audio, Category, Image, Kind, Real, Video, make_kind
from gan_jax.quiet import quiet
from gan_jax.types import UserError

_NOT_OF_TFDS = ("camvid", "edges2shoes_handbags", "flowers_128", "noto_emoji", "orl_faces")
"""What recipes train on as TFDS would keep it, though it has no such sets."""


@dataclasses.dataclass(frozen=True, eq=False)
class TfdsDataset:
    """A split of a prepared TFDS data set; examples are decoded when read.

    Attributes:
        name: TFDS's name, possibly with a config and a version.
        split: TFDS's split, possibly with a slice.
        kinds: Of the columns.
        features: Which feature becomes each column.
        told: What the data set's files say of these features.
        length: Samples of a clip of audio; others are cut, or followed by silence.
        records: The examples in bytes.
    """

    name: str
    split: str
    kinds: Mapping[str, Kind]
    features: Mapping[str, str]
    told: Mapping[str, prepared.Feature]
    length: int
    records: Any

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, i: int) -> Example:
        return self._convert(self.records[i])

    def __getitems__(self, indices: Sequence[int]) -> list[Example]:
        return [self._convert(record) for record in self.records.__getitems__(list(indices))]

    def texts(self, feature: str) -> list[str]:
        """A feature of text of all examples, which need not be a column."""
        told = {feature: prepared.Feature("text")}
        return [
            prepared.decode(record, told)[feature]
            for record in self.records.__getitems__(range(len(self)))
        ]

    def _convert(self, record: bytes) -> Example:
        values = prepared.decode(record, self.told)
        return {
            column: self._stored(values[feature], self.kinds[column])
            for column, feature in self.features.items()
        }

    def _stored(self, value: np.ndarray, kind: Kind) -> np.ndarray:
        if isinstance(kind, Audio):
            return _clip(self.name, value, self.length)
        if isinstance(kind, Category) and value.ndim == 3:  # an image whose pixels are classes
            return value[..., 0]
        if value.dtype.kind == "f":
            return value.astype(np.float32)
        return value.astype(np.int32) if isinstance(kind, Category) and not value.ndim else value


def tfds_dataset(
    name: str,
    *,
    split: str = "train",
    features: Mapping[str, str] | None = None,
    length: int = 0,
    kinds: Mapping[str, Any] | None = None,
    others: Sequence[str] = (),
) -> TfdsDataset | ArrayDataset:
    """Opens a TFDS data set, preparing it first if TensorFlow is there to do so.

    TFDS's own folder is used: `TFDS_DATA_DIR`, else `~/tensorflow_datasets`.

    Args:
        name: As TFDS has it: `mnist`, `cycle_gan/horse2zebra`, `mnist:3.0.1`.
        split: As TFDS has it: `train`, `test`, `train[:1000]`, `train[80%:]`, `train+test`.
        features: Which feature becomes each column, `{"x": "image", "source": "edges"}`; no other
            is decoded. By default `x` is the feature `image`, or `audio`, `text`, `video`, and
            `label` is `label` if there are classes.
        length: Samples of a clip of audio, or tokens of a piece of text.
        kinds: Of columns whose features do not tell: `{"label_map": {"kind": "category",
            "classes": [...]}}` for images whose pixels are classes.
        others: Names outside TFDS that a mistaken `name` may have meant.

    Returns:
        A data set that decodes as it is read; of text, one that is held in memory.

    Raises:
        UserError: if the name, the split or a feature is unknown, if the set is not prepared and
            TensorFlow is missing, or if a feature cannot become a column.
    """
    folder = _folder(name, others)
    told = prepared.features(folder)
    if not told:
        raise UserError(f"{name} has no named features, so nothing in it can become x")
    features = dict(features) if features else _default_features(name, told)
    for feature in features.values():
        if feature not in told:
            raise UserError(
                f"{name} has no feature {feature!r} among {', '.join(told)}{suggest(feature, told)}"
            )
    chosen = {feature: told[feature] for feature in features.values()}
    texts = [column for column, feature in features.items() if chosen[feature].type == "text"]
    if texts:
        return _of_text(name, split, folder, features, chosen, length)
    if length and not any(feature.type == "audio" for feature in chosen.values()):
        raise UserError(f"{name}: data.length is for audio and text; remove it")
    unknown = sorted(set(kinds or {}) - set(features))
    if unknown:
        raise UserError(f"{name}: data.kinds names {unknown[0]!r}, which is no column of it")
    columns = {
        column: _kind(name, column, feature, chosen[feature], length, (kinds or {}).get(column))
        for column, feature in features.items()
    }
    records = prepared.records(folder, split)
    return TfdsDataset(name, split, columns, features, chosen, length, records)


def _default_features(name: str, told: Mapping[str, prepared.Feature]) -> dict[str, str]:
    x = next((f for f in ("image", "audio", "text", "video") if f in told), None)
    if x is None:
        raise UserError(
            f"{name} has no feature 'image', 'audio', 'text' or 'video'; set data.features.x to "
            f"one of {', '.join(told)}"
        )
    label = told.get("label")
    return {"x": x} | ({"label": "label"} if label and label.type == "class" else {})


def _kind(
    name: str, column: str, feature: str, told: prepared.Feature, length: int, given: Any
) -> Kind:
    where = f"{name}: feature {feature!r}"
    if told.type in ("image", "labels", "video") and told.dtype not in ("", "uint8"):
        raise UserError(f"{where} is of {told.dtype}; only pictures of uint8 can be read")
    if told.type == "audio" and length < 1:
        raise UserError(f"{where} is audio: set data.length to the samples of a clip, such as 4096")
    if told.encoding:
        raise UserError(f"{where} is stored as {told.encoding}, which cannot be read here")
    if given is not None:
        return make_kind(given)
    if told.type in ("class", "labels"):
        return Category(told.classes)
    if told.type == "image":
        return Image()
    if told.type == "video":
        return Video()
    if told.type == "audio":
        return Audio(told.rate or Audio.rate)
    if told.type == "number" and told.dtype.startswith("float"):
        return Real()
    if told.type == "number":
        raise UserError(
            f"{where} holds numbers of {told.dtype}: say what they are in data.kinds.{column}, or "
            "choose another feature"
        )
    raise UserError(f"{where} is a {told.type}, which cannot become a column; choose another")


def _clip(name: str, samples: np.ndarray, length: int) -> np.ndarray:
    """int16 [length, C] of the samples of a clip, [T] or [T, C]."""
    samples = samples.reshape(len(samples), -1)[:length]
    if samples.dtype != np.int16:
        limits = np.iinfo(np.int16)
        if samples.size and (samples.min() < limits.min or samples.max() > limits.max):
            raise UserError(f"{name}: audio of more than 16 bits a sample cannot be read")
        samples = samples.astype(np.int16)
    return np.pad(samples, ((0, length - len(samples)), (0, 0)))


def _of_text(
    name: str,
    split: str,
    folder: Path,
    features: Mapping[str, str],
    told: Mapping[str, prepared.Feature],
    length: int,
) -> ArrayDataset:
    if "x" not in features or told[features["x"]].type != "text":
        column = next(c for c, f in features.items() if told[f].type == "text")
        raise UserError(
            f"{name}: text ({features[column]!r}) beside other columns cannot be read yet; "
            f"remove data.features.{column}"
        )
    others = [f for c, f in features.items() if c != "x" and told[f].type != "class"]
    if others:
        raise UserError(f"{name}: {others[0]!r} beside text cannot be read yet; remove it")
    if length < 1:
        raise UserError(f"{name} is text: set data.length to the tokens of a piece, such as 32")
    read = lambda part: [prepared.decode(r, told) for r in prepared.records(folder, part)]
    rows, x = read(split), features["x"]
    everywhere = "+".join(prepared.split_names(folder))
    vocabulary = text.characters(row[x] for row in read(everywhere))
    if len(rows) == 1:
        tokens, kind = text.windows(f"{name}[{split}]", rows[0][x], vocabulary, length)
        return ArrayDataset(name, split, {"x": tokens}, {"x": kind})
    tokens, kind = text.padded([row[x] for row in rows], vocabulary, length)
    labels = {c: f for c, f in features.items() if c != "x"}
    columns = {c: np.array([row[f] for row in rows], np.int32) for c, f in labels.items()}
    kinds = {c: Category(told[f].classes) for c, f in labels.items()}
    return ArrayDataset(name, split, {"x": tokens, **columns}, {"x": kind, **kinds})


def _folder(name: str, others: Sequence[str]) -> Path:
    """Where a data set is prepared, after preparing it if need be."""
    from tensorflow_datasets.core import constants

    root = Path(constants.DATA_DIR).expanduser()
    if (found := prepared.find(root, name)) is not None:
        return found
    builder = _builder(name, root, others)
    with quiet():
        is_prepared = builder.is_prepared()
    if not is_prepared:
        if importlib.util.find_spec("tensorflow") is None:
            raise UserError(
                f"TFDS's {name!r} is not prepared under TFDS_DATA_DIR, and preparing it needs "
                f"TensorFlow: {_install('tensorflow')}, then run this again, or "
                f"{prepared.prepare_command(name)}{_instead(name, root)}"
            )
        builder.download_and_prepare(file_format="array_record")
    return Path(builder.data_dir)


def _builder(name: str, root: Path, others: Sequence[str]) -> Any:
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.registered import DatasetNotFoundError

    known = tfds.list_builders(with_community_datasets=False)
    base = re.split("[/:]", name)[0]
    instead = _instead(name, root)
    try:
        with quiet():
            return tfds.builder(name)
    except ImportError as error:
        missing = getattr(error.__cause__ or error, "name", None)  # TFDS wraps the cause
        raise UserError(
            f"TFDS's {name!r} is not prepared under TFDS_DATA_DIR, and preparing it needs "
            f"{missing}: {_install(missing)}{instead}"
        ) from None
    except (DatasetNotFoundError, AssertionError, ValueError) as error:
        if base in known:  # then the config or the version is at fault
            raise UserError(f"TFDS has no {name!r}: {_one_line(error)}{instead}") from None
        if instead:
            raise UserError(f"TFDS has no {name!r}{instead}") from None
        here = [re.split("[/:]", each)[0] for each in prepared.names(root)]
        remedy = suggest(name, [*others, *here, *known])
        remedy = remedy or "; name a built-in set, a path or a TFDS set"
        if base in _NOT_OF_TFDS:
            remedy = " under TFDS_DATA_DIR or by TFDS; docs/data.md says how it is prepared"
        raise UserError(f"no data set is called {name!r}{remedy}") from None


def _instead(name: str, root: Path) -> str:
    """A clause that names what is prepared of the same data set."""
    base = re.split("[/:]", name)[0]
    same = [each for each in prepared.names(root) if re.split("[/:]", each)[0] == base]
    return f"; prepared under TFDS_DATA_DIR is {', '.join(same)}" if same else ""


def _install(module: str | None) -> str:
    of_extra = "pip install -c constraints.txt -e '.[tfds]'"
    return of_extra if module == "tensorflow" else f"pip install {module}"


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else text[:297] + "..."
