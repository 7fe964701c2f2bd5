"""What each kind of column looks like to a person, and how samples of it are written."""

from gan_jax.kinds import show, write

__all__ = ["show", "write"]
