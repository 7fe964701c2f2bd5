"""Nets that read captions."""

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import nets

TEXT = jnp.array([[1, 2, 0], [2, 1, 0]])


def test_a_distribution_that_is_sure_of_its_tokens_is_read_as_they_are():
    net = nets.captions.TextEncoder(4, 5, 6)
    variables = net.init(jax.random.key(0), TEXT)
    sure = net.apply(variables, jax.nn.one_hot(TEXT, 4))
    np.testing.assert_array_equal(net.apply(variables, TEXT), sure)
    assert np.abs(sure[0] - sure[1]).max() > 1e-3  # order counts


def test_images_and_verdicts_depend_on_the_text():
    generator = nets.captions.Generator(8, 4, 3, width=2, text=4)
    latent = jnp.ones((2, 3))
    variables = generator.init(jax.random.key(0), latent, TEXT)
    images = generator.apply(variables, latent, TEXT)
    assert images.shape == (2, 8, 8, 3)
    assert np.abs(images[0] - images[1]).max() > 0
    critic = nets.captions.Discriminator(4, width=2, text=4)
    same = jnp.repeat(images[:1], 2, axis=0)
    logits = critic.apply(critic.init(jax.random.key(1), same, TEXT), same, TEXT)
    assert logits.shape == (2,)
    assert logits[0] != logits[1]
