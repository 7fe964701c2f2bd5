"""Mode collapse on a ring of 8 and a grid of 25 Gaussians: what is said to help, with like nets.

The mixtures are VEEGAN's (Srivastava et al., 2017, arXiv:1705.07761) as PacGAN has them (Lin et
al., 2018, arXiv:1712.04086). `plain` is a GAN with Adam's usual momentum; every other setting is
one remedy, without momentum. Rates and weights are those of the recipes.

    python -m experiments.ablate --sweep=configs/sweeps/collapse.py --workdir=runs/collapse
"""

BASE = "configs/points/gan.py:ring"
SEEDS = tuple(range(10))
OVERRIDES = {
    "steps": 10_000,
    "sample_every": 2_000,
    "evaluate_every": 10_000,
    "evaluate_count": 20_000,
    "checkpoint_every": 10_000,
}
FIGURES = ("samples/modes", "samples/high_quality", "samples/reverse_kl")
REMEDIES: dict[str, tuple[str, dict[str, object]]] = {
    "plain": ("gan", {"r1": 0.0, "generator.beta1": 0.9, "discriminator.beta1": 0.9}),
    "no momentum": ("gan", {"r1": 0.0}),
    "R1": ("gan", {}),
    "minibatch discrimination": ("gan", {"r1": 0.0, "net.minibatch": 16}),
    "unrolled, 5 steps": ("gan", {"r1": 0.0, "unroll": 5}),
    "top-k, nine of ten": ("gan", {"r1": 0.0, "top_share": 0.9}),
    "PacGAN, packs of 2": ("pacgan", {}),
    "PacGAN, packs of 4": ("pacgan", {"pack": 4}),
    "WGAN-GP": ("wgan_gp", {}),
    "relativistic, R1 and R2": ("r3gan", {}),
    "GMAN, 3 discriminators": ("gman", {}),
    "ALI": ("bigan", {}),
    "MAD-GAN, a generator a mode": ("madgan", {"net.hidden": (64, 64), "r1": 0.01}),
}
GENERATORS = {"ring": 8, "grid": 25}
SETTINGS = {
    f"{data}, {remedy}": {"BASE": f"configs/points/{name}.py:{data}", **settings}
    | ({"net.generators": GENERATORS[data]} if name == "madgan" else {})
    for data in GENERATORS
    for remedy, (name, settings) in REMEDIES.items()
}
