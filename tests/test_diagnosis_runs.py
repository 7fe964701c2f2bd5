"""Small real trainings, each with one illness planted, over five seeds.

Every detector finds its own illness in all of them and says nothing of the healthy ones.
"""

from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import algorithms, evaluation, losses, nets, penalties, priors, prng
from gan_jax.data import ArrayDataset, ring_mixture
from gan_jax.diagnosis import diagnose
from gan_jax.step import init_state, train_step

pytestmark = pytest.mark.usefixtures("optimised")

SEEDS = jax.vmap(jax.random.key)(jnp.arange(5))
EVALUATIONS, RECORDS, STEPS = 10, 10, 10
BATCH, SAMPLES = 64, 256


def play(key, game, optimizers, data, held_out):
    """Metrics of each step, `[EVALUATIONS, RECORDS, STEPS]`, and at each evaluation D's view of
    data seen and held out, and samples."""
    state = init_state(game, optimizers, key, {"x": data})
    inputs = game.inputs(prng.per_example(key, SAMPLES), {})

    def step(state, _):
        rows = jax.random.randint(jax.random.fold_in(key, state.step), (1, BATCH), 0, len(data))
        return train_step(game, state, {"x": data[rows]}, ema_decay=0.99)

    def evaluate(state, _):
        state, metrics = jax.lax.scan(record, state, length=RECORDS)
        players = state.variables()
        figures = {
            f"{name}/{figure}": value
            for name, x in (("seen", data), ("held_out", held_out))
            for figure, value in game.metrics(
                players, {"x": x}, prng.per_example(key, len(x))
            ).items()
        }
        return state, (metrics, figures, game.sample(players, inputs))

    record = lambda state, _: jax.lax.scan(step, state, length=STEPS)
    return jax.lax.scan(evaluate, state, length=EVALUATIONS)[1]


def histories(played, metric=lambda samples: {}):
    """Each seed's records, as a run logs them."""
    metrics, figures, samples = jax.tree.map(np.asarray, played)

    def history(seed):
        for i in range(EVALUATIONS):
            for j in range(RECORDS):
                step = STEPS * (RECORDS * i + j + 1)
                yield {"step": step} | {n: float(v[seed, i, j].mean()) for n, v in metrics.items()}
            evaluated = {n: float(v[seed, i]) for n, v in figures.items()}
            of_samples = {f"samples/{n}": v for n, v in metric(samples[seed, i]).items()}
            yield {"step": step} | evaluated | of_samples

    return [list(history(seed)) for seed in range(len(SEEDS))]


class Settings(NamedTuple):
    """What tells one run from another; all numbers, so that one program plays them all."""

    r1: float = 0.0
    gradient_penalty: float = 0.0
    wasserstein: float = 0.0
    saturating: float = 0.0
    generator: float = 1e-3
    discriminator: float = 1e-3


@jax.jit
@partial(jax.vmap, in_axes=(0, None, None, None))
def play_points(key, settings, data, held_out):
    """A GAN of small MLPs."""

    def mix(weight, one, other):
        return lambda *logits: (1 - weight) * one(*logits) + weight * other(*logits)

    logistic = mix(
        settings.saturating,
        losses.non_saturating_generator_loss,
        losses.minimax_generator_loss,
    )
    loss = losses.AdversarialLoss(
        mix(
            settings.wasserstein,
            losses.minimax_discriminator_loss,
            losses.wasserstein_discriminator_loss,
        ),
        mix(settings.wasserstein, logistic, losses.wasserstein_generator_loss),
    )
    game = algorithms.gan(
        nets.mlp.Generator((2,), (64, 64), final=None),
        nets.mlp.Discriminator((64, 64)),
        prior=priors.normal(2),
        loss=loss,
        penalties=[
            penalties.R1(lambda step: settings.r1),
            penalties.GradientPenalty(lambda step: settings.gradient_penalty),
        ],
    )
    optimizers = {
        name: optax.adam(getattr(settings, name), b1=0.0) for name in ("generator", "discriminator")
    }
    return play(key, game, optimizers, data, held_out)


RING, HELD_OUT = (ring_mixture(std=0.02).sample(n, n)[0] for n in (4096, 1024))
FAR = np.float32([8, 0])
NORMAL = 4 * np.random.default_rng(0).normal(size=(1024, 2)).astype(np.float32)
FEW, OTHERS = np.tile(NORMAL[:16], (256, 1)), NORMAL

HEALTHY = {
    "ring under R1": (Settings(r1=0.1), RING, HELD_OUT),
    "ring, WGAN-GP": (
        Settings(gradient_penalty=1.0, wasserstein=1.0, generator=5e-4, discriminator=2e-3),
        RING,
        HELD_OUT,
    ),
}
ILL = {
    # A generator that outruns D: all samples rush to the one point that D likes best.
    "mode collapse": (Settings(generator=3e-2, discriminator=1e-4), RING, HELD_OUT),
    # A generator that hardly moves under the loss that saturates, and a D that learns in peace.
    "vanishing generator gradient": (
        Settings(saturating=1.0, generator=1e-5, discriminator=1e-2),
        RING + FAR,
        HELD_OUT + FAR,
    ),
    # Sixteen examples, and a D that is quick to learn them by heart.
    "discriminator overfitting": (Settings(discriminator=3e-3), FEW, OTHERS),
    # A critic without a Lipschitz bound.
    "divergence": (Settings(wasserstein=1.0, discriminator=2e-2), RING, HELD_OUT),
}


def illnesses(history):
    return {finding.illness for finding in diagnose(history)}


def told(history):
    """What a run says over its time: it is diagnosed at every evaluation."""
    ends = [i + 1 for i, row in enumerate(history) if "held_out/real_logit" in row]
    return set().union(*(illnesses(history[:end]) for end in ends))


def train(settings, data, held_out):
    played = play_points(SEEDS, settings, data, held_out)
    return histories(played, evaluation.cluster_coverage(ArrayDataset("", "test", {"x": held_out})))


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_told_of_a_healthy_run(name):
    assert [told(history) for history in train(*HEALTHY[name])] == [set()] * 5


@pytest.mark.parametrize("name", ILL)
def test_a_planted_illness_is_found(name):
    assert all(name in illnesses(history) for history in train(*ILL[name]))


class Point(nn.Module):
    """Puts every sample at θ."""

    @nn.compact
    def __call__(self, latent, label=None, train=False):
        return jnp.tile(self.param("theta", nn.initializers.normal(1.0), (1,)), (len(latent), 1))


class Slope(nn.Module):
    """Gives x the logit ψ x."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        return x @ self.param("psi", nn.initializers.normal(1.0), (1,))


@jax.jit
@partial(jax.vmap, in_axes=(0, None))
def play_dirac(key, r1):
    """The Dirac-GAN: Which Training Methods for GANs do actually Converge?, Mescheder et al."""
    penalty = penalties.R1(lambda step: r1)
    game = algorithms.gan(Point(), Slope(), prior=priors.normal(1), penalties=[penalty])
    optimizers = dict.fromkeys(("generator", "discriminator"), optax.sgd(0.05))
    return play(key, game, optimizers, jnp.zeros((2, 1)), jnp.zeros((2, 1)))


@pytest.mark.parametrize(("r1", "expected"), [(0.0, {"oscillation"}), (0.5, set())])
def test_the_dirac_gan_oscillates_unless_r1_damps_it(r1, expected):
    assert [told(history) for history in histories(play_dirac(SEEDS, r1))] == [expected] * 5
