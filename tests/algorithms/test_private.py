from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small_games import DISCRIMINATOR, GENERATOR, KEY, POINTS, Dropped, Z, gan

from gan_jax import algorithms, losses, nets, optimizers, penalties, prng
from gan_jax.game import View
from gan_jax.step import init_state, train_step
from gan_jax.types import UserError

X, SIZE, CLIP, SIGMA = {"x": jnp.asarray(POINTS[:6])}, 6, 1.6, 1.3


def step(game, optimizer, batch=X):
    """The discriminator's state before and after a step, and the metrics."""
    state = init_state(game, {"discriminator": optimizer, "generator": optax.sgd(0.1)}, KEY, batch)
    columns = jax.tree.map(lambda column: column[None], batch)
    after, metrics = jax.jit(partial(train_step, game))(state, columns)
    return state, after.players["discriminator"].params, metrics


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_noisy_update_is_that_of_optax_with_all_gradients_at_hand(accumulate):
    game = gan(discriminator=Dropped(1), penalties=[penalties.R1(0.5)])
    key = jax.random.key(7)
    settings = {"clip": CLIP, "noise_multiplier": SIGMA, "batch_size": SIZE, "key": key}
    noisy = optimizers.private(optax.sgd(1.0), **settings)
    private = algorithms.private(game, clip=CLIP)
    state, found, metrics = step(private, noisy)

    keys = prng.per_example(jax.random.fold_in(jax.random.fold_in(state.key, 0), 0), SIZE)
    players, turn = state.variables(ema=False), game.turns[0]

    def of_one(params, x, key):
        own = {**players, "discriminator": {"params": params}}
        batch = {"x": x[None], **game.inputs(key[None], {})}
        return turn.loss(View(own, batch, key[None]))[0]

    params = players["discriminator"]["params"]
    grads = jax.vmap(jax.grad(of_one), (None, 0, 0))(params, X["x"], keys)
    norms = jax.vmap(optax.tree.norm)(grads)
    assert 0 < float(jnp.mean(norms > CLIP)) < 1
    assert metrics["discriminator/clipped"] == pytest.approx(float(jnp.mean(norms > CLIP)))
    aggregate = optax.contrib.differentially_private_aggregate(CLIP, SIGMA, key)
    updates, _ = aggregate.update(grads, aggregate.init(params))
    for a, b in zip(*map(jax.tree.leaves, (found, optax.tree.sub(params, updates))), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


REFUSED = {
    "noise": (lambda: gan(loss=losses.RELATIVISTIC), "the generator sees the data"),
    "matched features": (
        lambda: gan(
            discriminator=nets.mlp.Discriminator((6,), features=True),
            terms=[algorithms.terms.feature_matching()],
        ),
        "the generator sees the data",
    ),
    "inputs made of data": (
        lambda: gan()._replace(
            inputs=lambda keys, batch: {"latent": jnp.repeat(batch.get("x", X["x"])[:, :1], 3, 1)}
        ),
        "the generator sees the data",
    ),
    "packs": (lambda: gan(discriminator=nets.several.Packed(DISCRIMINATOR, 2), group=2), "packs"),
    "batch statistics": (
        lambda: gan(nets.mlp.Generator((2,), (6,), batch_norm=True)),
        "batch statistics in its generator",
    ),
    "memory": (lambda: gan(terms=[algorithms.terms.lecam(0.1)]), "remembers"),
    "a second turn": (lambda: gan(penalties=[penalties.R1(1.0, every=4)]), "several turns"),
    "a coupled loss": (
        lambda: gan(
            discriminator=nets.mlp.Discriminator((6,), features=True),
            terms=[algorithms.terms.Term("mean", lambda scene: scene.view.mean(scene.data))],
        ),
        "couples examples",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_breaks_the_accounting_is_refused(name):
    make, said = REFUSED[name]
    with pytest.raises(UserError, match=said):
        step(algorithms.private(make(), clip=CLIP), optax.sgd(0.1))


def test_a_game_on_labels_of_the_data_is_refused():
    game = algorithms.gan(GENERATOR, DISCRIMINATOR, conditional=True, **Z)
    with pytest.raises(UserError, match="label"):
        algorithms.private(game, clip=CLIP)
