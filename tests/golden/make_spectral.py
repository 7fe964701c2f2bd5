"""Writes spectral.json: a spectrally normalised convolution by PyTorch, in float64.

    python tests/golden/make_spectral.py

Needs torch and NumPy, and no part of gan_jax. Two training passes of `torch.nn.utils.spectral_norm`
(which iterates as the paper does: first v, then u); after each, what it gives, its vector, and the
gradients of `Σ weights y`. Arrays are in the layout of gan_jax: kernels [h, w, C, F], images NHWC.
"""

import json
import pathlib
import platform
import warnings

import numpy as np
import torch

random = np.random.default_rng(0)
KERNEL = random.normal(size=(3, 3, 2, 4))
BIAS = random.normal(size=4)
U = random.normal(size=4)
U /= np.linalg.norm(U)
X = random.normal(size=(2, 4, 4, 2))
WEIGHTS = random.normal(size=(2, 4, 4, 4))


def golden():
    layer = torch.nn.Conv2d(2, 4, 3, padding=1, dtype=torch.float64)
    with warnings.catch_warnings():  # the successor iterates in the other order
        warnings.simplefilter("ignore")
        layer = torch.nn.utils.spectral_norm(layer)
    with torch.no_grad():
        layer.weight_orig.copy_(torch.tensor(KERNEL).permute(3, 2, 0, 1))
        layer.bias.copy_(torch.tensor(BIAS))
        layer.weight_u.copy_(torch.tensor(U))
    x = torch.tensor(X).permute(0, 3, 1, 2).requires_grad_()
    for _ in range(2):
        y = layer(x).permute(0, 2, 3, 1)
        kernel, image = torch.autograd.grad(
            (torch.tensor(WEIGHTS) * y).sum(), (layer.weight_orig, x)
        )
        yield {
            "y": y.tolist(),
            "u": layer.weight_u.tolist(),
            "kernel_gradient": kernel.permute(2, 3, 1, 0).tolist(),
            "x_gradient": image.permute(0, 2, 3, 1).tolist(),
        }


if __name__ == "__main__":
    content = {
        "source": "torch.nn.utils.spectral_norm, float64, by make_spectral.py",
        "versions": {
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "kernel": KERNEL.tolist(),
        "bias": BIAS.tolist(),
        "u": U.tolist(),
        "x": X.tolist(),
        "weights": WEIGHTS.tolist(),
        "passes": list(golden()),
    }
    lines = ",\n".join(f'  "{name}": {json.dumps(value)}' for name, value in content.items())
    pathlib.Path(__file__).with_name("spectral.json").write_text(f"{{\n{lines}\n}}\n")
