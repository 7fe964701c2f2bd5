import jax
import numpy as np
import pytest

from gan_jax import algorithms, nets
from gan_jax.evaluation import draw_inputs, interpolate

KEY = jax.random.key(0)
GENERATOR, DISCRIMINATOR = nets.mlp.Generator((2,), (4,)), nets.mlp.Discriminator((4,))
GAME = algorithms.gan(GENERATOR, DISCRIMINATOR, latent_dim=3)
CONDITIONAL = algorithms.gan(GENERATOR, DISCRIMINATOR, latent_dim=3, conditional=True)


def test_inputs_are_latents_and_what_was_asked_for():
    label = np.array([2, 0, 1, 2], np.int32)
    inputs = draw_inputs(CONDITIONAL, KEY, 4, {"label": label})
    assert inputs["latent"].shape == (4, 3)
    np.testing.assert_array_equal(inputs["label"], label)


def test_fewer_inputs_are_the_first_of_more():
    few, many = (draw_inputs(GAME, KEY, count, {})["latent"] for count in (2, 9))
    np.testing.assert_array_equal(few, many[:2])


def test_inputs_come_from_the_key_alone():
    one, again, other = (
        draw_inputs(GAME, jax.random.key(seed), 2, {})["latent"] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.isin(one, other).any()


def test_arcs_go_from_start_to_end_on_the_sphere_at_an_even_pace():
    start = np.float32([[3, 0, 0], [0, 2, 0]])
    end = np.float32([[0, 3, 0], [0, 0, 2]])
    arcs = interpolate(start, end, 5)
    assert arcs.shape == (2, 5, 3)
    np.testing.assert_allclose(arcs[:, 0], start, atol=1e-6)
    np.testing.assert_allclose(arcs[:, -1], end, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(arcs, axis=-1), [[3] * 5, [2] * 5], rtol=1e-6)
    angles = np.degrees(np.arctan2(arcs[0, :, 1], arcs[0, :, 0]))
    assert angles == pytest.approx([0, 22.5, 45, 67.5, 90], abs=1e-4)
