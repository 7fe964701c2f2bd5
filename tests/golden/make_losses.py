"""Writes losses.json: adversarial losses and their gradients by PyTorch's autograd, in float64.

    python tests/golden/make_losses.py

Needs torch and no part of gan_jax. The discriminator's losses are functions of (real, fake), and so
are the generator's here, whatever they read of them.
"""

import json
import pathlib
import platform

import torch
from torch.nn import functional

REAL = [-50.0, -20.0, -7.5, -3.0, -0.9, -0.4, 0.0, 0.4, 0.9, 3.0, 7.5, 20.0, 50.0]
FAKE = REAL[5:] + REAL[:5]


def bce(logits, label):
    return functional.binary_cross_entropy_with_logits(
        logits, torch.full_like(logits, label), reduction="none"
    )


def half_mse(logits, label):
    return 0.5 * functional.mse_loss(logits, torch.full_like(logits, label), reduction="none")


LOSSES = {
    "minimax_discriminator_loss": lambda real, fake: bce(real, 1.0) + bce(fake, 0.0),
    "minimax_generator_loss": lambda real, fake: -bce(fake, 0.0),
    "non_saturating_discriminator_loss": lambda real, fake: bce(real, 1.0) + bce(fake, 0.0),
    "non_saturating_generator_loss": lambda real, fake: bce(fake, 1.0),
    "least_squares_discriminator_loss": lambda r, f: half_mse(r, 1.0) + half_mse(f, 0.0),
    "least_squares_generator_loss": lambda real, fake: half_mse(fake, 1.0),
    "hinge_discriminator_loss": lambda real, fake: (
        functional.relu(1 - real) + functional.relu(1 + fake)
    ),
    "hinge_generator_loss": lambda real, fake: -fake,
    "wasserstein_discriminator_loss": lambda real, fake: fake - real,
    "wasserstein_generator_loss": lambda real, fake: -fake,
    "relativistic_discriminator_loss": lambda real, fake: -functional.logsigmoid(real - fake),
    "relativistic_generator_loss": lambda real, fake: -functional.logsigmoid(fake - real),
}


def golden(loss):
    real = torch.tensor(REAL, dtype=torch.float64, requires_grad=True)
    fake = torch.tensor(FAKE, dtype=torch.float64, requires_grad=True)
    value = loss(real, fake)
    grads = torch.autograd.grad(value.sum(), (real, fake), allow_unused=True)
    d_real, d_fake = (torch.zeros_like(real) if g is None else g for g in grads)
    return {"value": value.tolist(), "d_real": d_real.tolist(), "d_fake": d_fake.tolist()}


if __name__ == "__main__":
    content = {
        "source": "torch.autograd, float64, by make_losses.py",
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
        "real": REAL,
        "fake": FAKE,
    } | {name: golden(loss) for name, loss in LOSSES.items()}
    lines = ",\n".join(f'  "{name}": {json.dumps(value)}' for name, value in content.items())
    pathlib.Path(__file__).with_name("losses.json").write_text(f"{{\n{lines}\n}}\n")
