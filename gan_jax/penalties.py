"""Penalties: regularisers of a net as a function of its input, most of them of a discriminator.

A critic here is any function `x -> logits` with the parameters closed over, where `x` is `[B, ...]`
and `logits` is `[B]` or, for a discriminator of patches, `[B, h, w]` (summed over the patches).
Each penalty is `[B]`, unweighted: multiply it by the paper's coefficient, or take it as a value
with its weight, `R1(10.0)`. It assumes that a logit depends on its own example alone; batch
normalisation in the critic breaks that.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from gan_jax import prng
from gan_jax.types import Array, PRNGKey, UserError

Critic = Callable[[Array], Array]

Transform = Callable[[PRNGKey, Array], Array]
"""`(keys [B], x [B, ...]) -> x`, as those of `augment`."""

PenaltyFunction = Callable[[Critic, Array, Array, PRNGKey], Array]
"""`(critic, real, fake, keys) -> [B]`, unweighted."""

Weight = float | Callable[[Array], Array]
"""A number, or a schedule: a function of the step."""


def weight_at(weight: Weight, step: Array | int) -> Array | float:
    """The number that a weight is at a step."""
    return weight(jnp.asarray(step)) if callable(weight) else weight


def vanishes(weight: Weight) -> bool:
    """Whether a weight is 0 in every step, so that what it weighs can be left out."""
    return not callable(weight) and weight == 0


class Penalty(NamedTuple):
    """A penalty as `algorithms.gan` takes it.

    Attributes:
      name: of the turn that a lazy one takes.
      function: `(critic, real, fake, keys) -> [B]`.
      weight: what it is multiplied by; one of 0 is left out.
      every: steps from one use to the next, with a weight so many times as large: lazy
        regularisation, by a turn and an update of its own (Analyzing and Improving the Image
        Quality of StyleGAN, Karras et al., 2020, arXiv:1912.04958, section 3.1).
    """

    name: str
    function: PenaltyFunction
    weight: Weight
    every: int = 1

    def __call__(
        self, critic: Critic, real: Array, fake: Array, keys: PRNGKey, step: Array | int = 0
    ) -> Array:
        """The weighted penalty `[B]` at a step."""
        weight = weight_at(self.weight, step) * self.every
        return weight * self.function(critic, real, fake, keys)


def squared_gradient_norm(critic: Critic, x: Array) -> Array:
    """`‖∇D(x)‖²` per example, `[B]`, at least 0; summed over all axes but the first."""
    gradient = jax.grad(lambda x: jnp.sum(critic(x)))(x)
    return jnp.sum(gradient**2, axis=tuple(range(1, gradient.ndim)))


def r1(critic: Critic, real: Array) -> Array:
    """R1, `½ ‖∇D(real)‖²`: makes training converge locally where the unregularised game orbits.

    Which Training Methods for GANs do actually Converge?, Mescheder et al., 2018,
    arXiv:1801.04406, eq. 9 (without its γ, customarily 1 to 10).

    Args:
      critic: `x -> logits`.
      real: real examples `[B, ...]`.

    Returns:
      `[B]`, at least 0.
    """
    return 0.5 * squared_gradient_norm(critic, real)


def r2(critic: Critic, fake: Array) -> Array:
    """R2, `½ ‖∇D(fake)‖²`: R1's counterpart on generated examples `[B, ...]`.

    Which Training Methods for GANs do actually Converge?, Mescheder et al., 2018,
    arXiv:1801.04406, eq. 10.
    """
    return 0.5 * squared_gradient_norm(critic, fake)


def gradient_penalty(
    critic: Critic, real: Array, fake: Array, keys: PRNGKey, *, one_sided: bool = False
) -> Array:
    """WGAN-GP's `(‖∇D(x̂)‖ - 1)²` at random points between real and generated examples.

    `x̂ = real + ε (fake - real)` with one ε, uniform on [0, 1), per example. One-sided it is
    `max(0, ‖∇D(x̂)‖ - 1)²`. The gradient of the norm at a vanishing gradient, where it does not
    exist, is taken as 0 and not NaN.

    Improved Training of Wasserstein GANs, Gulrajani et al., 2017, arXiv:1704.00028, eq. 3
    (without its λ, customarily 10); one-sided On the Regularization of Wasserstein GANs, Petzka et
    al., 2018, arXiv:1709.08894, eq. 8.

    Args:
      critic: `x -> logits`.
      real: `[B, ...]`.
      fake: `[B, ...]`.
      keys: `[B]`, one key per example.
      one_sided: whether slopes below 1 are left alone.

    Returns:
      `[B]`, at least 0.
    """
    chex.assert_equal_shape([real, fake])
    epsilon = prng.uniform(keys, (1,) * (real.ndim - 1))
    excess = _gradient_norm(critic, real + epsilon * (fake - real)) - 1
    return (jax.nn.relu(excess) if one_sided else excess) ** 2


def dragan(critic: Critic, real: Array, keys: PRNGKey, *, std: Array | float) -> Array:
    """DRAGAN's `(‖∇D(x̂)‖ - 1)²` around real examples: `x̂ = real + ½ α σ u`.

    α is uniform on [0, 1), one an example, and u, one an element.

    On Convergence and Stability of GANs, Kodali et al., 2017, arXiv:1705.07215; the noise is that
    of the authors' code, github.com/kodalinaveen3/DRAGAN, whose σ is of the minibatch.

    Args:
      critic: `x -> logits`.
      real: `[B, ...]`.
      keys: `[B]`, one key per example.
      std: σ, the standard deviation of the data.

    Returns:
      `[B]`, at least 0.
    """
    alpha = prng.uniform(prng.fold_in(keys, "alpha"), (1,) * (real.ndim - 1))
    noise = alpha * prng.uniform(keys, real.shape[1:])
    return (_gradient_norm(critic, real + 0.5 * std * noise) - 1) ** 2


def consistency(critic: Critic, x: Array, keys: PRNGKey, transform: Transform) -> Array:
    """`(D(x) - D(T(x)))²`, the mean over patches: what is alike is judged alike.

    Consistency Regularization for Generative Adversarial Networks, Zhang et al., 2020,
    arXiv:1910.12027, eq. 5; of samples as well as data it is the balanced form of Improved
    Consistency Regularization for GANs, Zhao et al., 2021, arXiv:2002.04724.

    Args:
      critic: `x -> logits`.
      x: `[B, ...]`.
      keys: `[B]`, one key per example.
      transform: T, `(keys, x) -> x` of the same shape, such as a flip and a shift.

    Returns:
      `[B]`, at least 0.
    """
    square = (critic(x) - critic(transform(keys, x))) ** 2
    return jnp.mean(square, axis=tuple(range(1, square.ndim)))


def path_length(render: Callable[[Array], Array], styles: Array, keys: PRNGKey) -> Array:
    """How far an image moves with its style: `‖Jᵀ y‖`, for a random image y of expected length √C.

    J is the Jacobian of `render`, y is normal over the square root of the number of pixels, and
    the length is the root of the mean over layers of the squared length of a layer's style.
    StyleGAN2's generator keeps it near a running average: `algorithms.path_regularised`.

    Analyzing and Improving the Image Quality of StyleGAN, Karras et al., 2020, arXiv:1912.04958,
    section 3.2, as its authors' code scales it.

    Args:
      render: `styles -> images [B, H, W, C]`, each of its own styles alone.
      styles: `[B, L, W]`, one for each of L layers.
      keys: `[B]`, of y.

    Returns:
      `[B]`, at least 0; as a gradient of the root at 0, where there is none, 0 is taken.
    """
    images, pull_back = jax.vjp(render, styles)
    pixels = math.prod(images.shape[1:-1])
    noise = prng.normal(keys, images.shape[1:]) / math.sqrt(pixels)
    (slopes,) = pull_back(noise.astype(images.dtype))
    return _root(jnp.mean(jnp.sum(slopes**2, axis=-1), axis=-1))


def _gradient_norm(critic: Critic, x: Array) -> Array:
    return _root(squared_gradient_norm(critic, x))


def _root(squared: Array) -> Array:
    """The square root, whose gradient at 0 is 0."""
    positive = squared > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)


def _checked(name: str, function: PenaltyFunction, weight: Weight, every: int) -> Penalty:
    if not callable(weight) and not 0 <= weight < math.inf:
        raise UserError(f"the weight {weight} of {name} is not a finite number from 0")
    if every < 1:
        raise UserError(f"{name} every {every} steps: it must be at least 1")
    return Penalty(name, function, weight, every)


def R1(weight: Weight, every: int = 1) -> Penalty:  # noqa: N802
    """`r1` of real examples with its weight γ."""
    return _checked("r1", lambda critic, real, fake, keys: r1(critic, real), weight, every)


def R2(weight: Weight, every: int = 1) -> Penalty:  # noqa: N802
    """`r2` of generated examples with its weight γ."""
    return _checked("r2", lambda critic, real, fake, keys: r2(critic, fake), weight, every)


def GradientPenalty(weight: Weight, every: int = 1, *, one_sided: bool = False) -> Penalty:  # noqa: N802
    """`gradient_penalty` between the two with its weight λ."""
    function = partial(gradient_penalty, one_sided=one_sided)
    return _checked("gradient_penalty", function, weight, every)


def Dragan(weight: Weight, every: int = 1, *, std: float) -> Penalty:  # noqa: N802
    """`dragan` around real examples with its weight λ, 10 in the paper."""
    if not 0 < std < math.inf:
        raise UserError(f"the standard deviation {std} of dragan is not a finite number above 0")
    function = lambda critic, real, fake, keys: dragan(critic, real, keys, std=std)
    return _checked("dragan", function, weight, every)


def Consistency(  # noqa: N802
    weight: Weight, every: int = 1, *, transform: Transform, balanced: bool = False
) -> Penalty:
    """`consistency` of real examples, or `balanced` of both kinds, with its weight λ, 10."""

    def function(critic: Critic, real: Array, fake: Array, keys: PRNGKey) -> Array:
        each = [("real", real), ("fake", fake)] if balanced else [("real", real)]
        some = [consistency(critic, x, prng.fold_in(keys, name), transform) for name, x in each]
        return sum(some, jnp.zeros(()))

    return _checked("consistency", function, weight, every)
