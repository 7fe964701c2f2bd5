import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from net_checks import KEY, shape_of, shapes

from gan_jax.nets import hifigan


def parameter_count(net, x):
    return sum(leaf.size for leaf in jax.tree.leaves(shapes(net, x)["params"]))


@pytest.mark.parametrize(("size", "millions"), [("V1", 13.926), ("V3", 1.462)])
def test_generators_have_the_papers_sizes(size, millions):
    """Table 1: 13.92 and 1.46 million, cut off."""
    net, mels = hifigan.Generator(getattr(hifigan, size)), jnp.zeros((2, 8, 80))
    assert round(parameter_count(net, mels) / 1e6, 3) == millions
    assert shape_of(net, mels) == ((2, 8 * 256, 1), "float32")


@pytest.mark.parametrize("dilation", [1, 3, 5])
def test_dilated_convolutions_are_xlas(dilation):
    x = jax.random.normal(KEY, (2, 17, 3))
    y, variables = hifigan.Dilated(4, 5, dilation).init_with_output(KEY, x)
    w = variables["params"]["Conv_0"]["kernel"][:, 0]
    expected = lax.conv_general_dilated(
        x, w, (1,), "SAME", rhs_dilation=(dilation,), dimension_numbers=("NTC", "TIO", "NTC")
    )
    np.testing.assert_allclose(y, expected, atol=1e-6)


def test_a_discriminator_of_a_period_sees_samples_so_far_apart_alone():
    net, x = hifigan.PeriodDiscriminator(3, width=1), jax.random.normal(KEY, (1, 120, 1))
    init = jax.jit(lambda key: net.init(key, x))
    judge = jax.jit(lambda x: net.apply(init(KEY), x)[-1][..., 0])
    noise = jnp.where(jnp.arange(120)[None, :, None] % 3 == 1, 1.0, 0.0)
    differ = np.any(judge(x) != judge(x + noise), axis=(0, 1))
    assert list(differ) == [False, True, False]


def test_several_discriminators_give_logits_and_features_of_each():
    net, x = hifigan.Discriminator(width=4, periods=(2, 5), scales=2), jnp.zeros((2, 256, 1))
    said = jax.eval_shape(lambda: net.init_with_output(KEY, x)[0])
    assert [len(maps) for maps in said["features"]] == [5, 5, 7, 7]
    assert [leaf.shape for leaf in said["logits"]] == [
        (2, 2, 2, 1),
        (2, 1, 5, 1),
        (2, 4, 1),
        (2, 3, 1),
    ]
    assert {leaf.dtype for leaf in jax.tree.leaves(said)} == {np.dtype("float32")}
