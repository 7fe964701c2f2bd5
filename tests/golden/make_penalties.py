"""Writes penalties.json: gradient penalties of a small critic by PyTorch's autograd, in float64.

    python tests/golden/make_penalties.py

Needs torch and NumPy, and no part of gan_jax. The critic is `tanh(x W + b) v + c`; its parameters'
gradients are those of `Σ_i weights_i penalty_i`, so second derivatives of the critic.
"""

import json
import pathlib
import platform

import numpy as np
import torch

EPSILON = [
    0.8673704862594604,
    0.6751335859298706,
    0.20599794387817383,
    0.23133409023284912,
    0.29845166206359863,
]
"""What gan_jax.prng.uniform gives for prng.per_example(jax.random.key(7), 5)."""

NOISE = [
    [0.8673704862594604, 0.5563143491744995, 0.3006770610809326],
    [0.6751335859298706, 0.8261764049530029, 0.39398670196533203],
    [0.20599794387817383, 0.25844132900238037, 0.03597891330718994],
    [0.23133409023284912, 0.3165394067764282, 0.7916358709335327],
    [0.29845166206359863, 0.033974409103393555, 0.2599961757659912],
]
"""Likewise, of three numbers an example."""
ALPHA = [
    0.9670771360397339,
    0.138666033744812,
    0.8154410123825073,
    0.7497856616973877,
    0.6323152780532837,
]
"""Likewise, of the keys folded with "alpha"."""

random = np.random.default_rng(0)
INPUTS = {
    "real": random.normal(size=(5, 3)),
    "fake": random.normal(size=(5, 3)) + 0.5,
    "weights": random.uniform(0.5, 2.0, size=5),
}
PARAMS = {
    "W": random.normal(size=(3, 4)),
    "b": random.normal(size=4),
    "v": random.normal(size=4),
    "c": random.normal(size=()),
}
params = {n: torch.tensor(p, dtype=torch.float64, requires_grad=True) for n, p in PARAMS.items()}
real, fake, weights = (torch.tensor(v, dtype=torch.float64) for v in INPUTS.values())
epsilon = torch.tensor(EPSILON, dtype=torch.float64)[:, None]
noise = torch.tensor(NOISE, dtype=torch.float64) * torch.tensor(ALPHA, dtype=torch.float64)[:, None]
between = (1 - epsilon) * real + epsilon * fake


def critic(x):
    return torch.tanh(x @ params["W"] + params["b"]) @ params["v"] + params["c"]


def norms(x):
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return gradient.norm(2, dim=1)


def unsteadiness(x):
    """Under a mirror and half the size."""
    return (critic(x) - critic(0.5 * x.flip(1))) ** 2


def golden(penalty):
    grads = torch.autograd.grad((weights * penalty).sum(), list(params.values()), allow_unused=True)
    grads = [
        torch.zeros_like(p) if g is None else g for p, g in zip(params.values(), grads, strict=True)
    ]
    return {
        "value": penalty.tolist(),
        "gradient": {name: g.tolist() for name, g in zip(params, grads, strict=True)},
    }


if __name__ == "__main__":
    content = {
        "source": "torch.autograd, float64, by make_penalties.py",
        "versions": {
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "inputs": {name: value.tolist() for name, value in INPUTS.items()},
        "params": {name: value.tolist() for name, value in PARAMS.items()},
        "epsilon": EPSILON,
        "r1": golden(0.5 * norms(real) ** 2),
        "r2": golden(0.5 * norms(fake) ** 2),
        "noise": NOISE,
        "alpha": ALPHA,
        "gradient_penalty": golden((norms(between) - 1) ** 2),
        "one_sided": golden(torch.relu(norms(between) - 1) ** 2),
        "dragan": golden((norms(real + 0.5 * 0.8 * noise) - 1) ** 2),
        "consistency": golden(unsteadiness(real)),
        "balanced": golden(unsteadiness(real) + unsteadiness(fake)),
    }
    lines = ",\n".join(f'  "{name}": {json.dumps(value)}' for name, value in content.items())
    pathlib.Path(__file__).with_name("penalties.json").write_text(f"{{\n{lines}\n}}\n")
