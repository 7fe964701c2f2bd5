"""FLOPs of a step: what the compiled program does, over what must be done.

On CPU the project's convolutions lower to other operations, so a call of several steps is exported
for a TPU, where they lower to XLA's own, and that program goes through XLA's optimiser on CPU.
There duplicates are merged and dead code dropped, or not, which is what the ratio shows; nothing is
run. The count is `compiled.cost_analysis()["flops"]`, which has a loop's body once: a step, with
its element-wise operations.

What must be done are the products of the layers alone. With G and D the products of a forward pass
on one example, g and d those of the layers that see the net's own input, whose gradient nobody
needs: 3 G - g for the generator (forward, gradients of inputs and kernels) and 2 (3 D - d) for the
discriminator on a real and a generated example, then 2 D to lead the generator's gradient
through it. A critic's update is G + 2 (3 D - d), and for the penalty four passes: forward,
gradient, and two transposes of that; the last layer's gradient has no argument but its kernel.
CycleGAN has both ways: translations as a generator's, the way back 3 G, 2 D to lead the gradient
through, and the discriminator's update: 6 G - g + 2 D + 2 (3 D - d).
"""

import math
from functools import partial
from itertools import pairwise

import jax
import jax.export
import jax.numpy as jnp
from jax import lax

from experiments.benchmark.cases import Case, Problem
from experiments.benchmark.ours import columns, make_game, make_state
from experiments.benchmark.worker import Work
from gan_jax.step import train_step

_STEPS = 10  # a call; any number above 1 makes the loop


def work(case: Case, variant: str) -> Work:
    """Nothing to time: both counts, as facts."""
    del variant
    facts = {"flops": native(case.problem), "flops_needed": needed(case.problem)}
    return Work(lambda calls: None, 0, facts)


def native(problem: Problem) -> float:
    """What the compiled step does where convolutions lower to XLA's own."""
    game = make_game(problem)
    state = jax.eval_shape(lambda: make_state(game, problem))
    shape = (_STEPS, 1, problem.batch, *problem.shape)
    batches = {c: jax.ShapeDtypeStruct(shape, jnp.float32) for c in columns(problem)}
    steps = jax.jit(partial(lax.scan, partial(train_step, game)))
    anywhere = [jax.export.DisabledSafetyCheck.platform()]
    exported = jax.export.export(steps, platforms=["tpu"], disabled_checks=anywhere)(state, batches)
    cost = jax.jit(exported.call).lower(state, batches).compile().cost_analysis()
    assert cost is not None
    return cost["flops"]


def needed(problem: Problem) -> int:
    """The products that a step cannot do without."""
    nets = {
        "mlp": _mlp,
        "dcgan": _dcgan,
        "resnet": _resnet,
        "wavegan": _wavegan,
        "cyclegan": _cyclegan,
    }
    (generator, seen), (discriminator, first, last) = nets[problem.family](problem)
    both = 2 * (3 * discriminator - first)
    if problem.critic:
        return problem.batch * (generator + both + 4 * discriminator - last)
    if problem.family == "cyclegan":
        return 2 * problem.batch * (6 * generator - seen + both + 2 * discriminator)
    return problem.batch * (3 * generator - seen + both + 2 * discriminator)


_Counts = tuple[tuple[int, int], tuple[int, int, int]]
"""FLOPs of a forward pass on one example: of the generator in all and in the layer that sees its
input; of the discriminator in all, in the layers that see its input, and in its last."""


def _dense(inputs: int, outputs: int) -> int:
    return 2 * inputs * outputs


def _conv(kernel: int, stride: int, size: int, inputs: int, outputs: int) -> int:
    """Of a map of `size` with padding "SAME", whose zeros are not multiplied."""
    return 2 * _taps(kernel, stride, size) ** 2 * inputs * outputs


def _taps(kernel: int, stride: int, size: int) -> int:
    """Products along one side of a map, for each pair of channels."""
    out = -(-size // stride)
    before = max((out - 1) * stride + kernel - size, 0) // 2
    return sum(0 <= o * stride - before + k < size for o in range(out) for k in range(kernel))


def _mlp(problem: Problem) -> _Counts:
    pixels = math.prod(problem.shape)
    g = [_dense(a, b) for a, b in pairwise((problem.latent_dim, *problem.hidden, pixels))]
    d = [_dense(a, b) for a, b in pairwise((pixels, *problem.hidden, 1))]
    return (sum(g), g[0]), (sum(d), d[0], d[-1])


def _dcgan(problem: Problem) -> _Counts:
    side, _, channels = problem.shape
    maps = enumerate(pairwise((channels, *problem.widths)))
    convs = [_conv(4, 2, side >> stage, *widths) for stage, widths in maps]
    flat = problem.base**2 * problem.widths[-1]
    first, last = _dense(problem.latent_dim, flat), _dense(flat, 1)
    return (first + sum(convs), first), (sum(convs) + last, convs[0], last)


def _resnet(problem: Problem) -> _Counts:
    channels = problem.shape[-1]
    first, last = _dense(problem.latent_dim, 4 * 4 * 256), _conv(3, 1, 32, 256, channels)
    # Before or after a change of size a 3x3 kernel is one of 4x4 and stride 2.
    up = sum(
        _conv(4, 2, 2 * n, 256, 256) + _conv(3, 1, 2 * n, 256, 256) + _conv(1, 1, n, 256, 256)
        for n in (4, 8, 16)
    )
    image = _conv(3, 1, 32, channels, 128) + _conv(1, 1, 16, channels, 128)
    halving = _conv(4, 2, 32, 128, 128) + _conv(4, 2, 16, 128, 128)
    rest = _conv(3, 1, 16, 128, 128) + _conv(1, 1, 8, 128, 128) + 4 * _conv(3, 1, 8, 128, 128)
    head = _dense(128, 1)
    return (first + up + last, first), (image + halving + rest + head, image, head)


def _wavegan(problem: Problem) -> _Counts:
    length, channels = problem.shape
    widths = [16 << stage for stage in range(round(math.log(length / 16, 4)))]
    maps = enumerate(pairwise((channels, *widths)))
    convs = [2 * _taps(25, 4, length >> 2 * stage) * a * b for stage, (a, b) in maps]
    first, last = _dense(problem.latent_dim, 16 * widths[-1]), _dense(16 * widths[-1], 1)
    return (first + sum(convs), first), (sum(convs) + last, convs[0], last)


def _mirrored(kernel: int, out: int, inputs: int, outputs: int) -> int:
    """Of a convolution to a map of `out` where nothing beyond the border is zero."""
    return 2 * (kernel * out) ** 2 * inputs * outputs


def _cyclegan(problem: Problem) -> _Counts:
    side, _, channels = problem.shape
    first, last = _mirrored(7, side, channels, 32), _mirrored(7, side, 32, channels)
    down = _mirrored(3, side // 2, 32, 64) + _mirrored(3, side // 4, 64, 128)
    up = _conv(3, 2, side // 2, 128, 64) + _conv(3, 2, side, 64, 32)
    blocks = 12 * _mirrored(3, side // 4, 128, 128)
    widths = (channels, 32, 64, 128)
    halving = [_conv(4, 2, side >> i, *pair) for i, pair in enumerate(pairwise(widths))]
    patches = [_conv(4, 1, side // 8, 128, 256), _conv(4, 1, side // 8, 256, 1)]
    d = halving + patches
    return (first + down + blocks + up + last, first), (sum(d), d[0], d[-1])
