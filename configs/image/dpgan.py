"""DP-GAN: a discriminator whose gradients are clipped example by example, and noisy.

Xie et al., 2018, arXiv:1802.06739: the discriminator alone sees data, so whatever is made of its
weights is as private as they are, generator and samples too. As in DP-SGD (Abadi et al., 2016,
arXiv:1607.00133) each example's gradient is clipped, where the paper bounds it by clipped weights.
Several discriminator steps a generator step make up for the noise (Private GANs, Revisited, Bie et
al., 2023, arXiv:2302.02936). Nets are MLPs without normalisation.

`privacy.epsilon` is told when training begins, at δ = 1e-5, for Poisson sampling of batches, of
which shuffled epochs are not quite (`gan_jax/privacy.py`). It holds of weights and samples, not of
what a run logs of its data, nor if a player began (`--init`) or a setting was chosen by them; and
only against those who do not know `seed`, from which the noise comes: keep `config.json`,
checkpoints and `metrics.jsonl` to yourself. `experiments.privacy` has a run's ε so far, and attacks
it.

    python -m experiments.train --config=configs/image/dpgan.py:mnist --workdir=runs/dpgan
    python -m experiments.privacy --workdir=runs/dpgan
"""

import jax
import optax
from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, optimizers, priors, privacy, prng
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, named, settings
from gan_jax.types import UserError

VARIANTS = {"digits": 1_500, "mnist": 6_000, "fashion_mnist": 6_000, "cifar10": 6_000}
TINY = {"net.hidden": (8,), "discriminator_repeats": 2}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], batch_size=128, sample_every=500, evaluate_every=1_500)
    adam = Adam(learning_rate=5e-4, beta1=0.0)
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"latent_dim": 32, "hidden": (256, 256)}
    config.loss = "NON_SATURATING"
    config.discriminator_repeats = 5
    config.privacy = {"noise_multiplier": 2.0, "clip": 1.0}
    return config


def complete(config: ConfigDict) -> ConfigDict:
    """With the number of examples, and ε of the whole run."""
    if config.best:
        raise UserError(f"best={config.best} chooses by the data, without noise: leave it empty")
    said, updates = config.privacy, config.steps * config.discriminator_repeats
    said.examples = len(data.Source(**config.data).load(config.data.split))
    said.epsilon = privacy.epsilon(said.noise_multiplier, config.batch_size, said.examples, updates)
    print(f"ε = {said.epsilon:.4g} at δ = {privacy.DELTA:g}, after {updates:,} noisy updates")
    return config


def make_optimizers(config: ConfigDict) -> dict[str, optax.GradientTransformation]:
    said, adam = config.privacy, Adam(**config.discriminator)
    noisy = optimizers.private(
        adam.build(config.steps * config.discriminator_repeats),
        clip=said.clip,
        noise_multiplier=said.noise_multiplier,
        batch_size=config.batch_size,
        key=prng.fold_in(jax.random.key(config.seed), "privacy"),
    )
    return {"discriminator": noisy}


def make_game(config: ConfigDict) -> Game:
    hidden, side = config.net.hidden, config.data.resolution
    game = algorithms.gan(
        nets.mlp.Generator((side, side, config.data.channels), hidden, dtype=config.dtype),
        nets.mlp.Discriminator(hidden, dtype=config.dtype),
        prior=priors.normal(config.net.latent_dim),
        loss=named(losses, config.loss, losses.AdversarialLoss),
        discriminator_repeats=config.discriminator_repeats,
    )
    return algorithms.private(game, clip=config.privacy.clip)
