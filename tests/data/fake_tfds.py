"""Small data sets, written as TFDS prepares them."""

import io
import json

import numpy as np
from PIL import Image


def prepare(root, name, features, splits, *, version="1.0.0", labels=()):
    """Writes a data set into a folder of TFDS's.

    Args:
        root: The folder.
        name: Possibly with a config.
        features: By name, as `feature` makes them.
        splits: Lists of rows by split; a row is a dict by feature of bytes, lists of bytes, or
            numbers.
        version: Of the data set.
        labels: The names of the classes by feature.
    """
    from array_record.python.array_record_module import ArrayRecordWriter

    folder, base = root / name / version, name.split("/")[0]
    folder.mkdir(parents=True)
    named = {"featuresDict": {"features": features}, **feature("FeaturesDict")}
    (folder / "features.json").write_text(json.dumps(named))
    info = [{"name": split, "shardLengths": [str(len(rows))]} for split, rows in splits.items()]
    record = {"name": base, "fileFormat": "array_record", "splits": info}
    (folder / "dataset_info.json").write_text(json.dumps(record))
    for key, names in dict(labels).items():
        (folder / f"{key}.labels.txt").write_text("\n".join(names) + "\n")
    for split, rows in splits.items():
        path = folder / f"{base}-{split}.array_record-00000-of-00001"
        writer = ArrayRecordWriter(str(path), "group_size:1")
        for row in rows:
            writer.write(_example(row))
        writer.close()


def feature(kind, **values):
    return {"pythonClassName": f"tensorflow_datasets.core.features.{kind}", **values}


def image_feature(channels, kind="Image", **values):
    shape = {"dimensions": ["-1", "-1", str(channels)]}
    return feature(kind, image={"dtype": "uint8", "shape": shape, **values})


def png(array):
    """An image [H, W, 1 or 3] as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(file, "PNG")
    return file.getvalue()


def _example(row):
    from tensorflow_datasets.proto import tf_example_pb2

    example = tf_example_pb2.Example()
    for key, value in row.items():
        stored = example.features.feature[key]
        values = [value] if isinstance(value, bytes) else np.ravel(value).tolist()
        if isinstance(values[0], bytes):
            stored.bytes_list.value.extend(value if isinstance(value, list) else values)
        elif isinstance(values[0], float):
            stored.float_list.value.extend(values)
        else:
            stored.int64_list.value.extend(values)
    return example.SerializeToString()
