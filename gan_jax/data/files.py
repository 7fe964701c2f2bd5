"""A user's own data: NumPy files and folders of images."""

import contextlib
import dataclasses
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.data.dataset import ArrayDataset, Example, check_split
from gan_jax.data.transforms import resize
from gan_jax.types import UserError

EXTENSIONS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Which files of a folder are images; case does not matter, other files are passed over."""

_X_KEYS = ("x", "images", "samples")
_LABEL_KEYS = ("label", "labels")
_EXIF_ORIENTATION = 0x0112


def array_file(path: str | Path, *, split: str = "train") -> ArrayDataset:
    """Reads `.npy` (`x` alone) or `.npz` (`x`, `images` or `samples`; `label` or `labels`).

    Args:
        path: The file. Its `x` is uint8, or float with images in [-1, 1]; [N, H, W] is taken for
            grey images and gets a channel axis. What `experiments.sample --out=FILE.npz` writes
            can be read.
        split: `train`: a file has no other.

    Raises:
        UserError: if the file is missing, damaged, or holds something else.
    """
    path = Path(path).expanduser()
    check_split(str(path), split, ("train",))
    arrays = _read_arrays(path)
    x = _first(arrays, _X_KEYS)
    if x is None:
        raise UserError(f"{path} holds {sorted(arrays)}; name its images {' or '.join(_X_KEYS)}")
    label = _first(arrays, _LABEL_KEYS)
    columns = {"x": _checked_x(path, x)} | ({} if label is None else {"label": label})
    return ArrayDataset(str(path), split, columns)


@dataclasses.dataclass(frozen=True, eq=False)
class ImageFolder:
    """Image files, decoded when read; made by `image_folder`.

    Attributes:
        name: The folder.
        split: `train`.
        paths: The files, N of them.
        labels: The class of each file, or None in a flat folder.
        label_names: The names of the class folders, or None in a flat folder.
        channels: 1 or 3.
        resolution: The side that images are cropped and resized to, or None to leave them.
    """

    name: str
    split: str
    paths: tuple[Path, ...]
    labels: tuple[int, ...] | None
    label_names: tuple[str, ...] | None
    channels: int
    resolution: int | None

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> Example:
        x = _decode(self.paths[i], self.channels)
        if self.resolution is not None:
            x = resize(x[None], self.resolution)[0]
        example = {"x": x}
        if self.labels is not None:
            example["label"] = np.asarray(self.labels[i], np.int32)
        return example


def image_folder(
    path: str | Path,
    *,
    split: str = "train",
    resolution: int | None = None,
    channels: int | None = None,
) -> ImageFolder:
    """Lists a folder of images: flat, or with one sub-folder a class.

    Classes are numbered in the order of their names. EXIF orientation is applied; transparency is
    composited over white. Where `resolution` or `channels` is left out, every file's header is
    read: sizes must then agree, and images are grey only if all are.

    Args:
        path: The folder. Hidden files, and files that are no images by `EXTENSIONS`, are passed
            over.
        split: `train`: a folder has no other.
        resolution: Crop the central square of each image and resize it to this side.
        channels: 1 or 3.

    Returns:
        A data set of `x`, uint8 [H, W, channels], and `label` where there are class folders.

    Raises:
        UserError: if there are no images, if the folders are nested otherwise, if sizes differ and
            no `resolution` is given, or, now or when an example is read, if a file is damaged.
    """
    root = Path(path).expanduser()
    check_split(str(root), split, ("train",))
    if channels not in (None, 1, 3):
        raise UserError(f"data.channels must be 1 or 3, got {channels}")
    paths, labels, label_names = _list_images(root)
    if resolution is None or channels is None:
        has_colour = _scan(paths, check_sizes=resolution is None)
        channels = channels or (3 if has_colour else 1)
    return ImageFolder(str(root), split, paths, labels, label_names, channels, resolution)


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {"x": loaded}
            keys = [key for key in loaded.files if key in (*_X_KEYS, *_LABEL_KEYS)]
            return {key: loaded[key] for key in keys or loaded.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read as a NumPy file: {error}") from None


def _first(arrays: dict[str, np.ndarray], keys: Sequence[str]) -> np.ndarray | None:
    return next((arrays[key] for key in keys if key in arrays), None)


def _checked_x(path: Path, x: np.ndarray) -> np.ndarray:
    if x.dtype != np.uint8 and x.dtype.kind != "f":
        raise UserError(f"{path}: x is {x.dtype}; store uint8, or float with images in [-1, 1]")
    if x.ndim < 2:
        raise UserError(f"{path}: x has shape {x.shape}; it must be [N, ...]")
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[3] > 4:
        raise UserError(f"{path}: x {x.shape} has its channels first; transpose it to [N, H, W, C]")
    return x if x.dtype == np.uint8 else x.astype(np.float32, copy=False)


def _list_images(
    root: Path,
) -> tuple[tuple[Path, ...], tuple[int, ...] | None, tuple[str, ...] | None]:
    """The files, their labels and the labels' names; the last two None for a flat folder."""
    if not root.is_dir():
        raise UserError(f"there is no folder {root}")
    flat, folders = _contents(root)
    inside = {folder: _contents(folder) for folder in folders}
    nested = [f for f, (_, deeper) in inside.items() if any(map(_holds_images, deeper))]
    if nested:
        raise UserError(
            f"{root} holds images more than one folder deep; "
            f"set data.name to the folder of class folders, {nested[0]}"
        )
    classes = {folder: files for folder, (files, _) in inside.items() if files}
    if flat and classes:
        raise UserError(
            f"{root} holds images both directly ({flat[0].name}) and in a folder "
            f"({next(iter(classes)).name}); keep one or the other"
        )
    if flat:
        return tuple(flat), None, None
    if not classes:
        raise UserError(f"{root} holds no images ({' '.join(EXTENSIONS)})")
    empty = [folder for folder in folders if folder not in classes]
    if empty:
        raise UserError(f"class folder {empty[0]} holds no images; remove it or fill it")
    paths = tuple(path for files in classes.values() for path in files)
    labels = tuple(label for label, files in enumerate(classes.values()) for _ in files)
    return paths, labels, tuple(folder.name for folder in classes)


def _contents(folder: Path) -> tuple[list[Path], list[Path]]:
    """The images and the folders directly in `folder`, each sorted by name."""
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    images = [e for e in entries if e.suffix.lower() in EXTENSIONS and e.is_file()]
    return images, [e for e in entries if e.is_dir()]


def _holds_images(folder: Path) -> bool:
    images, folders = _contents(folder)
    return bool(images) or any(map(_holds_images, folders))


def _scan(paths: Sequence[Path], *, check_sizes: bool) -> bool:
    """Reads every header; returns whether any image has colour."""
    from PIL import Image
    from tqdm import tqdm

    has_colour, first_size = False, None
    for path in tqdm(paths, desc="reading headers", delay=1, leave=False, disable=None):
        with _opened(path) as image:
            size = image.size
            exif = Image.Image.getexif(image)  # PNG's own method decodes the pixels first
            if exif.get(_EXIF_ORIENTATION, 1) >= 5:  # 5 to 8 lie on their side
                size = size[::-1]
            has_colour |= image.mode not in ("1", "L", "LA", "La")
        first_size = first_size or size
        if check_sizes and size != first_size:
            raise UserError(
                f"images differ in size: {paths[0]} is {_by(first_size)}, {path} is {_by(size)}; "
                "set data.resolution"
            )
    return has_colour


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _decode(path: Path, channels: int) -> np.ndarray:
    """uint8 [H, W, channels], upright, transparency over white."""
    from PIL import Image, ImageOps

    with _opened(path) as file:
        image = ImageOps.exif_transpose(file)
        if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image.convert("RGBA"))
        pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels[..., None] if channels == 1 else pixels


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """An open Pillow image; whatever is wrong with the file becomes one line."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):
                raise UserError(f"{path} has more than 8 bits a channel; save it with 8")
            yield image
    except UserError:  # a ValueError too
        raise
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(f"{path} cannot be read as an image ({error}); remove it") from None
