"""Optimizers by plain numbers: Adam with a schedule and clipping, as optax builds it."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
import optax.contrib

from gan_jax.types import Array, Params, PRNGKey, UserError

DECAYS = ("constant", "linear", "cosine")

NUMBERS = ("learning_rate", "beta1", "beta2", "epsilon")
"""Of `Adam`, that runs which are trained together may differ in."""


@dataclasses.dataclass(frozen=True)
class Adam:
    """Settings of one player's Adam.

    Attributes:
      learning_rate: at its highest.
      beta1: decay of the first moment; 0.5 in DCGAN, 0 under a gradient penalty.
      beta2: decay of the second moment.
      epsilon: added to the root of the second moment.
      warmup_steps: updates over which the learning rate rises linearly from 0.
      decay: "constant", "linear" or "cosine" over the updates after the warm-up.
      decay_start: share of these before the decay sets in, in [0, 1): half of them in CycleGAN.
      final_scale: learning rate at the end of the decay, relative to the highest.
      clip_norm: gradients of a larger global norm are scaled down to it; 0 for never.

    Raises:
      UserError: for an unknown decay, or a number out of its range.
    """

    learning_rate: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    epsilon: float = 1e-8
    warmup_steps: int = 0
    decay: str = "constant"
    decay_start: float = 0.0
    final_scale: float = 0.0
    clip_norm: float = 0.0

    def __post_init__(self) -> None:
        if self.decay not in DECAYS:
            raise UserError(f"decay {self.decay!r} is none of {', '.join(DECAYS)}")
        for name in ("beta1", "beta2", "decay_start"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"{name} {getattr(self, name)} is not in [0, 1)")
        for name in ("learning_rate", "epsilon", "final_scale", "clip_norm"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UserError(f"{name} {getattr(self, name)} is not a finite number from 0")
        if not 0 <= self.warmup_steps < 2**31:
            raise UserError(f"warmup_steps {self.warmup_steps} is not in 0..2^31 - 1")

    def build(self, updates: int, **numbers: Array) -> optax.GradientTransformation:
        """The optimizer for a run of so many updates.

        Adam: A Method for Stochastic Optimization, Kingma & Ba, 2014, arXiv:1412.6980.

        Args:
          updates: how many.
          **numbers: of `NUMBERS`, in place of its own; they may be traced, and are not checked.
        """
        beta1, beta2 = numbers.get("beta1", self.beta1), numbers.get("beta2", self.beta2)
        schedule = self.schedule(updates, numbers.get("learning_rate"))
        adam = optax.adam(schedule, beta1, beta2, numbers.get("epsilon", self.epsilon))
        if self.clip_norm:
            return optax.chain(optax.clip_by_global_norm(self.clip_norm), adam)
        return adam

    def schedule(self, updates: int, learning_rate: Array | None = None) -> optax.Schedule:
        """Learning rate by update, at its highest its own or `learning_rate`."""
        rate = self.learning_rate if learning_rate is None else learning_rate
        after = max(updates - self.warmup_steps, 1)
        level = round(self.decay_start * after)
        after = max(after - level, 1)
        if self.decay == "constant":
            decay = optax.constant_schedule(rate)
        elif self.decay == "linear":
            decay = optax.linear_schedule(rate, rate * self.final_scale, after)
        else:
            decay = optax.cosine_decay_schedule(rate, after, self.final_scale)
        parts, ends = [decay], []
        if level:
            parts, ends = [optax.constant_schedule(rate), *parts], [self.warmup_steps + level]
        if self.warmup_steps:
            warmup = optax.linear_schedule(0.0, rate, self.warmup_steps)
            parts, ends = [warmup, *parts], [self.warmup_steps, *ends]
        return optax.join_schedules(parts, ends) if ends else decay


def clip_weights(limit: float) -> optax.GradientTransformation:
    """Keeps every parameter in `[-limit, limit]`; the last of a chain.

    Wasserstein GAN, Arjovsky et al., 2017, arXiv:1701.07875, algorithm 1, where it is 0.01.

    Raises:
      UserError: the limit is not above 0.
    """
    if not 0 < limit < math.inf:
        raise UserError(f"the limit {limit} of weights is not a finite number above 0")

    def clipped(update: Array, param: Array) -> Array:
        return jnp.clip(param + update, -limit, limit) - param

    return optax.stateless_with_tree_map(clipped)


def private(
    inner: optax.GradientTransformation,
    *,
    clip: float,
    noise_multiplier: float,
    batch_size: int,
    key: PRNGKey,
) -> optax.GradientTransformation:
    """Adds noise to the mean of gradients that are clipped example by example, as `Turn.clip` does.

    `optax.contrib.differentially_private_aggregate` of the mean in place of all the gradients: a
    mean has no larger norm than each, so the clipping there is idle, and the noise of a batch of
    one is brought to that of the batch. Of the noise whoever knows the key knows all.

    Deep Learning with Differential Privacy, Abadi et al., 2016, arXiv:1607.00133.

    Args:
      inner: what descends by the noisy gradient, such as Adam.
      clip: the largest norm of an example's gradient.
      noise_multiplier: σ, the noise's standard deviation in a sum of gradients, in units of `clip`.
      batch_size: over all devices.
      key: where the noise begins; its state is the optimizer's, equal on all devices.

    Raises:
      UserError: σ is not a finite number from 0.
    """
    if not 0 <= noise_multiplier < math.inf:
        raise UserError(f"noise_multiplier {noise_multiplier} is not a finite number from 0")
    alone = optax.stateless(lambda mean, _: jax.tree.map(lambda g: g[None], mean))
    noise = optax.contrib.differentially_private_aggregate(clip, noise_multiplier / batch_size, key)
    return optax.chain(alone, noise, inner)


def at_first(
    inner: optax.GradientTransformation, factor: float, updates: int
) -> optax.GradientTransformation:
    """Another learning rate, `factor` times its own, in the first so many updates of an optimizer.

    Such are the updates by likelihood that come before a net's adversary.
    """

    def scale(update: Array) -> Array:
        return jnp.where(update < updates, factor, 1.0)

    return optax.chain(inner, optax.scale_by_schedule(scale))


def near_orthogonal(beta: float = 0.001) -> optax.GradientTransformation:
    """Draws every matrix towards the orthogonal ones: `W <- (1 + β) W - β (W Wᵀ) W`; comes last.

    Word Translation Without Parallel Data, Conneau et al., 2018, arXiv:1710.04087, eq. 7.

    Args:
      beta: β, 0.001 in the paper.

    Raises:
      UserError: β is not in [0, 1].
    """
    if not 0 <= beta <= 1:
        raise UserError(f"beta {beta} is not in [0, 1]")

    def drawn(update: Array, param: Array) -> Array:
        w = param + update
        return (1 + beta) * w - beta * (w @ w.T) @ w - param

    return optax.stateless_with_tree_map(drawn)


def freeze(*names: str) -> optax.GradientTransformation:
    """Leaves the parameters as they are whose paths, such as `Body_0/Conv_1/kernel`, lie in these.

    It is the last of a chain. A discriminator whose first layers keep another run's weights is that
    of Freeze the Discriminator, Mo et al., 2020, arXiv:2002.10964.

    Raises:
      UserError: there is no parameter of a name.
    """

    def init(params: Params) -> optax.EmptyState:
        paths = [_path(path) for path, _ in jax.tree.leaves_with_path(params)]
        for name in names:
            if not any(_within(path, (name,)) for path in paths):
                raise UserError(f"there is no parameter {name!r} to freeze among {paths}")
        return optax.EmptyState()

    def update(
        updates: Params, state: optax.EmptyState, params: Params | None = None
    ) -> tuple[Params, optax.EmptyState]:
        del params
        still = lambda path, update: (
            jnp.zeros_like(update) if _within(_path(path), names) else update
        )
        return jax.tree.map_with_path(still, updates), state

    return optax.GradientTransformation(init, update)


def _within(path: str, names: tuple[str, ...]) -> bool:
    return any(path == name or path.startswith(f"{name}/") for name in names)


def _path(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


class ExtragradientState(NamedTuple):
    """Of `extragradient`: the inner optimizer's, where it came from, and whether it is ahead."""

    inner: optax.OptState
    origin: Params
    ahead: Array


def extragradient(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    """Looks a step ahead and goes, from where it was, by the gradient found there.

    Every other update is the look ahead, so that two steps of a game, by players who move at once
    (`simultaneous`) and once in a step, are one of the method. An average (EMA) is then also of the
    points ahead.

    A Variational Inequality Perspective on Generative Adversarial Networks, Gidel et al., 2019,
    arXiv:1802.10551, algorithm 2, with `optax.adam` algorithm 4. Its optimistic sibling is
    `optax.optimistic_gradient_descent`.
    """

    def init(params: Params) -> ExtragradientState:
        origin = jax.tree.map(jnp.copy, params)
        return ExtragradientState(inner.init(params), origin, jnp.zeros((), bool))

    def update(
        grads: Params, state: ExtragradientState, params: Params | None = None
    ) -> tuple[Params, ExtragradientState]:
        updates, new = inner.update(grads, state.inner, params)
        origin = jax.tree.map(
            lambda old, here: jnp.where(state.ahead, old, here), state.origin, params
        )
        target = jax.tree.map(jnp.add, origin, updates)
        updates = jax.tree.map(jnp.subtract, target, params)
        return updates, ExtragradientState(new, origin, ~state.ahead)

    return optax.GradientTransformation(init, update)


def cosine(start: float, end: float, steps: int) -> optax.Schedule:
    """From `start` to `end` on half a cosine over so many steps; `end` ever after."""

    def schedule(step: Array | int) -> Array:
        share = jnp.clip(jnp.asarray(step) / max(steps, 1), 0.0, 1.0)
        return end + (start - end) * 0.5 * (1 + jnp.cos(jnp.pi * share))

    return schedule
