"""Images of any size through a game's nets."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from gan_jax import data, layers, nets, priors, prng, translation
from gan_jax.algorithms import cyclegan, gan, pix2pix
from gan_jax.types import UserError

KEY = jax.random.key(0)
KEYS = prng.per_example(KEY, 2)


def game_of(generator):
    return pix2pix(generator, nets.patch.Discriminator(2, 1), conditional=False)


def made(generator, shape=(16, 16, 3), factor=1):
    game = game_of(generator)
    height, width, channels = shape
    x = jnp.zeros((2, factor * height, factor * width, channels))
    return game, game.init(KEY, {"source": jnp.zeros((2, *shape)), "x": x})


def images(height, width, channels=3):
    random = np.random.default_rng(0)
    return random.uniform(-1, 1, (2, height, width, channels)).astype(np.float32)


@pytest.mark.parametrize("size", [(16, 16), (17, 30), (5, 40), (1, 1)])
@pytest.mark.parametrize(
    "net",
    [
        nets.unet.Translator(3, 2, depth=3, dropout=0.0),
        nets.residual.Translator(3, 2, blocks=1, kernel=3),
    ],
    ids=["U-Net", "ResNet"],
)
def test_a_translation_has_the_images_size(net, size):
    game, players = made(net)
    assert translation.translator(game, players)(images(*size), KEYS).shape == (2, *size, 3)


def test_sides_that_fit_are_translated_as_they_are():
    game, players = made(nets.residual.Translator(3, 2, blocks=1, kernel=3))
    x = images(16, 24)
    inputs = game.inputs(KEYS, {"source": x})
    alone = jax.jit(game.sample)(players, inputs)
    np.testing.assert_array_equal(translation.translator(game, players)(x, KEYS), alone)


class Twice(nn.Module):
    """Only of even sides: each pixel repeated."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        if x.shape[1] % 2 or x.shape[2] % 2:
            raise ValueError("odd")
        return layers.resample.repeat_pixels(x) * self.param("by", nn.initializers.ones, ())


def test_what_is_enlarged_is_cut_to_a_multiple():
    game, players = made(Twice(), factor=2)
    x = images(3, 5)
    found = translation.translator(game, players)(x, KEYS)
    np.testing.assert_array_equal(found, np.repeat(np.repeat(x, 2, axis=1), 2, axis=2))


def test_a_size_that_nothing_makes_fit_is_refused():
    class Never(nn.Module):
        @nn.compact
        def __call__(self, x, label=None, train=False):
            if x.shape[1] != 16:
                raise ValueError("sixteen alone")
            return x * self.param("by", nn.initializers.ones, ())

    game, players = made(Never())
    with pytest.raises(UserError, match=r"20×16 do not go through .* sixteen alone"):
        translation.translator(game, players)(images(20, 16), KEYS)


def test_cyclegan_translates_its_first_domain():
    game = cyclegan(nets.residual.Translator(3, 2, blocks=1), nets.patch.Discriminator(2, 1))
    players = game.init(KEY, {"a": images(8, 8), "b": images(8, 8)})
    found = translation.translator(game, players)(images(10, 8), KEYS)
    assert found.shape == (2, 10, 8, 3)


def test_a_game_that_is_made_from_no_image_does_not_translate():
    game = gan(nets.mlp.Generator((2,), (3,)), nets.mlp.Discriminator((3,)), prior=priors.normal(2))
    with pytest.raises(UserError, match="does not translate"):
        translation.translator(game, {})


def test_images_untranslated_are_enlarged_and_coloured():
    game = game_of(Twice())
    kinds = {"source": data.Image(), "x": data.Image()}
    stored = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1)).astype(np.uint8)
    columns = {"source": data.Image().to_float(stored)}
    draw = translation.untranslated(game, kinds, (16, 16, 3))
    shown = data.Image().to_stored(draw({}, columns))
    for image, small in zip(shown, stored[..., 0], strict=True):
        larger = PIL.Image.fromarray(small).resize((16, 16), PIL.Image.Resampling.BICUBIC)
        for channel in range(3):
            np.testing.assert_array_equal(image[..., channel], larger)
    same = translation.untranslated(game, kinds, (8, 8, 1))
    np.testing.assert_array_equal(data.Image().to_stored(same({}, columns)), stored)
    holed = {"source": np.concatenate([columns["source"], columns["source"]], axis=-1)}
    np.testing.assert_array_equal(data.Image().to_stored(same({}, holed)), stored)
    with pytest.raises(UserError, match="only squares are enlarged, not 8×8"):
        translation.untranslated(game, kinds, (16, 24, 1))({}, columns)


def test_what_is_made_of_no_image_has_nothing_untranslated():
    game = game_of(Twice())
    with pytest.raises(UserError, match="does not make images from images"):
        translation.untranslated(game, {"source": data.Real(), "x": data.Image()}, (16, 16, 3))
