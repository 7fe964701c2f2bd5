"""DCGAN on digits under four losses, each with and without R1, and two further penalties.

python -m experiments.ablate --sweep=configs/sweeps/losses.py --workdir=runs/losses
"""

BASE = "configs/image/dcgan.py:digits"
SEEDS = (0, 1, 2)
OVERRIDES = {"steps": 2_000, "evaluate_every": 0, "sample_every": 2_000}
LOSSES = ("NON_SATURATING", "LEAST_SQUARES", "HINGE", "RELATIVISTIC")
SETTINGS = {
    f"{loss.lower()}, {name}": {"loss": loss, "r1": r1}
    for loss in LOSSES
    for name, r1 in {"no penalty": 0.0, "R1": 1.0}.items()
} | {
    "relativistic, R1 and R2": {"loss": "RELATIVISTIC", "r1": 0.5, "r2": 0.5},
    "wasserstein, gradient penalty": {"loss": "WASSERSTEIN", "r1": 0.0, "gradient_penalty": 10.0},
}
