"""bfloat16 computes; float32 holds parameters, losses, penalties and statistics."""

from functools import partial

import jax
import numpy as np
import optax
import pytest

from gan_jax import algorithms, losses, nets, penalties, priors
from gan_jax.step import init_state, train_step

random = np.random.default_rng(0)
X = np.tanh(random.normal(size=(4, 1, 32, 8, 8, 1))).astype(np.float32)
GAMES = {
    "wgan-gp": (losses.WASSERSTEIN, penalties.GradientPenalty(10.0)),
    "r1": (losses.NON_SATURATING, penalties.R1(5.0)),
}


def played(name, dtype):
    """The state and metrics of every step of a short game in one precision."""
    loss, penalty = GAMES[name]
    game = algorithms.gan(
        nets.dcgan.Generator(8, 1, width=8, dtype=dtype),
        nets.dcgan.Discriminator(width=8, batch_norm=False, dtype=dtype),
        prior=priors.normal(8),
        loss=loss,
        penalties=[penalty],
    )
    optimizers = dict.fromkeys(("generator", "discriminator"), optax.adam(1e-3, b1=0.0))
    state = init_state(game, optimizers, jax.random.key(0), {"x": X[0, 0]})
    step = partial(train_step, game)
    return jax.jit(lambda state: jax.lax.scan(step, state, {"x": X}))(state)


@pytest.mark.parametrize("name", GAMES)
def test_a_penalised_game_in_bfloat16_stays_close_to_float32(name):
    (low, low_metrics), (_, metrics) = played(name, "bfloat16"), played(name, "float32")
    for key, values in metrics.items():
        assert np.isfinite(low_metrics[key]).all(), key
        if key.endswith("_sign"):  # a logit near 0 may fall on either side
            continue
        np.testing.assert_allclose(low_metrics[key], values, rtol=0.1, atol=0.02, err_msg=key)
    floats = [x.dtype for x in jax.tree.leaves((low.variables(), low_metrics))]
    assert set(floats) == {np.dtype("float32")}
