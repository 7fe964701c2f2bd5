"""Every recipe: traced as it is; in its TINY trained and shown."""

from functools import partial
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from experiments import recipes, run_folder, train
from gan_jax import checkpoints, data, evaluation, loop, prng, step
from gan_jax.types import UserError
from gan_jax.writers import read_metrics

CONFIGS = Path(__file__).parents[2] / "configs"
RECIPES = sorted(p.relative_to(CONFIGS).with_suffix("").as_posix() for p in CONFIGS.rglob("*.py"))
RECIPES = [name for name in RECIPES if not name.startswith("sweeps/")]
SETTINGS = {name: (name, {}) for name in RECIPES} | {
    "lazy R1": ("image/dcgan", {"r1_every": 2}),
    "relativistic average": ("image/dcgan", {"loss": "RELATIVISTIC_AVERAGE"}),
    "wrong labels refused": ("image/cgan", {"mismatch": 0.5, "policy": ("translation",)}),
    "no labels": ("image/aae", {"labels": 0}),
    "a stochastic encoder": ("image/bigan", {"stochastic": True}),
}


class PowerCutError(Exception):
    pass


@pytest.mark.parametrize("name", SETTINGS)
def test_every_recipe_trains_and_shows_what_it_promises(name, tiny, tmp_path):
    name, settings = SETTINGS[name]
    once = {"steps": 2, "steps_per_call": 1, "checkpoint_every": 2, "sample_every": 2}
    path, config = tiny(name, **once, **settings)
    assert train.run(path, config, tmp_path).step == 2
    for promised in ("config.json", "metrics.jsonl", "curves.png", "tensorboard", "checkpoints/2"):
        assert (tmp_path / promised).exists(), promised
    shown = {p.name for p in (tmp_path / "samples").iterdir()}
    assert {"00000000.png", "00000002.png"} <= shown


@pytest.mark.parametrize("name", ["points/gan", "image/dcgan"])
def test_a_resumed_run_ends_where_an_unbroken_one_does(
    name, tiny, tmp_path, monkeypatch, assert_same_bits
):
    path, config = tiny(name, steps=8, log_every=8, checkpoint_every=6, sample_every=4)
    unbroken = train.run(path, config, tmp_path / "unbroken")
    save = checkpoints.Checkpoints.save

    def save_and_die(self, *arguments):
        save(self, *arguments)
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.Checkpoints, "save", save_and_die)
        with pytest.raises(PowerCutError):
            train.run(path, config, tmp_path / "broken")
    resumed = train.run(path, config, tmp_path / "broken")
    assert_same_bits(resumed, unbroken)
    one, other = (
        [{n: v for n, v in row.items() if "throughput" not in n} for row in read_metrics(folder)]
        for folder in (tmp_path / "broken", tmp_path / "unbroken")
    )
    assert one == other
    assert [row["step"] for row in one] == [8]


@pytest.mark.parametrize("name", [*RECIPES, "translation/pix2pix:camvid"])
def test_every_recipe_is_traced_as_it_is(name, tiny, shorten):
    path, _ = tiny(name)
    recipe = recipes.load_recipe(path)
    config = recipes.completed(recipe, recipes.configure(recipe, name.partition(":")[2]))
    game = recipes.make_game(recipe, config)
    shorten(config.data)
    few = data.first(recipes.make_data(recipe, config, config.data.split), 2 * game.group)
    state = jax.eval_shape(lambda: recipes.make_state(recipe, config, game, few))
    call = game.repeats, config.batch_size
    shapes = {n: jax.ShapeDtypeStruct((*call, *x.shape[1:]), x.dtype) for n, x in few.items()}
    ema_decay = recipes.make_ema_decay(recipe, config) or config.ema_decay
    play = partial(step.train_step, game, ema_decay=ema_decay)
    after, metrics = jax.eval_shape(play, state, shapes)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert {f"{turn.player}/loss" for turn in game.turns if not turn.name} <= metrics.keys()


@pytest.mark.parametrize("variant", ["digits", "mnist", "fashion_mnist", "cifar10"])
@pytest.mark.parametrize("name", [name for name in RECIPES if name.startswith("image/")])
def test_every_recipe_of_images_has_every_data_set(name, variant):
    recipe = recipes.load_recipe(CONFIGS / f"{name}.py")
    config = recipes.configure(recipe, variant)
    assert config.data.name == variant
    recipes.make_game(recipe, config)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"net.widht": 8}, "the config has no 'net.widht'"),
        ({"nett.width": 8}, "the config has no 'nett.width'"),
        ({"net.width": "wide"}, "net.width is 'wide': it must be of type int"),
    ],
)
def test_a_config_takes_no_setting_that_it_has_not(setting, message):
    recipe = recipes.load_recipe(CONFIGS / "image/dcgan.py")
    with pytest.raises(UserError, match=message):
        recipes.configure(recipe, **setting)


def test_a_run_compiles_its_step_once(tiny, tmp_path, monkeypatch):
    traces = []

    def counted(*arguments, **settings):
        traces.append(1)
        return step.train_step(*arguments, **settings)

    monkeypatch.setattr(loop, "train_step", counted)
    path, config = tiny("image/dcgan", steps=12, log_every=4, sample_every=4, checkpoint_every=6)
    train.run(path, config, tmp_path)
    assert len(traces) == 1


def test_the_best_checkpoint_outlives_newer_ones_and_is_had_by_name(tiny, tmp_path, monkeypatch):
    scores = iter([0.1, 0.9, 0.5, 0.4])
    monkeypatch.setattr(
        recipes, "make_evaluators", lambda *_: [lambda _: {"samples/score": next(scores)}]
    )
    every = {"evaluate_every": 2, "checkpoint_every": 2, "keep": 1, "best": "samples/score"}
    path, config = tiny("image/dcgan", **every)
    train.run(path, config, tmp_path)
    kept = run_folder.make_checkpoints(tmp_path, recipes.make_plan(config))
    assert kept.steps() == [4, 8]
    assert run_folder.load_run(tmp_path, "best").step == 4
    assert run_folder.load_run(tmp_path).step == 8


def test_bfloat16_keeps_parameters_in_float32(tiny, tmp_path):
    path, config = tiny("image/dcgan", dtype="bfloat16")
    state = train.run(path, config, tmp_path)
    assert {leaf.dtype for leaf in jax.tree.leaves(state.variables())} == {np.dtype("float32")}


def test_more_steps_continue_a_run_under_constant_schedules_alone(tiny, tmp_path):
    path, config = tiny("image/dcgan", steps=4)
    train.run(path, config, tmp_path / "constant")
    config.steps = 8
    assert train.run(path, config, tmp_path / "constant").step == 8
    for name in ("points/gan", "image/r3gan"):  # cosine; schedules of the recipe's own
        path, config = tiny(name, steps=4)
        train.run(path, config, tmp_path / Path(name).stem)
        config.steps = 8
        with pytest.raises(UserError, match="steps: 4 -> 8"):
            train.run(path, config, tmp_path / Path(name).stem)


def test_a_player_starts_from_another_runs_weights(tiny, tmp_path, assert_same_bits):
    path, config = tiny("image/dcgan")
    source, workdir = tmp_path / "source", tmp_path / "other"
    trained = train.run(path, config, source)
    path, config = tiny("image/fgan", steps=2, sample_every=0)
    init = {"generator": f"{source}@8", "discriminator": f"{source}:discriminator"}
    state = recipes.make_state(
        recipes.load_recipe(path),
        config,
        recipes.make_game(recipes.load_recipe(path), config),
        data.first(data.Source(**config.data).load("train"), 2),
    )
    begun = run_folder.transfer(state, init)
    averaged = trained.players["generator"].averaged
    assert_same_bits(begun.players["generator"].variables, averaged)
    assert_same_bits(begun.players["generator"].averaged, averaged)
    assert_same_bits(begun.players["discriminator"].params, trained.players["discriminator"].params)
    assert train.run(path, config, workdir, init=init).step == 2

    for wrong, said in {
        "nobody": {"nobody": str(source)},
        "that run's players": {"generator": f"{source}:critic"},
        "nets must be alike": {"generator": f"{source}:discriminator"},
        "config.json": {"generator": str(tmp_path / "nowhere")},
    }.items():
        with pytest.raises(UserError, match=wrong):
            run_folder.transfer(state, said)


def test_faults_of_a_recipe_are_one_line_that_names_the_place(tmp_path):
    def load(name, text):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        return recipes.load_recipe(path)

    game = "def make_game(config):\n    return config.nothing\n"
    recipe = load("faulty", "import ml_collections\n" + game)
    with pytest.raises(UserError, match=r"faulty.py, line 3: in make_game: .*nothing"):
        recipes.make_game(recipe, recipes.ConfigDict())
    with pytest.raises(UserError, match=r"broken.py, line 1: ZeroDivisionError"):
        load("broken", "1 / 0\n")
    with pytest.raises(UserError, match="no make_game"):
        load("empty", "")
    (tmp_path / "mine.py").write_text("")
    with pytest.raises(UserError, match="imports mine, a file beside it"):
        load("importing", "import mine\n" + game)


def test_a_player_without_settings_is_named(tiny):
    path, config = tiny("image/dcgan")
    recipe = recipes.load_recipe(path)
    del config.discriminator
    with pytest.raises(UserError, match="no settings for the player 'discriminator'"):
        recipes.make_optimizers(recipe, config, recipes.make_game(recipe, config))


def test_a_misspelt_setting_of_a_section_is_named(tiny):
    _, config = tiny("points/gan")
    assert recipes.classifier_settings(config).updates == 100
    config.classifier = ConfigDict({"update": 8})
    with pytest.raises(UserError, match="classifier has no setting 'update'; there are: width"):
        recipes.classifier_settings(config)


def test_labels_are_asked_for_of_a_game_with_other_conditions_too(tiny, tmp_path):
    path, config = tiny("image/cgan", steps=2, checkpoint_every=2, sample_every=0)
    train.run(path, config, tmp_path)
    run = run_folder.load_run(tmp_path)
    kinds = {**run.kinds, "source": data.Image()}
    game = run.game._replace(conditions=("source", "label"), inputs=lambda keys, batch: batch)
    sources = data.transformed(run.open(), "x", lambda x: 255 - x)

    class Paired(type(run)):
        def shown(self):
            digits = data.materialise(sources)
            columns = {**digits.columns, "source": digits.columns["x"]}
            return data.ArrayDataset("pairs", "train", columns, {**digits.kinds, **kinds})

    run = Paired(*run._replace(game=game, kinds=kinds))
    inputs = run.inputs(jax.random.key(0), range(3), label=7).columns
    assert inputs["label"].tolist() == [7, 7, 7]
    assert inputs["source"].shape == (3, 16, 16, 1)
    with pytest.raises(UserError, match=r"--label=10 is not in 0..9"):
        run.inputs(jax.random.key(0), range(3), label=10)


def test_samples_are_asked_to_be_of_classes_in_the_shares_of_the_data(tiny, monkeypatch):
    path, config = tiny("image/cgan", evaluate_count=110)
    recipe = recipes.load_recipe(path)
    columns = {"x": np.zeros((11, 16, 16, 1), np.uint8), "label": np.array([0] * 10 + [1])}
    real = data.ArrayDataset("tailed", "train", columns)
    asked = []
    take = lambda *arguments, label, **settings: asked.append(label) or []
    monkeypatch.setattr(evaluation, "suited_evaluators", take)
    recipes.make_evaluators(recipe, config, recipes.make_game(recipe, config), real, None)
    assert list(np.bincount(asked[0])) == [100, 10]


def test_no_two_purposes_share_a_key(tiny):
    path, config = tiny("image/dcgan")
    recipe = recipes.load_recipe(path)
    game, batch = recipes.make_game(recipe, config), {"x": np.zeros((2, 16, 16, 1), np.float32)}
    keys = []
    for seed in range(2):
        config.seed = seed
        run = recipes.make_state(recipe, config, game, batch).key
        keys += [run, *(jax.random.fold_in(run, step) for step in range(100))]
        named = ("picture", "evaluation", "held out")
        own = [*(recipes.purpose_key(seed, n) for n in named), recipes.samples_key(seed)]
        keys += [*own, *(key for one in own for key in prng.per_example(one, 100))]
    words = {tuple(np.asarray(jax.random.key_data(key))) for key in keys}
    assert len(words) == len(keys)


def test_samples_are_compared_with_the_split_that_is_asked_for(tiny, tmp_path, monkeypatch):
    seen = []

    def suited(game, real, held_out, inputs, **_):
        seen.append((real.split, held_out and held_out.split))
        return []

    monkeypatch.setattr(recipes.evaluation, "suited_evaluators", suited)
    for split in ("", "test", "all"):
        path, config = tiny("image/dcgan", steps=2, evaluate_every=2, evaluate_split=split)
        train.run(path, config, tmp_path / f"run {split}")
    assert seen == [("train", "test"), ("test", None), ("all", "test")]


@pytest.mark.parametrize("every", [0, 1])
def test_a_state_that_the_last_update_spoilt_is_not_saved(every, tiny, tmp_path, monkeypatch):
    path, config = tiny("points/gan", steps=1, steps_per_call=1, log_every=1)
    config.update({"checkpoint_every": every, "sample_every": 0})
    explosion = optax.chain(optax.scale(1e38), optax.scale(1e38))
    players = {"discriminator": optax.sgd(0.1), "generator": explosion}  # who moves last
    monkeypatch.setattr(recipes, "make_optimizers", lambda *arguments: players)
    with pytest.raises(UserError, match=r"step 1: generator/(ema/)?params/[^\n]* is not finite"):
        train.run(path, config, tmp_path)
    assert not list(tmp_path.glob("checkpoints/[0-9]*"))


def test_a_log_without_its_checkpoints_is_refused(tiny, tmp_path):
    path, config = tiny("points/gan")
    train.run(path, config, tmp_path)
    (tmp_path / "checkpoints").rename(tmp_path / "elsewhere")
    log = (tmp_path / "metrics.jsonl").read_text()
    with pytest.raises(UserError, match="its log goes to step 8, but there is no checkpoint"):
        train.run(path, config, tmp_path)
    assert (tmp_path / "metrics.jsonl").read_text() == log


def test_a_run_killed_before_its_first_checkpoint_begins_anew(tiny, tmp_path):
    path, config = tiny("points/gan")
    train.run(path, config, tmp_path)
    (tmp_path / "checkpoints").rename(tmp_path / "elsewhere")
    records = (tmp_path / "metrics.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "metrics.jsonl").write_text("".join(records[:2]))  # steps 2 and 4
    assert train.run(path, config, tmp_path).step == 8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dtype": "float64"}, "dtype 'float64'"),
        ({"dtype": "none"}, "dtype 'none'"),
        ({"seed": -1}, "seed -1"),
        ({"seed": 2**32}, "seed"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 10**12}, "batch_size"),
        ({"evaluate_count": -1}, "evaluate_count"),
        ({"checkpoint_every": -2}, "checkpoint_every"),
        ({"ema_decay": 1.0}, "ema_decay"),
        ({"keep": 0}, "keep"),
        ({"best": "-samples/fdi", "evaluate_every": 8}, "the metrics evaluated are"),
        ({"generator.learning_rate": -1.0}, "learning_rate"),
        ({"generator.warmup_steps": 2**40}, "warmup_steps"),
        ({"r1": -1.0}, "weight -1.0 of r1"),
        ({"net.latent_dim": 0}, "."),
        ({"net.hidden": (0,)}, "."),
        ({"data.name": "digits"}, "."),
    ],
)
def test_settings_that_cannot_be_are_one_line(settings, message, tiny, tmp_path):
    path, config = tiny("points/gan")
    config.update_from_flattened_dict(settings)
    with pytest.raises(UserError, match=message) as refused:
        train.run(path, config, tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["text/lstm:lines", "translation/pix2pix:folder"])
def test_a_variant_for_data_of_ones_own_wants_their_name(name):
    name, _, variant = name.partition(":")
    recipe = recipes.load_recipe(CONFIGS / f"{name}.py")
    with pytest.raises(UserError, match="this variant has no data"):
        recipes.completed(recipe, recipes.configure(recipe, variant))


@pytest.mark.parametrize("variant", ["mnist", "shoes_handbags"])
def test_cyclegans_domains_have_one_shape_and_none_of_each_others_examples(variant, tiny):
    path, _ = tiny(f"translation/cyclegan:{variant}")
    recipe = recipes.load_recipe(path)
    config = recipes.configure(recipe, variant)
    config.data.split = "train[:40]"
    domains = recipes.make_data(recipe, config, "train[:40]")
    example = data.first(domains, 3)
    assert example["a"].shape == example["b"].shape
    assert sum(map(len, domains.domains.values())) == 40
    batch = jax.tree.map(np.asarray, example)
    jax.eval_shape(lambda: recipes.make_game(recipe, config).init(jax.random.key(0), batch))
