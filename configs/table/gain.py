"""GAIN: missing entries of a table, filled in.

Yoon, Jordon & van der Schaar, 2018, arXiv:1806.02920, with one thing that is not the paper's: in
every step a share `hide` of the known entries, 0.4 here, is hidden from both players too, while the
reconstruction goes on comparing all that are known; `hide=0.` is the paper's game. A fifth of the
entries is missing completely at random, once for good; the column `whole` has them, and training
does not read it. Columns are brought to [0, 1] by the least and the largest value known in the rows
trained on; `held_out/rmse` is on this scale, over the missing entries of rows held out.

`adult` reads a file of the 14 attributes of UCI's Adult: the six continuous ones as they are, the
eight others as the numbers of their values in alphabetical order. Neither rows with a `?` nor the
income are in it. From `adult.data` of archive.ics.uci.edu/dataset/2, which has 30,162 other rows:

    import csv, numpy as np
    rows = [r for r in csv.reader(open("adult.data"), skipinitialspace=True) if r and "?" not in r]
    code = lambda c: c.astype(float) if c[0].isdigit() else np.unique(c, return_inverse=True)[1]
    np.savez("adult.npz", x=np.stack([code(c) for c in np.array(rows).T[:14]], 1).astype("float32"))

Then, and for GAIN beside means and MICE:

    python -m experiments.train --config=configs/table/gain.py:adult --workdir=runs/gain
    python -m experiments.imputation --workdir=runs/gain
"""

import numpy as np
from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings

VARIANTS = {"iris": 5_000, "adult": 20_000}
TINY = {"net.hidden": (8,)}

ADULT = (
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation"),
    *("relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week"),
    "native-country",
)

SPLITS = {"train": (0, 1, 2, 3), "test": (4,), "fitted": (0, 1, 2), "validation": (3,)}
"""Of rows, by their number modulo 5. Settings are chosen by the last two."""


def get_config(variant: str = "iris") -> ConfigDict:
    adult = variant == "adult"
    plan = Plan(
        steps=VARIANTS[variant],
        batch_size=128,
        steps_per_call=100,
        log_every=1_000,
        sample_every=2_000,
        evaluate_every=1_000,
        checkpoint_every=2_000,
    )
    source = data.Source(
        "adult.npz" if adult else "iris",
        test_split="test",
        kinds={"x": {"kind": "real", "columns": ADULT}} if adult else {},
    )
    adam = Adam(learning_rate=1e-3, beta1=0.9)
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {"columns": len(ADULT) if adult else 4, "hidden": (128, 128)}
    config.missing = 0.2
    config.alpha = 10.0
    config.hint_rate = 0.9
    config.hide = 0.4
    config.binary = (ADULT.index("sex"),) if adult else ()
    return config


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    """The split's rows: `x` with gaps, `observed` where there is none, and `whole`."""
    source = data.Source(**config.data)
    table = data.materialise(source.load("all" if source.name == "iris" else "train"))
    values, kind = table.columns["x"], table.kinds["x"]
    observed = np.random.default_rng(0).random(values.shape) >= config.missing
    rows_of = lambda split: np.isin(np.arange(len(values)) % 5, SPLITS[split])
    known = observed & rows_of(config.data.split)[:, None]
    low = np.min(values, axis=0, where=known, initial=np.inf)
    high = np.max(values, axis=0, where=known, initial=-np.inf)
    whole = (values - low) / np.where(high > low, high - low, 1)
    columns = {"x": np.where(observed, whole, 0), "observed": observed, "whole": whole}
    rows = {name: x[rows_of(split)].astype(np.float32) for name, x in columns.items()}
    return data.ArrayDataset(table.name, split, rows, dict.fromkeys(rows, kind))


def make_game(config: ConfigDict) -> Game:
    net = config.net
    game = algorithms.gain(
        nets.mlp.Encoder(net.columns, net.hidden, dtype=config.dtype),
        nets.mlp.Encoder(net.columns, net.hidden, dtype=config.dtype),
        alpha=config.alpha,
        hint_rate=config.hint_rate,
        hide=config.hide,
        binary=config.binary,
    )
    return game._replace(target="whole")
