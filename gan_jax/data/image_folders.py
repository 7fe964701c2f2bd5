"""A user's own data: folders of images."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.data.dataset import Example, check_split
from gan_jax.data.kinds import Category, Image, Kind
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

_EXIF_ORIENTATION = 0x0112


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
