"""TVAE: rows of a table, of numbers and classes, like those of a CSV file, by an autoencoder.

Xu et al., 2019, arXiv:1907.00503, section 4.5: a variational autoencoder of rows encoded as CTGAN's
are (`gan_jax/tabular.py`), two layers of 128 each way, 128 latents, Adam 1e-3, batches of 500.
Places within modes are normal, each column's standard deviation learned within [0.01, 1]; modes and
classes are drawn by softmax. As in the authors' code the reconstruction counts twice: `beta` is
0.5. `grid`, `gridr` and `ring` are points of wide modes, as the paper has them.
`csv` reads `data.name`, whose first line names the columns; texts are classes, and so are numbers
of columns in `categorical`. `experiments.tables` scores samples.
The fitted table becomes part of the run's config, so samples need the run alone.

    python -m experiments.train --config=configs/table/tvae.py:csv --config.data.name=people.csv
    python -m experiments.sample --workdir=runs/table_tvae_csv --out=rows.csv --count=1000
"""

from functools import partial

from ml_collections import ConfigDict

from gan_jax import algorithms, data, nets, priors, prng, tabular
from gan_jax.game import Game, Players, apply, part
from gan_jax.optimizers import Adam
from gan_jax.train import Plan, settings
from gan_jax.types import Array, Batch, PRNGKey

VARIANTS = {"iris": 3_000, "grid": 6_000, "gridr": 6_000, "ring": 6_000, "csv": 18_000}
SEEDS = {"rows": 0, "test": 1}
TINY = {"net.hidden": (8,)}


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
    source = data.Source("" if variant == "csv" else variant, split="rows")
    config = ConfigDict(settings(plan, source, vae=Adam(learning_rate=1e-3, beta1=0.9)))
    config.net = {"latent_dim": 128, "hidden": (128, 128)}
    config.categorical = ()
    config.beta = 0.5
    return config


def make_data(config: ConfigDict, split: str = "rows") -> data.ArrayDataset:
    """The table; of points also as many others, the split `test`."""
    return data.named_table(
        config.data.name, categorical=config.categorical, seed=SEEDS.get(split, 0)
    )


def complete(config: ConfigDict) -> ConfigDict:
    """With the table's columns, as `data.to_record` has them, and their modes."""
    config.table = data.to_record(tabular.fit(make_data(config)))
    return config


def make_game(config: ConfigDict) -> Game:
    table = data.from_record(config.table.to_dict())
    assert isinstance(table, data.Table)
    columns, net = table.of, config.net
    width, encode = tabular.width(columns), partial(tabular.encode, columns)
    encoder = nets.tables.Encoder(encode, 2 * net.latent_dim, net.hidden, dtype=config.dtype)
    numbers = tabular.numbers(columns)
    decoder = nets.tables.Decoder(width, numbers, net.hidden, dtype=config.dtype)
    likelihood = algorithms.Likelihood(
        nll=lambda said, x: tabular.nll(columns, **said, x=encode(x)),
        mean=lambda said: tabular.draw(columns, **said),
    )
    game = algorithms.vae(
        encoder, decoder, latent_dim=net.latent_dim, likelihood=likelihood, beta=config.beta
    )
    noise = priors.uniform(width)

    def inputs(keys: PRNGKey, batch: Batch) -> Batch:
        return {**game.inputs(keys, batch), "noise": noise.sample(prng.fold_in(keys, "noise"))}

    def sample(players: Players, inputs: Batch) -> Array:
        """Rows drawn from what the decoder says of their latents."""
        variables = part(players["vae"], "decoder")
        said, _ = apply(decoder, variables, inputs["latent"], None, train=False)
        return tabular.draw(columns, **said, noise=inputs["noise"])

    return game._replace(inputs=inputs, sample=sample)
