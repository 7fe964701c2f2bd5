"""A small game of every algorithm, and of every kind of state and layer, with data for it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from small_nets import (
    Captioned,
    Decided,
    Dropped,
    DroppedClassifier,
    Pixelwise,
    Several,
    Spectral,
    Styled,
    Telling,
    Unbiased,
)

from gan_jax import (
    algorithms,
    augment,
    layers,
    losses,
    nets,
    parallel,
    penalties,
    priors,
    prng,
    sound,
)

KEY = jax.random.key(0)
random = np.random.default_rng(0)
POINTS = random.normal(size=(50, 2)).astype(np.float32)
IMAGES = np.tanh(random.normal(size=(50, 16, 16, 1))).astype(np.float32)
SOUNDS = np.tanh(random.normal(size=(50, 64, 1))).astype(np.float32)
TOKENS = random.integers(5, size=(50, 4)).astype(np.int32)
LABELS = random.integers(3, size=50)
KNOWN = (random.random(size=POINTS.shape) < 0.7).astype(np.float32)
FILMS = np.tanh(random.normal(size=(50, 4, 8, 8, 1))).astype(np.float32)
LABELLED = {"x": POINTS, "label": LABELS}
LATENT = priors.normal(3)
Z = {"prior": LATENT}


GENERATOR, DISCRIMINATOR = nets.mlp.Generator((2,), (6,)), nets.mlp.Discriminator((6,))


WRITER = nets.sequences.LSTM(5, 3)


def gan(generator=GENERATOR, discriminator=DISCRIMINATOR, **settings):
    return algorithms.gan(generator, discriminator, **Z, **settings)


def specgan():
    """A GAN of images of sounds."""
    spectra = sound.LogSpectra(16, 8, (-2.0,) * 8, (2.0,) * 8)
    return gan(
        nets.wavegan.Generator(64, width=2, square=True),
        nets.wavegan.Discriminator(2),
        encode=spectra.encode,
        decode=spectra.decode,
    )


def told():
    small = lambda scene: jnp.sum(scene.made["raw"] ** 2, axis=-1)
    return gan(Telling(), terms=[algorithms.Term("small", generator=small)])


def conditional_wgan_gp():
    return gan(
        nets.mlp.Generator((2,), (6,), num_classes=3),
        nets.mlp.Discriminator((6,), num_classes=3),
        loss=losses.WASSERSTEIN,
        penalties=[penalties.GradientPenalty(1.0)],
        discriminator_repeats=2,
        conditional=True,
    )


def dcgan():
    return gan(
        nets.dcgan.Generator(16, 1, width=2, axis_name=parallel.AXIS),
        nets.dcgan.Discriminator(width=2, axis_name=parallel.AXIS),
    )


def mocogan():
    return algorithms.gan(
        nets.mocogan.Generator(8, 1, 4, 2, width=2, axis_name=parallel.AXIS),
        nets.mocogan.Discriminator(width=2),
        prior={"content": LATENT, "motion": priors.normal(8)},
        loss=losses.LEAST_SQUARES,  # under which a bias's gradient is no difference of equals
    )


def relativistic_average():
    noise = lambda keys_, x, view: x + prng.normal(keys_, (2,)) / (1 + view.step)
    settings = {"penalties": [penalties.R1(1.0, every=2)], "augment": noise}
    return gan(discriminator=Unbiased(), loss=losses.RELATIVISTIC_AVERAGE, **settings)


def judged():
    """A GAN beside which a player without a turn is kept."""
    game = gan()
    init = lambda key, batch: game.init(key, batch) | {"judge": {"params": {"w": POINTS[0]}}}
    return game._replace(init=init)


def infogan():
    critic = nets.mlp.Discriminator((6,), heads=(("class", 4), ("tilt", 1)))
    codes = {"tilt": priors.uniform(1)}
    return algorithms.infogan(GENERATOR, critic, classes=4, codes=codes, data_information=0.5, **Z)


def coupled():
    """A GAN of whatever couples examples, remembers or draws besides."""
    weakened = lambda keys, x, view: augment.with_probability(
        keys, x, lambda keys, x: x / 2, 0.5 + algorithms.terms.augmentation_probability(view)
    )
    return gan(
        discriminator=nets.several.Packed(DISCRIMINATOR, 2),
        loss=losses.label_flipping(losses.NON_SATURATING, 0.3),
        terms=[algorithms.terms.lecam(0.1), algorithms.terms.adaptive_augmentation(0.0, 50)],
        penalties=[penalties.Consistency(1.0, transform=noisy)],
        augment=weakened,
        top_share=0.5,
        group=2,
    )


def discriminating():
    """A GAN whose discriminator sees how near examples are to one another."""
    near = layers.MinibatchDiscrimination(kernels=2, dimensions=2, group=2)
    return gan(discriminator=nets.mlp.Discriminator((6,), minibatch=near), group=2)


def noisy(keys, x):
    return x + prng.normal(keys, x.shape[1:])


def diverse():
    """Several generators under the terms that read features and latents."""
    terms = algorithms.terms
    return algorithms.madgan(
        GENERATOR,
        nets.mlp.Discriminator((6,), heads={"class": 2}, features=True),
        count=2,
        prior=LATENT,
        terms=[
            terms.feature_matching(),
            terms.pulling_away(),
            terms.mode_seeking(LATENT, 0.01),
            terms.latent_consistency(1.0, 0.1, 0.1),
        ],
        penalties=[penalties.Dragan(1.0, std=0.5)],
    )


def captioned():
    """A GAN under captions, of which D is shown others' too."""
    added = [algorithms.terms.matching_aware(), algorithms.terms.interpolated_captions(4)]
    return gan(Captioned(2), Captioned(1), terms=added, conditional="caption")


GAMES = {
    "coupled": (coupled, {"x": POINTS}),
    "minibatch discrimination": (discriminating, {"x": POINTS}),
    "unrolled": (
        lambda: algorithms.unrolled(gan(), steps=2, optimizer=optax.adam(0.01)),
        {"x": POINTS},
    ),
    "path length": (
        lambda: algorithms.path_regularised(gan(Styled((16, 16, 1))), Styled((16, 16, 1)), every=2),
        {"x": IMAGES},
    ),
    "consensus": (lambda: algorithms.consensus(gan(), weight=0.1), {"x": POINTS}),
    "diverse": (diverse, {"x": POINTS}),
    "gman": (
        lambda: algorithms.gman(
            GENERATOR, Dropped(1), count=2, sharpness=1.0, penalties=[penalties.R1(1.0)], **Z
        ),
        {"x": POINTS},
    ),
    "conditional wgan-gp": (conditional_wgan_gp, LABELLED),
    # One array is too large to travel with the others.
    "wide gan": (lambda: gan(nets.mlp.Generator((2,), (256, 256))), {"x": POINTS}),
    "relativistic average, lazy r1": (relativistic_average, {"x": POINTS}),
    "dropout": (lambda: gan(Dropped(2), Dropped(1)), {"x": POINTS}),
    "transformed": (
        lambda: gan(nets.mlp.Generator((16, 16, 1), (6,)))._replace(
            transform=lambda keys, b: {"x": augment.flip(keys, b["x"])}
        ),
        {"x": IMAGES},
    ),
    "captions": (captioned, {"x": POINTS, "caption": random.integers(4, size=(50, 3))}),
    "dcgan": (dcgan, {"x": IMAGES}),
    "wavegan": (
        lambda: gan(nets.wavegan.Generator(64, 1, 2), nets.wavegan.Discriminator(2)),
        {"x": SOUNDS},
    ),
    "specgan": (specgan, {"x": SOUNDS}),
    "mocogan": (mocogan, {"x": FILMS}),
    "spectral norm": (lambda: gan(discriminator=Spectral()), {"x": POINTS}),
    "a frozen player": (judged, {"x": POINTS}),
    "infogan": (infogan, {"x": POINTS}),
    "began": (lambda: algorithms.began(Dropped(2), Dropped(2), gain=0.1, **Z), {"x": POINTS}),
    "vae": (lambda: algorithms.vae(Dropped(4), Dropped(2), latent_dim=2), {"x": POINTS}),
    "iwae": (
        lambda: algorithms.iwae(Dropped(4), Dropped(2), latent_dim=2, samples=3),
        {"x": POINTS},
    ),
    "vae_gan": (
        lambda: algorithms.vae_gan(
            Dropped(4), Dropped(2), nets.mlp.Discriminator((6,), features=True), latent_dim=2
        ),
        {"x": POINTS},
    ),
    "aae": (
        lambda: algorithms.aae(Dropped(6), Dropped(2), Dropped(1), classes=3, **Z),
        {"x": POINTS, "labelled": POINTS[::-1].copy(), "labelled_label": LABELS},
    ),
    "bigan": (
        lambda: algorithms.bigan(
            Dropped(6), Dropped(2), nets.mlp.PairDiscriminator((6,)), stochastic=True, **Z
        ),
        {"x": POINTS},
    ),
    "language model of sounds": (
        lambda: algorithms.language_model(
            nets.wavenet.WaveNet(8, 3, 3, layers=2, num_classes=3),
            length=64,
            conditional=True,
            encode=lambda x: sound.mu_law(x[..., 0], 8),
        ),
        {"x": SOUNDS, "label": LABELS},
    ),
    "cyclegan": (
        lambda: algorithms.cyclegan(Dropped(2), Dropped(1), pool_size=5),
        {"a": POINTS, "b": POINTS[::-1].copy()},
    ),
    "pix2pix": (
        lambda: algorithms.pix2pix(Dropped(2), Dropped(1), error=1.0),
        {"x": POINTS, "source": POINTS[::-1].copy()},
    ),
    "pix2pix of classes, with a schedule and a frozen eye": (
        lambda: algorithms.pix2pix(
            Pixelwise(3),
            Pixelwise(1),
            target=algorithms.targets.labels(3),
            adversarial=lambda step: jnp.where(step < 2, 0.0, 0.5),
            comparisons=[algorithms.perceptual(Pixelwise(2))],
        ),
        {"x": (IMAGES[:, :4, :4, 0] > 0).astype(np.int32), "source": IMAGES[:, :4, :4]},
    ),
    "pix2pix against several, features matched": (
        lambda: algorithms.pix2pix(
            Dropped(2), Several(), loss=losses.LEAST_SQUARES, matching=2.0, conditional=False
        ),
        {"x": POINTS, "source": POINTS[::-1].copy()},
    ),
    "prediction": (
        lambda: algorithms.pix2pix(
            nets.convlstm.Predictor(2, width=2, layers=1, halvings=1),
            nets.mocogan.FilmDiscriminator(2),
            target=algorithms.targets.L2,
            loss=losses.LEAST_SQUARES,
            beside=1,
        ),
        {"source": FILMS[:, :2], "x": FILMS[:, 2:]},
    ),
    "a generator that tells": (told, {"x": POINTS}),
    "gain": (
        lambda: algorithms.gain(Dropped(2), Dropped(2), hint_rate=0.5, hide=0.3, binary=[1]),
        {"x": (POINTS > 0).astype(np.float32), "observed": KNOWN},
    ),
    "private": (
        lambda: algorithms.private(gan(Dropped(2), penalties=[penalties.R1(1.0)]), clip=0.5),
        {"x": POINTS},
    ),
    "language model": (
        lambda: algorithms.language_model(
            nets.sequences.Transformer(5, 4, 1, heads=2), length=4, end=0
        ),
        {"x": TOKENS},
    ),
    "seqgan": (
        lambda: algorithms.seqgan(
            WRITER,
            Decided(nets.sequences.Discriminator(5, 2, 1, (1, 2), 3, 0.3)),
            length=4,
            rollouts=2,
        ),
        {"x": TOKENS},
    ),
    "relgan": (
        lambda: algorithms.relgan(
            WRITER,
            nets.sequences.Discriminator(5, 2, 2, (1, 2), 3),
            length=4,
            sharpness=lambda step: 1.0 + step,
            end=0,
        ),
        {"x": TOKENS},
    ),
    "contrastive": (
        lambda: algorithms.contrastive(nets.captions.PairEncoder(4, outputs=3, width=2)),
        {"x": IMAGES, "caption": random.integers(4, size=(50, 3))},
    ),
    "classifier": (lambda: algorithms.classifier(DroppedClassifier()), LABELLED),
}
