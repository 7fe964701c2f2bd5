import jax
import jax.numpy as jnp
import numpy as np
from net_checks import KEY, dead_parameters, random_variables, shape_of

from gan_jax import prng
from gan_jax.nets import mocogan

NET = mocogan.Generator(8, 2, frames=4, motion=3, width=2)
LATENT = jax.random.normal(KEY, (5, 6 + 4 * 3))
FILMS = jax.random.normal(KEY, (5, 4, 8, 8, 2))


def test_makes_and_judges_float32_films():
    assert shape_of(NET, LATENT) == ((5, 4, 8, 8, 2), "float32")
    assert shape_of(mocogan.Discriminator(2), FILMS) == ((5, 2), "float32")


def test_every_parameter_matters():
    assert dead_parameters(NET, random_variables(NET, LATENT), LATENT) == []
    judge = mocogan.Discriminator(2)
    assert dead_parameters(judge, random_variables(judge, FILMS), FILMS) == []


def test_content_is_of_all_frames_and_noise_of_its_own_and_later_ones():
    variables = random_variables(NET, LATENT)
    made = NET.apply(variables, LATENT)
    changed = lambda place: np.any(
        np.abs(NET.apply(variables, LATENT.at[:, place].add(1.0)) - made) > 1e-6, axis=(0, 2, 3, 4)
    )
    assert changed(0).tolist() == [True] * 4
    assert changed(6 + 2 * 3).tolist() == [False, False, True, True]


def test_a_frame_is_drawn_anew_by_its_key_and_the_film_is_seen_whole():
    judge = mocogan.Discriminator(2)
    variables = random_variables(judge, FILMS)
    same = jnp.broadcast_to(FILMS[:1], FILMS.shape)
    logits = judge.apply(variables, same, keys=prng.per_example(KEY, 5))
    assert len(set(np.asarray(logits[:, 0]).tolist())) > 1
    np.testing.assert_allclose(logits[:, 1], logits[0, 1], rtol=1e-5)
