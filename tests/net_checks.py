"""What every net is asked: sizes, gradients, and that examples do not meet."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

KEY = jax.random.key(0)


def shapes(net, *inputs):
    """Of a net's variables, traced alone."""
    return jax.eval_shape(partial(net.init, train=True), KEY, *inputs)


def shape_of(net, *inputs):
    """Of a net's output, traced alone; its dtype too."""
    out = jax.eval_shape(partial(net.apply, train=False), shapes(net, *inputs), *inputs)
    return out.shape, str(out.dtype)


def parameter_count(net, *inputs):
    return sum(leaf.size for leaf in jax.tree.leaves(shapes(net, *inputs)["params"]))


def random_variables(net, *inputs, spread=0.3):
    """None of them at its special initial value of 0 or 1."""
    return drawn(shapes(net, *inputs), spread)


def drawn(variables, spread=0.3):
    """Others of these shapes: numbers around 0, but scales and variances around 1."""
    random = np.random.default_rng(0)

    def draw(path, leaf):
        positive = path[-1].key in ("scale", "var")
        return jnp.asarray(positive + random.uniform(-spread, spread, leaf.shape), jnp.float32)

    return jax.tree.map_with_path(draw, variables)


def dead_parameters(net, variables, *inputs, **options):
    """Paths of those parameters that a scalar of the training pass has no gradient by."""

    @jax.jit
    @jax.grad
    def gradients(params):
        state = {**variables, "params": params}
        mutable = [c for c in variables if c != "params"]
        y, _ = net.apply(state, *inputs, train=True, mutable=mutable, **options)
        places = jnp.arange(y.size, dtype=jnp.float32).reshape(y.shape)
        return jnp.sum(jnp.sin(3 * y + places))

    grads = gradients(variables["params"])
    return [
        jax.tree_util.keystr(path)
        for path, leaf in jax.tree.leaves_with_path(grads)
        if not np.any(np.abs(leaf) > 1e-6)
    ]


def touched(run, inputs, other):
    """Which examples of `run(*inputs)` change where the example in the middle is another's."""
    mixed = [a if a is None else a.at[1].set(b[1]) for a, b in zip(inputs, other, strict=True)]
    before, after = (np.asarray(run(*x)) for x in (inputs, mixed))
    return np.any((before != after).reshape(len(before), -1), axis=1).tolist()


def slope(f, inputs, directions, step=1e-5):
    """The derivative of a NumPy function of float64 arrays along directions."""
    at = lambda s: f(*(x + s * d for x, d in zip(inputs, directions, strict=True)))
    return (at(step) - at(-step)) / (2 * step)


def by_taps(x, kernel, pad, stride=1):
    """The correlation of x [B, H, W, C] with a kernel [k, k, C, F], in NumPy."""
    size = kernel.shape[0]
    x = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    height, width = (d - size + 1 for d in x.shape[1:3])
    taps = [(i, j) for i in range(size) for j in range(size)]
    y = sum(x[:, i : i + height, j : j + width] @ kernel[i, j] for i, j in taps)
    return y[:, ::stride, ::stride]


def filtered(x, taps, before, after):
    """The double sum of a low-pass filter over x [B, H, W, C] and zeros, in NumPy."""
    x = np.pad(x, [(0, 0), (before, after), (before, after), (0, 0)])
    n, kernel = len(taps), np.outer(taps, taps) / sum(taps) ** 2
    height, width = (d - n + 1 for d in x.shape[1:3])
    places = [(i, j) for i in range(n) for j in range(n)]
    return sum(kernel[i, j] * x[:, i : i + height, j : j + width] for i, j in places)


def zeros_between(x):
    """x [B, H, W, C] on every second pixel of [B, 2H, 2W, C]."""
    wide = np.zeros((x.shape[0], 2 * x.shape[1], 2 * x.shape[2], x.shape[3]))
    wide[:, ::2, ::2] = x
    return wide
