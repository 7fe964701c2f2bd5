"""How often a side is doubled on the way to an image."""

from gan_jax.types import UserError


def base_and_stages(resolution: int) -> tuple[int, int]:
    """The side of the smallest feature map and how often it is doubled.

    Args:
      resolution: 4 or 7 times a power of two: 8, 14, 16, 28, 32, 56, 64, 128, ...

    Raises:
      UserError: for any other resolution.
    """
    for base in (4, 7):
        stages = (resolution // base).bit_length() - 1
        if stages >= 1 and base << stages == resolution:
            return base, stages
    raise UserError(
        f"resolution {resolution} is neither 4 nor 7 times a power of two (8, 14, 16, 28, 32, ...)"
    )
