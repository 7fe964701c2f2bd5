"""CTGAN's nets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import nets

KEY = jax.random.key(0)
LATENT = jax.random.normal(KEY, (4, 3 + 5))
LABEL = jnp.array([0, 1, 2, 0])


def test_a_generator_activates_what_it_says_with_the_latents_last_numbers():
    net = nets.tables.Generator(5, lambda raw, noise: raw + 10 * noise, (6,), num_classes=3)
    output, variables = net.init_with_output(KEY, LATENT, LABEL)
    np.testing.assert_allclose(output["x"], output["raw"] + 10 * LATENT[:, 3:], rtol=1e-5)
    other = net.apply(variables, LATENT.at[:, 3:].set(0), LABEL)
    np.testing.assert_array_equal(other["raw"], output["raw"])
    assert variables["params"]["Dense_0"]["kernel"].shape == (3 + 3, 6)
    assert variables["params"]["Dense_1"]["kernel"].shape == (6 + 3 + 3, 5)


def test_a_discriminator_judges_packs_of_rows_with_their_labels():
    net = nets.tables.Discriminator(2, (6,), num_classes=3)
    logits, variables = net.init_with_output(KEY, LATENT, LABEL)
    assert logits.shape == (2,)
    changed = net.apply(variables, LATENT, LABEL.at[0].set(1))
    assert changed[0] != logits[0]
    assert changed[1] == logits[1]
    keys = jax.random.split(KEY, 4)
    trained = net.apply(variables, LATENT, LABEL, True, keys)
    assert not np.allclose(trained, logits)
    with pytest.raises(ValueError, match="needs a label"):
        net.apply(variables, LATENT)
