"""Random weights of an InceptionV3 and images, for the script that writes inception.json and tests.

Every array is a function of its name and shape alone, by NumPy's PCG64.
"""

import zlib

import numpy as np

RESIZES = ["tensorflow", "pytorch", "clean"]
SHAPES = [(28, 28, 1), (32, 32, 3), (64, 64, 3), (299, 299, 3), (320, 256, 3)]
CASES = {f"{resize} {h}x{w}x{c}": (resize, (h, w, c)) for resize in RESIZES for h, w, c in SHAPES}
READ = list(CASES)[::7]  # those that the net reads, one of every resizing
STEPS = {"input": 8009, "features": 128, "logits": 63}  # of what there is, one in so many is stored


def uniform(name, shape, low, high):
    random = np.random.default_rng(zlib.crc32(name.encode())).random(shape, np.float32)
    return np.float32(low) + np.float32(high - low) * random


def image(shape):
    """uint8 [H, W, C]."""
    return uniform(f"image {shape}", shape, 0, 256).astype(np.uint8)


def state_dict(kernels):
    """Arrays by name.

    Args:
      kernels: the names and shapes of those of convolutions and of the dense layer, `fc`.
    """
    shapes = {name: tuple(shape) for name, shape in kernels.items()} | {"fc.bias": (1008,)}
    for name, (features, *_) in kernels.items():
        if name != "fc.weight":
            for kind in ("weight", "bias", "running_mean", "running_var"):
                shapes[name.replace("conv.weight", f"bn.{kind}")] = (features,)
    return {name: weight(name, shape) for name, shape in shapes.items()}


def weight(name, shape):
    """One of them; activations neither vanish nor explode, and images differ in them."""
    if name.endswith(("bn.weight", "running_var")):
        return uniform(name, shape, 0.5, 1.5)
    if len(shape) == 1:
        return uniform(name, shape, -0.2, 0.2)
    limit = (6 / np.prod(shape[1:])) ** 0.5
    kernel = uniform(name, shape, -limit, limit)
    # Without a response to what all inputs have in common, all of them being positive.
    return kernel - kernel.mean(axis=tuple(range(1, len(shape))), keepdims=True)
