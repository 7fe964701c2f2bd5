"""What the devices of a mapped axis compute together."""

from functools import partial
from typing import Any

import jax
from jax import lax
from jax.flatten_util import ravel_pytree

_SMALL = 65_536  # numbers that a CPU copies in the time that its devices take to meet


def pmean(tree: Any, axis_name: str) -> Any:
    """`lax.pmean` of a tree of floats; on CPU all its small arrays travel as one.

    There devices meet anew for every array. GPUs and TPUs are left to XLA, which joins them itself.
    """
    mean = partial(lax.pmean, axis_name=axis_name)

    def joined(tree: Any) -> Any:
        small = jax.tree.map(lambda x: x if x.size < _SMALL else None, tree)
        large = jax.tree.map(lambda x: None if x.size < _SMALL else x, tree)
        vector, split = ravel_pytree(small)
        vector, large = mean((vector, large))
        either = lambda small, large: large if small is None else small
        return jax.tree.map(either, split(vector), large, is_leaf=lambda x: x is None)

    return lax.platform_dependent(tree, cpu=joined, default=mean)
