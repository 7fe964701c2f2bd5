"""Images in, images out: pure functions of arrays [N, H, W, C]."""

import numpy as np

from gan_jax.types import UserError

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601-2


def resize(images: np.ndarray, resolution: int) -> np.ndarray:
    """Crops the central square and resizes it with Pillow's antialiased bicubic filter.

    Args:
        images: uint8 [N, H, W, C].
        resolution: The side of the result; images that have it already are returned as they are.

    Returns:
        uint8 [N, resolution, resolution, C].

    Raises:
        UserError: if `images` are no uint8 images, or `resolution` is less than 1.
    """
    if images.ndim != 4 or images.dtype != np.uint8:
        raise UserError(
            f"only uint8 images [H, W, C] can be resized, got {images.dtype} "
            f"{list(images.shape[1:])}; remove data.resolution or store uint8 images"
        )
    if resolution < 1:
        raise UserError(f"data.resolution must be at least 1, got {resolution}")
    if images.shape[1:3] == (resolution, resolution):
        return images
    square = _central_square(images)
    result = np.empty((len(images), resolution, resolution, images.shape[-1]), np.uint8)
    for i in range(len(images)):
        result[i] = _resize_square(square[i], resolution)
    return result


def resize_labels(maps: np.ndarray, resolution: int) -> np.ndarray:
    """Crops the central square of label maps and resizes it to the nearest pixel's class.

    Args:
        maps: Integers [N, H, W].
        resolution: The side of the result.

    Returns:
        [N, resolution, resolution] of the same dtype.

    Raises:
        UserError: if `maps` are no label maps, or `resolution` is less than 1.
    """
    if maps.ndim != 3 or maps.dtype.kind not in "iu":
        raise UserError(f"label maps are integers [N, H, W], got {maps.dtype} {list(maps.shape)}")
    if resolution < 1:
        raise UserError(f"data.resolution must be at least 1, got {resolution}")
    square = _central_square(maps)
    # the centre of every new pixel, where the old pixels' corners are whole numbers
    nearest = ((np.arange(resolution) + 0.5) * square.shape[1] / resolution).astype(int)
    return square[:, nearest[:, None], nearest]


def set_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Makes images grey or coloured.

    Args:
        images: uint8, or float32 in [-1, 1], [..., C] with C 1 or 3.
        channels: 1 or 3. Grey repeated gives three channels; ITU-R 601-2 luma gives one.

    Returns:
        [..., channels] of the same dtype; `images` themselves where C is right already.

    Raises:
        UserError: for any other number of channels, before or after.
    """
    present = images.shape[-1]
    if channels not in (1, 3):
        raise UserError(f"data.channels must be 1 or 3, got {channels}")
    if present == channels:
        return images
    if channels == 3 and present == 1:
        return np.repeat(images, 3, axis=-1)
    if channels == 1 and present == 3:
        grey = (images @ _LUMA)[..., None]
        if images.dtype == np.uint8:
            return np.rint(grey).astype(np.uint8)
        return np.clip(grey, -1, 1)  # the weights add up to 1 only to rounding
    raise UserError(f"images of {present} channels cannot be given {channels}")


def invert(images: np.ndarray) -> np.ndarray:
    """The negative: `255 - x` of uint8, `-x` of floats in [-1, 1]."""
    return 255 - images if images.dtype == np.uint8 else -images


def tint(images: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Grey images in colours of their own: white becomes the colour, black stays.

    Args:
        images: uint8 [N, H, W, 1].
        colours: uint8 [N, 3].

    Returns:
        uint8 [N, H, W, 3].
    """
    shares = images.astype(np.float32) / 255
    return np.rint(shares * colours[:, None, None].astype(np.float32)).astype(np.uint8)


def thicken(images: np.ndarray) -> np.ndarray:
    """Thickens bright strokes by a pixel: grey dilation with a 3x3 cross, each channel by itself.

    Args:
        images: uint8 or float32 [N, H, W, C].

    Returns:
        The same shape and dtype, nowhere darker than `images`.
    """
    from scipy import ndimage

    cross = ndimage.generate_binary_structure(2, 1)[None, :, :, None]
    return ndimage.grey_dilation(images, footprint=cross, mode="nearest")


def _central_square(images: np.ndarray) -> np.ndarray:
    height, width = images.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[:, top : top + side, left : left + side]


def _resize_square(image: np.ndarray, resolution: int) -> np.ndarray:
    from PIL import Image

    def one(plane: np.ndarray) -> np.ndarray:
        picture = Image.fromarray(np.ascontiguousarray(plane))
        resized = picture.resize((resolution, resolution), Image.Resampling.BICUBIC)
        return np.asarray(resized)

    if image.shape[-1] == 3:
        return one(image)
    return np.stack([one(image[..., c]) for c in range(image.shape[-1])], axis=-1)
