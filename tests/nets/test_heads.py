"""What every discriminator ends in, and that nets lift through Flax's transformations."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.nets import biggan, dcgan, heads, mlp, r3gan, resnet, stylegan2, text, wavegan

KEY = jax.random.key(0)
IMAGES = jax.random.normal(KEY, (3, 8, 8, 1))
LABEL = jnp.array([0, 2, 1])
NETS = {
    "biggan": (biggan.Discriminator(2), IMAGES),
    "dcgan": (dcgan.Discriminator(2), IMAGES),
    "mlp": (mlp.Discriminator((5,)), IMAGES),
    "r3gan": (r3gan.Discriminator(4, cardinality=2, blocks=1), IMAGES),
    "resnet": (resnet.Discriminator(2), IMAGES),
    "stylegan2": (stylegan2.Discriminator(channel_base=32), IMAGES),
    "text": (text.Discriminator(4, 1), jax.random.normal(KEY, (3, 6, 4))),
    "wavegan": (wavegan.Discriminator(2), jax.random.normal(KEY, (3, 64, 1))),
}
every_net = pytest.mark.parametrize("name", NETS)


def test_logits_and_heads_are_linear_in_the_features_and_classes_have_rows():
    head = heads.Head(num_classes=3, heads={"class": 4, "code": 2}, features=True)
    x = jax.random.normal(KEY, (3, 5))
    out, variables = head.init_with_output(KEY, x, LABEL)
    p = jax.tree.map(lambda leaf: leaf + 0.1, variables["params"])
    out = head.apply({"params": p}, x, LABEL)
    dense = [x @ p[f"Dense_{i}"]["kernel"] + p[f"Dense_{i}"]["bias"][None] for i in range(3)]
    projected = jnp.sum(p["Embed_0"]["embedding"][LABEL] * x, axis=-1)
    expected = {"logits": dense[0][:, 0] + projected, "features": x}
    expected |= {"class": dense[1], "code": dense[2]}
    assert set(out) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(out[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_more_outputs_leave_the_logits_parameters_as_they_are(assert_trees_match):
    x = jnp.ones((2, 5))
    plain = heads.Head().init(KEY, x)["params"]
    more = heads.Head(heads={"class": 3}, features=True).init(KEY, x)["params"]
    assert_trees_match(more["Dense_0"], plain["Dense_0"], rtol=0)
    assert set(more) - set(plain) == {"Dense_1"}


@pytest.mark.parametrize("name", ["logits", "features"])
def test_a_head_of_a_name_that_is_taken_is_refused(name):
    with pytest.raises(ValueError, match=f"cannot be called '{name}'"):
        heads.Head(heads={name: 2}).init(KEY, jnp.ones((2, 5)))


@every_net
@pytest.mark.parametrize("given", [{"class": 4, "code": 2}, (("class", 4), ("code", 2))])
def test_discriminators_give_what_they_are_asked_for_in_float32(name, given):
    net, x = NETS[name]
    net = net.clone(heads=given, features=True, dtype=jnp.bfloat16)
    out, _ = jax.eval_shape(lambda: net.init_with_output(KEY, x))
    assert {key: leaf.shape for key, leaf in out.items() if key != "features"} == {
        "logits": (3,),
        "class": (3, 4),
        "code": (3, 2),
    }
    assert len(out["features"].shape) == 2
    assert {leaf.dtype for leaf in out.values()} == {jnp.dtype("float32")}


@every_net
def test_a_net_with_heads_is_a_static_argument_of_jit(name):
    net, x = NETS[name]
    net = net.clone(heads={"class": 4})
    shapes = jax.eval_shape(
        jax.jit(lambda net: net.init_with_output(KEY, x)[0], static_argnums=0), net
    )
    assert shapes["class"].shape == (3, 4)


@pytest.mark.parametrize("name", ["text", "wavegan"])
def test_conditional_net_reads_each_examples_label(name):
    net, x = NETS[name]
    net = net.clone(num_classes=3)
    same = jnp.zeros(3, jnp.int32)
    variables = net.init(KEY, x, same)
    judge = jax.jit(net.apply)
    run = lambda label: np.asarray(judge(variables, x, label))
    np.testing.assert_array_equal(run(same) != run(same.at[1].set(2)), [False, True, False])
    with pytest.raises(ValueError, match="num_classes=3 needs a label"):
        net.init(KEY, x)


LIFTED = {
    "dcgan": (dcgan.Discriminator(2, num_classes=3), IMAGES),
    "mlp": (mlp.Discriminator((5,), num_classes=3), IMAGES),
    "spectral": (heads.Head(num_classes=3, spectral=True), IMAGES.reshape(3, -1)),
}
every_lifted = pytest.mark.parametrize("name", LIFTED)


def field_values(net):
    return {
        f: getattr(net, f) for f in type(net).__dataclass_fields__ if f not in ("parent", "name")
    }


@every_lifted
def test_several_discriminators_are_one_under_vmap(name):
    net, x = LIFTED[name]
    several = nn.vmap(
        type(net),
        variable_axes={"params": 0, "batch_stats": 0, "spectral": 0},
        split_rngs={"params": True},
        in_axes=None,
        axis_size=4,
    )(**field_values(net))
    variables = several.init(KEY, x, LABEL, True)
    mutable = [c for c in variables if c != "params"]
    run = jax.jit(lambda net, v: net.apply(v, x, LABEL, True, mutable=mutable), static_argnums=0)
    logits, after = run(several, variables)
    assert len(np.unique(logits, axis=0)) == 4
    for i in range(4):
        one = jax.tree.map(lambda leaf, i=i: leaf[i], variables)
        expected, one_after = run(net, one)
        np.testing.assert_allclose(logits[i], expected, rtol=1e-4, atol=1e-5)
        jax.tree.map(
            lambda a, e, i=i: np.testing.assert_allclose(a[i], e, rtol=1e-4, atol=1e-5),
            after,
            one_after,
        )


@every_lifted
def test_a_discriminator_may_be_computed_again_for_its_gradient(name, assert_trees_match):
    net, x = LIFTED[name]
    again = nn.remat(type(net), static_argnums=(3,))(**field_values(net))
    variables = net.init(KEY, x, LABEL, True)

    @partial(jax.jit, static_argnums=0)
    def gradient(net):
        def loss(params):
            state = {**variables, "params": params}
            mutable = [c for c in variables if c != "params"]
            y, after = net.apply(state, x, LABEL, True, mutable=mutable)
            return jnp.sum(jnp.sin(y)), after

        return jax.grad(loss, has_aux=True)(variables["params"])

    assert_trees_match(gradient(again), gradient(net), rtol=1e-5)
