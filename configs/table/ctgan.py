"""CTGAN: rows of a table, of numbers and classes, like those of a CSV file.

Xu et al., 2019, arXiv:1907.00503: numbers as modes and places within (`gan_jax/tabular.py`), one
class of one column as the condition of each row, rows drawn so that rare classes are met, packs of
ten, WGAN-GP, Adam 2e-4 with moments (0.5, 0.9), batches of 500. `csv` reads `data.name`, whose
first line names the columns; texts are classes, and so are numbers of columns in `categorical`.
`grid`, `gridr` and `ring` are the paper's, of wide modes. `experiments.tables` scores samples.
The fitted table becomes part of the run's config, so samples need the run alone.

The gradient penalty is of each row within its pack: a slope of 1 there is one of √10 in the pack,
which the authors' code brings to 1.

    python -m experiments.train --config=configs/table/ctgan.py:csv --config.data.name=people.csv
    python -m experiments.sample --workdir=runs/table_ctgan_csv --out=rows.csv --count=1000
"""

from functools import partial

import jax
from ml_collections import ConfigDict

from gan_jax import algorithms, data, losses, nets, priors, prng, tabular
from gan_jax.game import Game
from gan_jax.optimizers import Adam
from gan_jax.parallel import AXIS
from gan_jax.penalties import GradientPenalty
from gan_jax.train import Plan, settings
from gan_jax.types import Array, Batch, PRNGKey

VARIANTS = {"iris": 3_000, "grid": 6_000, "gridr": 6_000, "ring": 6_000, "csv": 18_000}
SEEDS = {"rows": 0, "test": 1}
TINY = {"net.hidden": (8,), "pack": 2}


def get_config(variant: str = "iris") -> ConfigDict:
    plan = Plan(
        steps=VARIANTS[variant],
        batch_size=500,
        steps_per_call=50,
        log_every=250,
        sample_every=VARIANTS[variant] // 6,
        evaluate_every=VARIANTS[variant] // 6,
        evaluate_split="rows",
    )
    adam = Adam(learning_rate=2e-4, beta1=0.5, beta2=0.9)
    source = data.Source("" if variant == "csv" else variant)
    config = ConfigDict(settings(plan, source, generator=adam, discriminator=adam))
    config.net = {
        "latent_dim": 128,
        "hidden": (256, 256),
        "dropout": 0.5,
        "sync_batch_norm": False,
    }
    config.categorical = ()
    config.pack = 10
    config.gradient_penalty = 10.0
    config.temperature = 0.2
    return config


def rows(config: ConfigDict, split: str = "rows") -> data.ArrayDataset:
    """The table as it is; of points also as many others, the split `test`."""
    return data.named_table(config.data.name, categorical=config.categorical, seed=SEEDS[split])


def complete(config: ConfigDict) -> ConfigDict:
    """With the table's columns, as `data.to_record` has them, and their modes."""
    config.table = data.to_record(tabular.fit(rows(config)))
    return config


def columns_of(config: ConfigDict) -> tuple[data.Column, ...]:
    """As `complete` found them."""
    table = data.from_record(config.table.to_dict())
    assert isinstance(table, data.Table)
    return table.of


def make_data(config: ConfigDict, split: str) -> data.Dataset:
    """Rows drawn by conditions to train on; the split `rows`, each once, to compare with."""
    table = rows(config, "test" if split == "test" else "rows")
    return table if split in SEEDS else tabular.by_conditions(table)


def make_game(config: ConfigDict) -> Game:
    net, columns = config.net, columns_of(config)
    width, conditions = tabular.width(columns), tabular.conditions(columns)
    generator = nets.tables.Generator(
        width,
        partial(tabular.activate, columns, temperature=config.temperature),
        net.hidden,
        num_classes=conditions or None,
        axis_name=AXIS if net.sync_batch_norm else None,
        dtype=config.dtype,
    )
    discriminator = nets.tables.Discriminator(
        config.pack, net.hidden, conditions or None, net.dropout, dtype=config.dtype
    )

    def missed(scene: algorithms.Scene) -> Array:
        return tabular.condition_error(columns, scene.made["raw"], scene.view.batch["label"])

    game = algorithms.gan(
        generator,
        discriminator,
        prior={"latent": priors.normal(net.latent_dim), "noise": priors.uniform(width)},
        loss=losses.WASSERSTEIN,
        penalties=[GradientPenalty(config.gradient_penalty)],
        terms=[algorithms.Term("condition", generator=missed)] if conditions else [],
        conditional=bool(conditions),
        group=config.pack,
        encode=partial(tabular.encode, columns),
        decode=partial(tabular.decode, columns),
    )
    if not conditions:
        return game
    draw = jax.vmap(partial(tabular.draw_condition, columns))

    def inputs(keys: PRNGKey, batch: Batch) -> Batch:
        """Under the conditions of a batch that has such, else under those of the table's shares."""
        label = batch["label"] if "label" in batch else draw(prng.fold_in(keys, "condition"))
        return game.inputs(keys, {"label": label})

    return game._replace(inputs=inputs, conditions=())
