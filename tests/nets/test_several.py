"""Packs, ensembles and mixtures are what their parts make of them one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import nets

KEY = jax.random.key(0)
JUDGE, MAKE = nets.mlp.Discriminator((5,)), nets.mlp.Generator((2, 3), (5,))


def one_of(variables, i):
    """The variables of one of several."""
    return {c: jax.tree.map(lambda leaf: leaf[i], tree["net"]) for c, tree in variables.items()}


def test_a_pack_is_judged_as_its_examples_side_by_side():
    x = jax.random.normal(KEY, (6, 2, 2, 1))
    packed = nets.several.Packed(JUDGE, 3)
    variables = packed.init(KEY, x)
    side_by_side = np.stack([np.concatenate(x[i : i + 3], axis=-1) for i in (0, 3)])
    inner = {c: tree["net"] for c, tree in variables.items()}
    expected = JUDGE.apply(inner, jnp.asarray(side_by_side))
    np.testing.assert_allclose(packed.apply(variables, x), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("x", "label", "said"),
    [(jnp.zeros((5, 2)), None, "no whole packs of 3"), (jnp.zeros((6, 2)), 1, "no one label")],
)
def test_packs_that_cannot_be_are_refused(x, label, said):
    with pytest.raises(ValueError, match=said):
        nets.several.Packed(JUDGE, 3).init(KEY, x, label)


@pytest.mark.parametrize("heads", [{}, {"class": 4}])
def test_an_ensemble_says_what_each_says_alone(heads):
    judge = nets.mlp.Discriminator((5,), heads=heads)
    ensemble, x = nets.several.Ensemble(judge, 3), jax.random.normal(KEY, (4, 2))
    variables = ensemble.init(KEY, x)
    said = jax.tree.leaves(ensemble.apply(variables, x))
    for i in range(3):
        alone = jax.tree.leaves(judge.apply(one_of(variables, i), x))
        for a, b in zip(said, alone, strict=True):
            np.testing.assert_allclose(a[..., i], b, rtol=1e-5, atol=1e-6)
    kernel = jax.tree.leaves(variables)[-1]
    assert len(np.unique(np.asarray(kernel).round(6), axis=0)) == 3


def test_an_ensemble_of_normalised_nets_keeps_their_statistics_apart():
    net = nets.dcgan.Generator(8, 1, width=2)
    ensemble, z = nets.several.Ensemble(net, 2), jax.random.normal(KEY, (4, 3))
    variables = ensemble.init(KEY, z)
    made, after = ensemble.apply(variables, z, None, True, mutable=["batch_stats"])
    assert made.shape == (4, 8, 8, 1, 2)
    alone, _ = net.apply(one_of(variables, 1), z, None, True, mutable=["batch_stats"])
    np.testing.assert_allclose(made[..., 1], alone, atol=1e-5)
    mean = after["batch_stats"]["net"]["BatchNorm_0"]["mean"]
    assert (mean[0] != mean[1]).any()


def test_a_mixture_takes_each_sample_from_the_generator_chosen():
    mixture = nets.several.Mixture(MAKE, 3)
    z, choice = jax.random.normal(KEY, (5, 4)), jnp.array([2, 0, 1, 2, 2])
    inputs = jnp.concatenate([jax.nn.one_hot(choice, 3), z], axis=1)
    variables = mixture.init(KEY, inputs)
    samples = mixture.apply(variables, inputs)
    for i, k in enumerate(np.asarray(choice)):
        alone = MAKE.apply(one_of(variables, k), z[i : i + 1])
        np.testing.assert_allclose(samples[i : i + 1], alone, rtol=1e-5, atol=1e-6)
