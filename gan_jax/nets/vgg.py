"""VGG-19's convolutions, whose maps perceptual losses compare.

Very Deep Convolutional Networks for Large-Scale Image Recognition, Simonyan & Zisserman, 2014,
arXiv:1409.1556, table 1, E.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import unflatten_dict

from gan_jax.layers import Conv
from gan_jax.types import Array, UserError, Variables

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, in [0, 1]
_CONVS = (2, 2, 4, 4, 4)  # of each block, before its maps are halved


class VGG(nn.Module):
    """The net up to the last map that is asked for.

    Attributes:
      taps: which maps, such as `conv5_4`, the fourth of the fifth block, after its rectifier.
      width: channels of the first block, doubled at each further one, up to eight times.
      dtype: of the computation; the maps are float32.
    """

    taps: Sequence[str] = ("conv5_4",)
    width: int = 64
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, label: None = None, train: bool = False) -> dict[str, Array]:
        """Maps images [B, H, W, 1 or 3] in [-1, 1] to maps [B, h, w, F] by name.

        Raises:
          UserError: for a map that there is not.
        """
        del label, train
        names = [f"conv{b}_{c}" for b, n in enumerate(_CONVS, 1) for c in range(1, n + 1)]
        if unknown := [tap for tap in self.taps if tap not in names]:
            raise UserError(f"VGG-19 has no map {unknown[0]!r}: from {names[0]} to {names[-1]}")
        mean, std = (jnp.asarray(v)[None, None, None] for v in (_MEAN, _STD))
        x, found = ((x + 1) / 2 - mean) / std, {}
        for name in names[: 1 + max(map(names.index, self.taps))]:
            block = int(name[4])
            if block > 1 and name.endswith("_1"):
                x = nn.max_pool(x, (2, 2), strides=(2, 2))
            features = self.width * min(2 ** (block - 1), 8)
            init = nn.initializers.he_normal()
            conv = Conv(features, (3, 3), kernel_init=init, dtype=self.dtype, name=name)
            x = nn.relu(conv(x))
            if name in self.taps:
                found[name] = x.astype(jnp.float32)
        return found


def from_torch_state_dict(state: Mapping[str, np.ndarray], taps: Sequence[str]) -> Variables:
    """The variables of `VGG(taps)` from torchvision's of `vgg19`.

    Args:
      state: arrays by name, kernels [F, C, 3, 3]; the dense layers may be there or not.
      taps: of the net.

    Raises:
      UserError: a layer is missing.
    """
    names, place = {}, 0
    for block, count in enumerate(_CONVS, 1):
        for conv in range(1, count + 1):
            names[f"conv{block}_{conv}"] = f"features.{place}"
            place += 2  # with its rectifier
        place += 1  # the pooling
    last = max(list(names).index(tap) for tap in taps)
    params = {}
    for name, theirs in list(names.items())[: last + 1]:
        if f"{theirs}.weight" not in state:
            raise UserError(f"these are not the weights of VGG-19: {theirs}.weight is missing")
        params[name, "kernel"] = np.transpose(state[f"{theirs}.weight"], (2, 3, 1, 0))
        params[name, "bias"] = np.asarray(state[f"{theirs}.bias"])
    return {"params": unflatten_dict(params)}
