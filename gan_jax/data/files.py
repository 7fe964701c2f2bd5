"""A user's own data: NumPy files and folders of images."""

import contextlib
import dataclasses
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.data.dataset import ArrayDataset, Example, check_split
from gan_jax.data.kinds import FULL_SCALE, Audio, Category, Image, Kind, make_kind
from gan_jax.data.transforms import resize
from gan_jax.types import UserError

EXTENSIONS = (
    *(".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png"),
    *(".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
"""Which files of a folder are images; case does not matter, other files are passed over."""

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # and no PostScript

SPLITS = ("train", "test", "val", "validation")
"""Folders of these names alone, side by side, are the splits of the folder that holds them."""

_KEYS = {"x": ("x", "images", "samples"), "label": ("label", "labels")}
_EXIF_ORIENTATION = 0x0112


def array_file(
    path: str | Path, *, split: str = "train", kinds: Mapping[str, Any] | None = None
) -> ArrayDataset:
    """Reads a `.npy` file (`x` alone) or a `.npz` file, each of whose arrays becomes a column.

    Of a `.npz`, `x`, else `images` or `samples` becomes `x`, and `label`, else `labels` becomes
    `label`; the others keep their names. What `experiments.sample --out=FILE.npz` writes can be
    read.

    Args:
        path: The file.
        split: `train`: a file has no other.
        kinds: Of columns, as `make_kind` takes them. Those left out are told by `kind_of`, and
            uint8 [N, H, W] is grey images, int16 [N, T] audio of one channel.

    Raises:
        UserError: if the file is missing, damaged, or holds something else.
    """
    path = Path(path).expanduser()
    check_split(str(path), split, ("train",))
    arrays = _named(_read_arrays(path))
    if "x" not in arrays:
        raise UserError(
            f"{path} holds {', '.join(arrays) or 'nothing'}; name its main array "
            f"{' or '.join(_KEYS['x'])}"
        )
    unknown = sorted(set(kinds or {}) - set(arrays))
    if unknown:
        raise UserError(f"{path} holds {', '.join(arrays)}, but data.kinds names {unknown[0]!r}")
    told = {name: make_kind(kind, arrays[name]) for name, kind in (kinds or {}).items()}
    columns = {name: _column(path, name, array, told) for name, array in arrays.items()}
    return ArrayDataset(str(path), split, columns, told)


@dataclasses.dataclass(frozen=True, eq=False)
class ImageFolder:
    """Image files, decoded when read; made by `image_folder`.

    Attributes:
        name: The folder.
        split: `train`, or the folder of that name within.
        paths: The files, N of them.
        labels: The class of each file, or None in a flat folder.
        classes: The names of the class folders, or None in a flat folder.
        channels: 1 or 3.
        resolution: The side that images are cropped and resized to, or None to leave them.
    """

    name: str
    split: str
    paths: tuple[Path, ...]
    labels: tuple[int, ...] | None
    classes: tuple[str, ...] | None
    channels: int
    resolution: int | None

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Of `x`, and of `label` where there are class folders."""
        return {"x": Image()} | ({} if self.classes is None else {"label": Category(self.classes)})

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
    """Lists a folder of images: flat, or with one sub-folder a class; or folders of such, a split.

    Classes are numbered in the order of their names, whichever splits have them. EXIF orientation
    is applied; transparency is composited over white. Where `resolution` or `channels` is left out,
    every file's header is read: sizes must then agree, and images are grey only if all are.

    Args:
        path: The folder. Hidden files, and files that are no images by `EXTENSIONS`, are passed
            over.
        split: The folder of that name, where the folder holds `SPLITS` alone; else `train`, or what
            the folder itself is called.
        resolution: Crop the central square of each image and resize it to this side.
        channels: 1 or 3.

    Returns:
        A data set of `x`, uint8 [H, W, channels], and `label` where there are class folders.

    Raises:
        UserError: if there are no images, if the folders are nested otherwise, if sizes differ and
            no `resolution` is given, or, now or when an example is read, if a file is damaged.
    """
    root = Path(path).expanduser()
    if channels not in (None, 1, 3):
        raise UserError(f"data.channels must be 1 or 3, got {channels}")
    paths, labels, classes = _list_split(root, split)
    if resolution is None or channels is None:
        has_colour = _scan(paths, check_sizes=resolution is None)
        channels = channels or (3 if has_colour else 1)
    return ImageFolder(str(root), split, paths, labels, classes, channels, resolution)


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    if not is_there(path):
        raise UserError(f"there is no file {path}")
    try:
        if not zipfile.is_zipfile(path):
            return {"x": np.lib.format.open_memmap(path, mode="r")}
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > (memory := os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")):
            raise ValueError(f"its arrays take {size:,} bytes, of {memory:,} in this machine")
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            return {key: loaded[key] for key in loaded.files}
    except Exception as error:  # damage has many faces in zipfile, zlib and NumPy
        said = str(error).splitlines() or [type(error).__name__]
        raise UserError(f"{path} cannot be read as a NumPy file: {said[0]}") from None


def is_there(path: Path) -> bool:
    """Whether a path exists; one that is too long for the file system does not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _named(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays by the names of their columns."""
    names = {
        next((key for key in keys if key in arrays), None): column for column, keys in _KEYS.items()
    }
    return {names.get(key, key): array for key, array in arrays.items()}


def _column(path: Path, name: str, x: np.ndarray, kinds: Mapping[str, Kind]) -> np.ndarray:
    """An array as a column is stored: floats of 32 bits, pictures and audio with channels."""
    kind = kinds.get(name)
    if x.ndim == 0 or not x.size:
        raise UserError(f"{path}: {name} has shape {list(x.shape)}: there is nothing in it")
    if x.dtype.kind == "f":
        x = x.astype(np.float32, copy=False)
    if name == "x" and x.ndim < 2 and kind is None:
        raise UserError(f"{path}: x has shape {list(x.shape)}; it must be [N, ...]")
    grey = x.ndim == 3 and (isinstance(kind, Image) or (kind is None and x.dtype == np.uint8))
    mono = x.ndim == 2 and (isinstance(kind, Audio) or (kind is None and x.dtype == np.int16))
    if grey or mono:
        x = x[..., None]
    if x.ndim == 4 and (kind is None or isinstance(kind, Image)):
        if x.shape[1] in (1, 3) and x.shape[3] > 4:
            raise UserError(
                f"{path}: {name} {list(x.shape)} has its channels first; transpose it to "
                "[N, H, W, C]"
            )
        unscaled = x.dtype.kind == "f" and max(-x.min(), x.max()) > FULL_SCALE
        if kind is None and unscaled and x.shape[3] in (1, 3):
            raise UserError(
                f"{path}: {name} {list(x.shape)} looks like images, which must lie in [-1, 1], "
                f"but has values in [{x.min():g}, {x.max():g}]; rescale it, or set "
                f"data.kinds.{name} to real"
            )
    return x


def _list_split(
    root: Path, split: str
) -> tuple[tuple[Path, ...], tuple[int, ...] | None, tuple[str, ...] | None]:
    """The files, their labels and the classes of one split; the last two None if it is flat."""
    if root.is_file():
        raise UserError(f"{root} is neither a folder of images nor a .npy or .npz file")
    if not root.is_dir():
        raise UserError(f"there is no folder {root}")
    flat, folders = _contents(root)
    splits = [folder for folder in folders if _holds_images(folder)]
    if flat or not splits or any(folder.name not in SPLITS for folder in splits):
        check_split(str(root), split, tuple(dict.fromkeys(("train", root.resolve().name))))
        listed = {split: _list_images(root)}
    else:
        check_split(str(root), split, [folder.name for folder in splits])
        listed = {folder.name: _list_images(folder) for folder in splits}
    paths, names = listed[split]
    if any((other is None) != (names is None) for _, other in listed.values()):
        raise UserError(f"{root} has class folders in some splits only; sort the others too")
    if names is None:
        return paths, None, None
    classes = sorted({name for _, every in listed.values() for name in every or ()})
    places = {name: place for place, name in enumerate(classes)}
    return paths, tuple(places[name] for name in names), tuple(classes)


def _list_images(root: Path) -> tuple[tuple[Path, ...], tuple[str, ...] | None]:
    """The files and the class of each; None for a flat folder."""
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
        return tuple(flat), None
    if not classes:
        raise UserError(f"{root} holds no images ({' '.join(EXTENSIONS)})")
    empty = [folder for folder in folders if folder not in classes]
    if empty:
        raise UserError(f"class folder {empty[0]} holds no images; remove it or fill it")
    pairs = [(path, folder.name) for folder, files in classes.items() for path in files]
    return tuple(path for path, _ in pairs), tuple(name for _, name in pairs)


def _contents(folder: Path) -> tuple[list[Path], list[Path]]:
    """The images and the folders directly in `folder`, each sorted by name."""
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise UserError(f"could not read the folder {folder}: {error.strerror}") from None
    images = [e for e in entries if e.suffix.lower() in EXTENSIONS and e.is_file()]
    return images, [e for e in entries if e.is_dir()]


def _holds_images(folder: Path) -> bool:
    """Whether there is an image at any depth; a link may lead back to where it lies."""
    seen, waiting = set(), [folder]
    while waiting:
        folder = waiting.pop()
        if folder.resolve() not in seen:
            seen.add(folder.resolve())
            images, folders = _contents(folder)
            if images:
                return True
            waiting += folders
    return False


def _scan(paths: Sequence[Path], *, check_sizes: bool) -> bool:
    """Reads every header; returns whether any image has colour."""
    from PIL import Image
    from tqdm import tqdm

    has_colour, first_size = False, None
    for path in tqdm(paths, desc="reading headers", delay=1, leave=False, disable=None):
        with opened_image(path) as image:
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

    with opened_image(path) as file:
        image = ImageOps.exif_transpose(file)
        if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image.convert("RGBA"))
        pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels[..., None] if channels == 1 else pixels


@contextlib.contextmanager
def opened_image(path: Path) -> Iterator[Any]:
    """An open Pillow image, not yet upright; whatever is wrong with the file becomes one line."""
    from PIL import Image

    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.mode.startswith(("I", "F")):
                raise UserError(f"{path} has more than 8 bits a channel; save it with 8")
            yield image
    except UserError:  # a ValueError too
        raise
    except Exception as error:  # damage has many faces in Pillow
        said = str(error).splitlines() or [type(error).__name__]
        raise UserError(f"{path} cannot be read as an image ({said[0]}); remove it") from None
