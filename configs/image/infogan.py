"""InfoGAN: a class and two more codes, found without labels.

Chen et al., 2016, arXiv:1606.03657: a categorical code of ten and two uniform ones, whose λ
`information` holds; the discriminator's body also guesses them. Three things make the classes those
of the data, not whatever a generator can write into pictures for a net to read:

- the noise is small beside the one-hot code, as in ClusterGAN (Mukherjee et al., 2018,
  arXiv:1809.03627), and so are the two other codes: a class begins as one picture and spreads;
- the discriminator sees data and samples moved, stretched and sheared at random (`affine`: by up to
  so much; as in Training Generative Adversarial Networks with Limited Data, Karras et al., 2020,
  arXiv:2006.06676), so that slant, size and place are nothing that a class can be told by;
- data too must tell of their class: the discriminator is to be sure of each and to give all as many
  (`data_information`; as in CatGAN, Springenberg, 2016, arXiv:1511.06390). At 1 and more of it
  digits that look alike may share a class for good.

`held_out/class_purity` is the share of test images whose label is the commonest among those given
their code; the pictures show the same noise under each class, then what the other codes do.

    python -m experiments.train --config=configs/image/infogan.py
"""

from ml_collections import ConfigDict

from gan_jax import algorithms, augment, data, nets, priors
from gan_jax.game import Game, View
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.train import Plan, settings
from gan_jax.types import Array, PRNGKey

VARIANTS = {"digits": 6_000, "mnist": 6_000, "fashion_mnist": 6_000, "cifar10": 10_000}
TINY = {"data.resolution": 8, "net.width": 4, "net.hidden": 8}


def get_config(variant: str = "digits") -> ConfigDict:
    plan = Plan(steps=VARIANTS[variant], sample_every=500, evaluate_every=2_000)
    adam = Adam(learning_rate=1e-3, beta1=0.5, decay="cosine")
    source = data.SOURCES[variant]
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {
        "latent_dim": 32,
        "latent_std": 0.1,
        "width": 16,
        "hidden": 128,
        "classes": 10,
        "styles": 2,
        "most_style": 0.25,
        "sync_batch_norm": False,
    }
    config.information = {"class": 1.0, "style": 1.0}
    config.data_information = 0.3
    config.affine = {"share": 0.8, "scale": 0.2, "shear": 0.3, "move": 0.07}
    return config


def make_game(config: ConfigDict) -> Game:
    width, classes, styles = config.net.width, config.net.classes, config.net.styles
    axis_name = AXIS if config.net.sync_batch_norm else None
    by = config.affine

    def augmented(keys: PRNGKey, x: Array, view: View) -> Array:
        moved = lambda keys, x: augment.affine(keys, x, by.scale, by.shear, by.move)
        return augment.with_probability(keys, x, moved, by.share)

    return algorithms.infogan(
        nets.dcgan.Generator(
            config.data.resolution,
            config.data.channels,
            width,
            axis_name=axis_name,
            dtype=config.dtype,
        ),
        nets.dcgan.Discriminator(
            width,
            axis_name=axis_name,
            hidden=config.net.hidden,
            heads=(("class", classes), ("style", styles)),
            dtype=config.dtype,
        ),
        prior=priors.normal(config.net.latent_dim, config.net.latent_std),
        classes=classes,
        codes={"style": priors.uniform(styles, config.net.most_style)},
        weight=config.information.to_dict(),
        data_information=config.data_information,
        augment=augmented,
    )
