"""Convolutions whose derivatives of every order are fast on CPU too.

XLA on CPU runs two kinds of convolution in a naive path, ten times slower and more: the gradient
with respect to the kernel, and any convolution whose input is dilated, which is what a transposed
convolution and the gradient of a strided one are. Inside a loop more of them fall into it. The
reports are many (jax-ml/jax #12868, #23783, #31662; openxla/xla #34273; patrick-kidger/equinox
#1259) and a GAN meets all of it at once: its generator is transposed convolutions, and a gradient
penalty takes second derivatives.

The cure is a family of three bilinear maps, each the transpose of the others,

- `conv(x, w)`, the convolution;
- `conv_input(dy, w)`, its transpose in `x`;
- `conv_kernel(x, dy)`, its transpose in `w`,

each differentiating into the other two, so that the family is closed under differentiation. On CPU
each is written in operations that are fast there (`cpu_conv`); on other platforms the maps lower to
XLA's own, which are the better ones there. The choice is made when a program is lowered. Each is
jitted, so that a shape is traced once however often it is met; whoever changes the constants of
`cpu_conv` in a running process calls `jax.clear_caches()` for them to be seen.

`Conv` and `ConvTranspose` are drop-in replacements for the Flax modules of those names: the same
parameters, shapes, padding conventions and numbers. They need nothing else of this project.
Derivatives are reverse-mode, of any order; there is no dilation and no circular padding.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.layers import cpu_conv
from gan_jax.layers.cpu_conv import native, transposed

Array = jax.Array
Sizes = tuple[int, ...]
Padding = tuple[tuple[int, int], ...]


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
@functools.partial(jax.jit, static_argnums=(2, 3))
def conv(x: Array, w: Array, strides: Sizes, padding: Padding) -> Array:
    """Convolution (cross-correlation, as in deep learning) in N spatial dimensions.

    Args:
      x: `[B, *space, C]`.
      w: `[*kernel, C, F]`.
      strides: one per spatial dimension.
      padding: zeros before and after, per spatial dimension; negative values crop.

    Returns:
      `[B, *out, F]`.
    """
    return lax.platform_dependent(
        x,
        w,
        cpu=lambda x, w: cpu_conv.conv(x, w, strides, padding),
        default=lambda x, w: native(x, w, strides, padding),
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
@functools.partial(jax.jit, static_argnums=(2, 3, 4))
def conv_input(dy: Array, w: Array, strides: Sizes, padding: Padding, size: Sizes) -> Array:
    """The transpose of `conv` in `x`, for an input of spatial shape `size`.

    Args:
      dy: `[B, *out, F]`.
      w: `[*kernel, C, F]`.
      strides: of the convolution.
      padding: of the convolution.
      size: the spatial shape of its input.

    Returns:
      `[B, *size, C]`.
    """
    shape = (dy.shape[0], *size, w.shape[-2])
    return lax.platform_dependent(
        dy,
        w,
        cpu=lambda dy, w: cpu_conv.conv_input(dy, w, strides, padding, size),
        default=lambda dy, w: transposed(lambda x: native(x, w, strides, padding), shape, dy),
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
@functools.partial(jax.jit, static_argnums=(2, 3, 4))
def conv_kernel(x: Array, dy: Array, strides: Sizes, padding: Padding, kernel: Sizes) -> Array:
    """The transpose of `conv` in `w`, for a kernel of spatial shape `kernel`.

    Args:
      x: `[B, *space, C]`.
      dy: `[B, *out, F]`.
      strides: of the convolution.
      padding: of the convolution.
      kernel: the spatial shape of its kernel.

    Returns:
      `[*kernel, C, F]`.
    """
    shape = (*kernel, x.shape[-1], dy.shape[-1])
    return lax.platform_dependent(
        x,
        dy,
        cpu=lambda x, dy: cpu_conv.conv_kernel(x, dy, strides, padding, kernel),
        default=lambda x, dy: transposed(lambda w: native(x, w, strides, padding), shape, dy),
    )


def _residuals(f: Callable) -> Callable:
    return lambda a, b, *static: (f(a, b, *static), (a, b))


def _conv_transpose_rule(strides: Sizes, padding: Padding, inputs: tuple, dy: Array) -> tuple:
    x, w = inputs
    return (
        conv_input(dy, w, strides, padding, x.shape[1:-1]),
        conv_kernel(x, dy, strides, padding, w.shape[:-2]),
    )


def _conv_input_rule(
    strides: Sizes, padding: Padding, size: Sizes, inputs: tuple, dx: Array
) -> tuple:
    dy, w = inputs
    return (
        conv(dx, w, strides, padding),
        conv_kernel(dx, dy, strides, padding, w.shape[:-2]),
    )


def _conv_kernel_rule(
    strides: Sizes, padding: Padding, kernel: Sizes, inputs: tuple, dw: Array
) -> tuple:
    x, dy = inputs
    return (
        conv_input(dy, dw, strides, padding, x.shape[1:-1]),
        conv(x, dw, strides, padding),
    )


conv.defvjp(_residuals(conv), _conv_transpose_rule)
conv_input.defvjp(_residuals(conv_input), _conv_input_rule)
conv_kernel.defvjp(_residuals(conv_kernel), _conv_kernel_rule)


class Conv(nn.Module):
    """A convolution, drop-in for `flax.linen.Conv`.

    Attributes:
      features: output channels.
      kernel_size: one integer per spatial dimension; their number says how many there are.
      strides: an integer or one per spatial dimension.
      padding: "SAME", "VALID", an integer, or one integer or `(before, after)` per dimension.
      use_bias: whether to add a bias.
      dtype: of the computation; that of input and parameters where None.
      param_dtype: of the parameters.
      kernel_init: initialiser of the kernel `[*kernel_size, C, features]`.
      bias_init: initialiser of the bias `[features]`.
      feature_group_count: groups of channels, of the input and of the output alike, that have
        nothing to do with one another; it divides both. The kernel is `[*kernel_size, C / groups,
        features]`.
    """

    features: int
    kernel_size: Sequence[int]
    strides: int | Sequence[int] = 1
    padding: str | int | Sequence[int | tuple[int, int]] = "SAME"
    use_bias: bool = True
    dtype: Any = None
    param_dtype: Any = jnp.float32
    kernel_init: Callable = nn.linear.default_kernel_init
    bias_init: Callable = nn.initializers.zeros
    feature_group_count: int = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps `x` [B, *space, C] to [B, *out, features]."""
        groups = self.feature_group_count
        kernel = (*self.kernel_size, x.shape[-1] // groups, self.features)
        w = self.param("kernel", self.kernel_init, kernel, self.param_dtype)
        bias = None
        if self.use_bias:
            bias = self.param("bias", self.bias_init, (self.features,), self.param_dtype)
        x, w, bias = nn.dtypes.promote_dtype(x, w, bias, dtype=self.dtype)
        strides = self._per_dimension(self.strides)
        padding: Any = self.padding
        if not isinstance(padding, str):
            sides = self._per_dimension(padding)
            padding = tuple((p, p) if isinstance(p, int) else tuple(p) for p in sides)
        convolve = functools.partial(self._convolve, strides=strides, padding=padding)
        if groups == 1:
            y = convolve(x, w)
        else:
            x, w = (a.reshape(*a.shape[:-1], groups, -1) for a in (x, w))
            y = jax.vmap(convolve, in_axes=(-2, -2), out_axes=-2)(x, w)
            y = y.reshape(*y.shape[:-2], self.features)
        return y if bias is None else y + bias.reshape((1,) * (y.ndim - 1) + (-1,))

    def _per_dimension(self, value: int | Sequence) -> tuple:
        return (value,) * len(self.kernel_size) if isinstance(value, int) else tuple(value)

    def _convolve(self, x: Array, w: Array, strides: Sizes, padding: str | Padding) -> Array:
        if isinstance(padding, str):
            padding = tuple(lax.padtype_to_pads(x.shape[1:-1], w.shape[:-2], strides, padding))
        return conv(x, w, strides, padding)


class ConvTranspose(Conv):
    """A transposed convolution, drop-in for `flax.linen.ConvTranspose`; attributes as `Conv`'s.

    "SAME" multiplies each spatial dimension by its stride. Explicit padding is that of the dilated
    input, as in `lax.conv_transpose`.
    """

    def _convolve(self, x: Array, w: Array, strides: Sizes, padding: str | Padding) -> Array:
        kernel = w.shape[:-2]
        if isinstance(padding, str):
            pads = (_transposed_padding(*ks, padding) for ks in zip(kernel, strides, strict=True))
            padding = tuple(pads)
        # Flipped, the kernel is that of the convolution whose transpose this is.
        w = jnp.flip(w, axis=range(len(kernel))).swapaxes(-1, -2)
        size = tuple(
            (d - 1) * s + 2 + lo + hi - k
            for d, s, k, (lo, hi) in zip(x.shape[1:-1], strides, kernel, padding, strict=True)
        )
        crop = tuple((k - 1 - lo, k - 1 - hi) for k, (lo, hi) in zip(kernel, padding, strict=True))
        return conv_input(x, w, strides, crop, size)


def _transposed_padding(kernel: int, stride: int, padding: str) -> tuple[int, int]:
    """Padding of the dilated input, by the convention of `lax.conv_transpose`."""
    if padding == "SAME":
        total = kernel + stride - 2
        before = kernel - 1 if stride > kernel - 1 else -(-total // 2)
    elif padding == "VALID":
        total = kernel + stride - 2 + max(kernel - stride, 0)
        before = kernel - 1
    else:
        raise ValueError(f"padding is 'SAME', 'VALID' or numbers, not {padding!r}")
    return before, total - before
