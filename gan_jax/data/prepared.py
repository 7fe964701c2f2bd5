"""A prepared TFDS data set, read from its own files: features, splits, records.

TFDS itself opens some features (audio, video) only where TensorFlow is installed, and decodes all
of them whichever are asked for.
"""

import dataclasses
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.types import UserError

_VERSION = re.compile(r"\d+\.\d+\.\d+$")


@dataclasses.dataclass(frozen=True)
class Feature:
    """One named feature of an example, as `features.json` tells of it.

    Attributes:
        type: `image`, `labels` (a map of classes), `video`, `audio`, `text`, `class`, `number`, or
            the name of TFDS's class, of which nothing can be read.
        shape: Of its value, None where it varies.
        dtype: Of its value.
        classes: The names of the classes of `labels` and `class`.
        rate: Samples a second of `audio`.
        encoding: How a number is stored; "" as plain numbers.
    """

    type: str
    shape: tuple[int | None, ...] = ()
    dtype: str = ""
    classes: tuple[str, ...] = ()
    rate: int = 0
    encoding: str = ""


def find(root: Path, name: str) -> Path | None:
    """The folder of a prepared data set, the newest version if `name` has none; None if absent."""
    path, _, version = name.partition(":")
    folder = root / path
    if version:
        return folder / version if _is_prepared(folder / version) else None
    versions = [f for f in _folders(folder) if _VERSION.match(f.name) and _is_prepared(f)]
    if versions:
        return max(versions, key=lambda f: tuple(map(int, f.name.split("."))))
    configs = [f for f in _folders(folder) if "/" not in path and find(root, f"{path}/{f.name}")]
    return find(root, f"{path}/{configs[0].name}") if len(configs) == 1 else None


def names(root: Path) -> list[str]:
    """What is prepared in `root`, as `find` takes it: `mnist:3.0.1`, `cycle_gan/maps:3.0.0`."""
    infos = [*root.glob("*/*/dataset_info.json"), *root.glob("*/*/*/dataset_info.json")]
    found = [info.parent.relative_to(root) for info in infos if _is_prepared(info.parent)]
    return sorted(f"{folder.parent.as_posix()}:{folder.name}" for folder in found)


def features(folder: Path) -> dict[str, Feature]:
    """The features of a prepared data set, empty where they have no names."""
    record = json.loads((folder / "features.json").read_text())
    named = record.get("featuresDict", {}).get("features", {})
    return {name: _feature(folder, name, value) for name, value in named.items()}


def records(folder: Path, split: str) -> Any:
    """The records of a split, in bytes, at random.

    Raises:
        UserError: if the split, which may be a slice, cannot be had, or is kept as something else
            than ArrayRecord.
    """
    import grain
    import tensorflow_datasets as tfds

    info = json.loads((folder / "dataset_info.json").read_text())
    name, kept = info["name"], info.get("fileFormat", "tfrecord")
    if kept != "array_record":
        raise UserError(
            f"TFDS's {name!r} is prepared as {kept}, which cannot be read at random: move its "
            f"folder away, then {prepare_command(name)}"
        )
    template = tfds.core.ShardedFileTemplate(
        dataset_name=name, data_dir=folder, filetype_suffix=kept
    )
    splits = tfds.core.SplitDict(
        tfds.core.SplitInfo(
            name=s["name"],
            shard_lengths=[int(length) for length in s.get("shardLengths", ())],
            num_bytes=int(s.get("numBytes", 0)),
            filename_template=template.replace(split=s["name"]),
        )
        for s in info["splits"]
    )
    try:
        count = splits[split].num_examples
    except ValueError as error:
        reason = str(error).splitlines()[0]  # names the splits, or the number of examples
        raise UserError(f"{name}: cannot read split {split!r}: {reason}") from None
    if not count:
        raise UserError(f"{name}: split {split!r} has no examples")
    try:
        return grain.sources.ArrayRecordDataSource(splits[split].file_instructions)
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{folder} cannot be read ({reason}): prepare it again") from None


def split_names(folder: Path) -> list[str]:
    """The splits of a prepared data set."""
    return [s["name"] for s in json.loads((folder / "dataset_info.json").read_text())["splits"]]


def decode(record: bytes, wanted: Mapping[str, Feature]) -> dict[str, Any]:
    """The values of some features of a record: arrays, or of a text its string."""
    from tensorflow_datasets.proto import tf_example_pb2

    stored = tf_example_pb2.Example.FromString(record).features.feature
    return {name: _value(stored[name], feature) for name, feature in wanted.items()}


def prepare_command(name: str) -> str:
    """What prepares a data set so that it can be read here."""
    return f"tfds build {name} --file_format=array_record"


def _folders(folder: Path) -> Sequence[Path]:
    return sorted(f for f in folder.iterdir() if f.is_dir()) if folder.is_dir() else ()


def _is_prepared(folder: Path) -> bool:
    return all((folder / f"{name}.json").is_file() for name in ("features", "dataset_info"))


_TYPES = {
    "Image": "image",
    "LabeledImage": "labels",
    "Video": "video",
    "Audio": "audio",
    "Text": "text",
    "ClassLabel": "class",
    "Scalar": "number",
    "Tensor": "number",
}


def _feature(folder: Path, name: str, record: Mapping[str, Any]) -> Feature:
    own = record["pythonClassName"].rpartition(".")[2]
    value: Mapping[str, Any] = next((v for k, v in record.items() if k != "pythonClassName"), {})
    dimensions = value.get("shape", {}).get("dimensions", ())
    label = value.get("label", value)
    return Feature(
        type=_TYPES.get(own, own),
        shape=tuple(None if int(d) < 0 else int(d) for d in dimensions),
        dtype=value.get("dtype", ""),
        classes=_classes(folder, name, int(label.get("numClasses", 0))),
        rate=int(value.get("sampleRate", 0)),
        encoding=value.get("encoding", "").lower().replace("none", ""),
    )


def _classes(folder: Path, name: str, count: int) -> tuple[str, ...]:
    path = folder / f"{name}.labels.txt"
    if path.is_file():
        return tuple(line.strip() for line in path.read_text().splitlines() if line.strip())
    return tuple(map(str, range(count)))


def _value(stored: Any, feature: Feature) -> Any:
    if feature.type == "image":
        return _image(stored.bytes_list.value[0], feature.shape[-1:])
    if feature.type == "labels":
        return _image(stored.bytes_list.value[0], (1,))[..., 0]
    if feature.type == "video":
        return np.stack([_image(frame, feature.shape[-1:]) for frame in stored.bytes_list.value])
    if feature.type == "text":
        return stored.bytes_list.value[0].decode()
    if feature.type == "class":
        return np.asarray(stored.int64_list.value[0], np.int32)
    kept = stored.float_list if stored.HasField("float_list") else stored.int64_list
    shape = [-1 if size is None else size for size in feature.shape]
    return np.array(kept.value, feature.dtype).reshape(shape)


def _image(encoded: bytes, channels: tuple[int | None, ...]) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(encoded)) as image:
        count = channels[0] if channels else None
        grey = image.mode in ("1", "L") if count is None else count == 1
        pixels = np.asarray(image.convert("L" if grey else "RGB"))
    return pixels[..., None] if grey else pixels
