from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.nets import wavegan
from gan_jax.prng import per_example

KEY = jax.random.key(0)
KEYS = per_example(KEY, 3)
SIGNALS = jax.random.uniform(KEY, (3, 256, 1), minval=-1.0)


def parameter_count(net, *inputs):
    variables = jax.eval_shape(lambda: net.init(KEY, *inputs, train=True))
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


@pytest.mark.parametrize(("square", "shape"), [(False, (16_384,)), (True, (128, 128))])
def test_parameters_at_full_size_are_the_papers(square, shape):
    """19.07 and 17.43 million; the sums are those of tables 3 to 6, with 25 taps."""
    generator = parameter_count(wavegan.Generator(square=square), jnp.zeros((1, 100)))
    discriminator = parameter_count(wavegan.Discriminator(), jnp.zeros((1, *shape, 1)))
    pairs = [(1024, 512), (512, 256), (256, 128), (128, 64), (64, 1)]
    kernels = sum(25 * c * f for c, f in pairs)
    assert generator == 101 * 16 * 1024 + kernels + 512 + 256 + 128 + 64 + 1
    assert discriminator == kernels + 64 + 128 + 256 + 512 + 1024 + 16 * 1024 + 1
    assert (round(generator / 1e4), round(discriminator / 1e4)) == (1907, 1743)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("length", [64, 4096, 16_384])
def test_makes_and_judges_float32_signals(length, dtype):
    generator = wavegan.Generator(length, 2, width=2, num_classes=3, dtype=dtype)
    judge = wavegan.Discriminator(2, num_classes=3, dtype=dtype)
    label = jnp.zeros(3, jnp.int32)

    def run():
        x, _ = generator.init_with_output(KEY, jnp.zeros((3, 5)), label)
        return x, judge.init_with_output(KEY, x, label)[0]

    x, logits = jax.eval_shape(run)
    assert (x.shape, logits.shape) == ((3, length, 2), (3,))
    assert x.dtype == logits.dtype == jnp.float32


def test_specgans_signals_are_squares():
    generator = wavegan.Generator(1_024, width=2, square=True, num_classes=3)
    judge = wavegan.Discriminator(2, num_classes=3)
    label = jnp.zeros(3, jnp.int32)

    def run():
        x, _ = generator.init_with_output(KEY, jnp.zeros((3, 5)), label)
        return x, judge.init_with_output(KEY, x, label, train=True)[0]  # needs no keys

    x, logits = jax.eval_shape(run)
    assert (x.shape, logits.shape) == ((3, 32, 32, 1), (3,))


@pytest.mark.parametrize("length", [16, 8192, 5000])
def test_other_lengths_are_refused_by_name(length):
    with pytest.raises(ValueError, match=f"{length} samples"):
        wavegan.stages(length)


def test_signals_lie_between_minus_one_and_one():
    net, latent = wavegan.Generator(64, width=2), 1000 * jax.random.normal(KEY, (3, 5))
    signals = np.abs(net.apply(net.init(KEY, latent), latent))
    assert 0.5 < signals.max() <= 1


def test_phases_are_shuffled_in_training_alone():
    net = wavegan.Discriminator(2)
    variables = net.init(KEY, SIGNALS, train=True)
    run = partial(net.apply, variables, SIGNALS)
    still = run()
    np.testing.assert_array_equal(run(train=False, keys=KEYS), still)
    assert np.any(run(train=True, keys=KEYS) != still)  # a shift may be by nothing
    unshuffled = net.clone(shuffle=0).apply(variables, SIGNALS, train=True)
    np.testing.assert_allclose(unshuffled, still, rtol=1e-5)
    with pytest.raises(ValueError, match=r"needs keys \[B\]"):
        run(train=True)


def test_an_examples_logit_in_training_does_not_depend_on_its_neighbours():
    net = wavegan.Discriminator(2)
    run = partial(net.apply, net.init(KEY, SIGNALS), train=True)
    together, alone = run(SIGNALS, keys=KEYS), run(SIGNALS[1:2], keys=KEYS[1:2])
    np.testing.assert_allclose(together[1:2], alone, rtol=1e-5)


def test_every_parameter_has_a_gradient_and_a_second_through_a_penalty():
    net = wavegan.Discriminator(2)
    params = net.init(KEY, SIGNALS)

    @jax.jit
    @jax.grad
    def gradients(params):
        logits = lambda x: net.apply(params, x, train=True, keys=KEYS)
        slope = jax.grad(lambda x: jnp.sum(logits(x)))(SIGNALS)
        return jnp.sum(slope**2) + jnp.sum(jnp.sin(logits(SIGNALS)))

    dead = [k for k, v in jax.tree.leaves_with_path(gradients(params)) if not np.any(v)]
    assert dead == []
