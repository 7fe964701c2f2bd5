"""Compiling for a TPU that is not there: what is compiled, and how the result is read."""

import importlib.util
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from experiments import recipes
from experiments.compile import ahead_of_time
from experiments.compile.tpu_program import Operation, operations
from gan_jax import data, loop, parallel
from gan_jax.types import UserError

GIB = 2**30

# The form of a compiled program's text, cut to what counts: a loop of 3 trips within one of 2.
LOOPS = """HloModule jit__fun, is_scheduled=true

%less.1 (p.1: (s32[])) -> pred[] {
  %p.1 = (s32[]{:T(128)}) parameter(0)
  %trips.1 = s32[]{:T(128)} constant(2)
  %i.1 = s32[]{:T(128)} get-tuple-element(%p.1), index=0
  ROOT %lt.1 = pred[]{:T(512)} compare(%i.1, %trips.1), direction=LT, backend_config={"a":[]}
}

%fused_bound (q.1: s32[]) -> pred[] {
  %q.1 = s32[]{:T(128)} parameter(0)
  %trips.2 = s32[]{:T(128)} constant(3)
  ROOT %lt.2 = pred[]{:T(512)} compare(%q.1, %trips.2), direction=LT
}

%less.2 (p.2: (s32[])) -> pred[] {
  %p.2 = (s32[]{:T(128)}) parameter(0)
  %i.2 = s32[]{:T(128)} get-tuple-element(%p.2), index=0
  ROOT %fusion.2 = pred[]{:T(512)} fusion(%i.2), kind=kLoop, calls=%fused_bound
}

%product (x.1: bf16[8,16], w.1: bf16[16,4]) -> f32[8,4] {
  %x.1 = bf16[8,16]{1,0:T(8,128)(2,1)} parameter(0)
  %w.1 = bf16[16,4]{1,0:T(8,128)(2,1)} parameter(1)
  ROOT %convolution.1 = f32[8,4]{1,0:T(8,128)} convolution(%x.1, %w.1), dim_labels=bf_io->bf
}

%inner (p.3: (s32[])) -> (s32[]) {
  %p.3 = (s32[]{:T(128)}) parameter(0)
  %fusion.3 = (f32[8,4]{1,0:T(8,128)S(1)}, f32[8]{0}) fusion(%p.3), calls=%product, \
metadata={op_name="jit(_fun)/shard_map/inner" stack_frame_id=1}, \
backend_config={"window_config":{"estimated_cycles":"100","x":[]}}
  ROOT %tuple.3 = (s32[]{:T(128)}) tuple(%p.3)
}

%outer (p.4: (s32[])) -> (s32[]) {
  %p.4 = (s32[]{:T(128)}) parameter(0)
  %copy.4 = s32[]{:T(128)} copy(%p.4), backend_config={"estimated_cycles":"10"}
  ROOT %while.4 = (s32[]{:T(128)}, /*index=5*/f32[8]{0:T(128)}) while(%copy.4), \
condition=%less.2, body=%inner, metadata={op_name="while"}
}

ENTRY %main.5_spmd (p.5: s32[]) -> s32[] {
  %p.5 = s32[]{:T(128)} parameter(0)
  %add.5 = s32[]{:T(128)} add(%p.5, %p.5), backend_config={"estimated_cycles":"1"}
  ROOT %while.5 = (s32[]{:T(128)}) while(%add.5), condition=%less.1, body=%outer
}
"""


def test_what_stands_in_a_loop_counts_by_its_trips():
    costly = [o for o in operations(LOOPS) if o.cycles]
    assert costly == [
        Operation("add.5", "", 1, 0),
        Operation("copy.4", "", 2 * 10, 0),
        Operation("fusion.3", "jit(_fun)/shard_map/inner", 2 * 3 * 100, 2 * 3 * 2 * 8 * 16 * 4),
    ]


def test_a_loop_of_unknown_length_is_no_guess():
    with pytest.raises(ValueError, match="how often"):
        operations(LOOPS.replace("constant(3)", "parameter(1)"))
    with pytest.raises(ValueError, match="ENTRY"):
        operations("")


GEOMETRIES = {
    "plain": {},
    "strided": {"window_strides": (2, 2)},
    "padded, and cropped": {"padding": ((2, 1), (-1, 3))},
    "transposed": {"lhs_dilation": (2, 2), "padding": ((2, 2), (2, 2))},
    "of a kernel's gradient": {"rhs_dilation": (2, 1), "padding": ((1, 1), (0, 0))},
}


@pytest.mark.parametrize("case", GEOMETRIES)
def test_a_convolution_counts_the_multiplications_that_are_some(case):
    """Of ones with ones: each multiplication adds a one to the result."""
    settings = {"window_strides": (1, 1), "padding": ((0, 0), (0, 0))} | GEOMETRIES[case]
    x, w = jnp.ones((2, 9, 8, 3)), jnp.ones((4, 3, 3, 5))
    order = ("NHWC", "HWIO", "NHWC")
    y = lax.conv_general_dilated(x, w, **settings, dimension_numbers=order)

    def text(name, values):
        return f" {name}={'x'.join(map(str, values))}" if values else ""

    window = (
        "size=4x3"
        + text("stride", settings["window_strides"])
        + text("pad", [f"{low}_{high}" for low, high in settings["padding"]])
        + text("lhs_dilate", settings.get("lhs_dilation"))
        + text("rhs_dilate", settings.get("rhs_dilation"))
    )
    shapes = [",".join(map(str, a.shape)) for a in (x, w, y)]
    program = f"""ENTRY %main (x: f32[1], w: f32[1]) -> f32[1] {{
  %x.1 = bf16[{shapes[0]}]{{3,2,1,0:T(8,128)(2,1)}} parameter(0)
  %w = bf16[{shapes[1]}]{{3,2,1,0}} parameter(1)
  ROOT %y = f32[{shapes[2]}]{{3,0,2,1:T(8,128)S(1)}} convolution(%x.1, %w), window={{{window}}}, \
dim_labels=b01f_01io->b01f, metadata={{op_name="conv" stack_frame_id=2}}
}}"""
    assert sum(o.flops for o in operations(program)) == 2 * int(jnp.sum(y))


def test_clocks_are_the_published_ones():
    clocks = {name: chip.clock / 1e9 for name, chip in ahead_of_time.CHIPS.items()}
    assert clocks == pytest.approx({"v4": 1.05, "v5e": 1.5, "v5p": 1.75, "v6e": 1.75}, abs=0.005)


def test_the_report_follows_from_cycles_and_clock(capsys):
    chip = ahead_of_time.CHIPS["v4"]
    work = [Operation(f"fusion.{i}", "jit(_fun)/shard_map/a", 100_000 * i, 2**37) for i in range(8)]
    ahead_of_time.report_work(work, chip, steps=2, examples=1024)
    lines = capsys.readouterr().out.splitlines()
    # Eight of 2^37 and 2.8 M cycles in two steps: 2^39 FLOPs and 1.4 M cycles in one.
    assert "549.76 GFLOP" in lines[0]
    assert "1,400,000 cycles" in lines[1]
    assert "1.335 ms at 1.05 GHz" in lines[1]
    assert "767,299 examples a second" in lines[2]
    assert "149.8%" in lines[3]
    assert [line.split()[2] for line in lines[5:]] == [f"fusion.{i}:" for i in (7, 6, 5, 4, 3)]
    assert lines[5].split() == ["350,000", "25.0%", "fusion.7:", "a"]


def test_what_does_not_fit_is_refused():
    chip = ahead_of_time.CHIPS["v5e"]
    ahead_of_time.check_fits(16 * GIB, chip, "v5e:2x2")
    with pytest.raises(
        UserError, match=r"v5e:2x2: it takes 16\.50 GiB a chip, which has 16; lower"
    ):
        ahead_of_time.check_fits(16.5 * GIB, chip, "v5e:2x2")


REFUSED = {
    "v9:2x2": "the chip is one of v4, v5e, v5p, v6e",
    "v5e": "as in v5e:2x2",
    "v5e:2x2x2": "as in v5e:2x2",
    "v4:4x4": "as in v4:2x2x2",
    "v5e:0x4": "as in v5e:2x2",
    "v5e:4xmany": "as in v5e:2x2",
}


@pytest.mark.parametrize("topology", REFUSED)
def test_a_slice_that_there_is_none_of_is_refused(topology):
    with pytest.raises(UserError, match=REFUSED[topology]):
        ahead_of_time.slice_of(topology)


def test_a_missing_compiler_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"pip install -c constraints.txt -e '.\[tpu\]'"):
        ahead_of_time.slice_of("v5e:2x2")


@pytest.fixture
def start(tiny):
    """A tiny recipe, and what a run of it begins with: how its state is made, its loader."""

    def make(name):
        path, config = tiny(name)
        recipe, plan = recipes.load_recipe(path), recipes.make_plan(config)
        game = recipes.make_game(recipe, config)
        real = recipes.make_data(recipe, config, config.data.split)
        loader = data.make_loader(
            real,
            batch_size=plan.batch_size,
            repeats=game.repeats,
            steps_per_call=plan.steps_per_call,
            seed=plan.seed,
        )
        make_state = partial(recipes.make_state, recipe, config, game, data.first(real, 2))
        return (recipe, config, plan, len(real)), game, make_state, loader

    return make


def test_the_program_is_the_one_that_training_runs(start, assert_same_bits):
    settings, game, make_state, loader = start("points/gan")
    recipe, _, plan, _ = settings
    state = make_state()
    decay = lambda step: 0.5 + 0.1 * step
    recipe.make_ema_decay = lambda config: decay
    devices, count = jax.devices(), plan.steps_per_call
    calls = {"steps": count, "steps_per_call": count, "devices": devices, "ema_decay": decay}
    [(_, expected, metrics)] = loop.play(game, state, loader, **calls)

    steps, arguments = ahead_of_time.make_steps(*settings, devices)
    state = jax.tree.structure(arguments[0]).unflatten(jax.tree.leaves(state))  # of its optimizers
    given = (parallel.replicate(tree, devices) for tree in (state, loader.resident))
    item = parallel.shard(next(loader.items(0)), len(devices))
    assert_same_bits(steps.lower(*arguments).compile()(*given, item), (expected, metrics))


@pytest.mark.parametrize("name", ["image/wgan_gp", "translation/cyclegan"])
def test_it_is_compiled_for_the_shapes_of_a_run(name, start):
    settings, _, make_state, loader = start(name)
    _, arguments = ahead_of_time.make_steps(*settings, jax.devices()[:1])
    run = (jax.eval_shape(make_state), loader.resident)
    run = [((1, *x.shape), x.dtype) for x in jax.tree.leaves(run)]
    run += [(x.shape, x.dtype) for x in jax.tree.leaves(parallel.shard(next(loader.items(0)), 1))]
    assert [(x.shape, x.dtype) for x in jax.tree.leaves(arguments)] == run


def like(name, **overrides):
    """What stands for the data of a recipe whose data are nowhere."""
    recipe = recipes.load_recipe(f"configs/{name}.py")
    config = recipes.configure(recipe, **recipe.TINY | {"data.name": "nowhere"} | overrides)
    return ahead_of_time.like_data(recipe, config, 70)


def test_images_are_shaped_by_the_settings_with_no_data_there():
    made = like("image/dcgan", **{"data.resolution": 28})
    assert len(made) == 70
    assert {n: (x.shape, x.dtype) for n, x in made[0].items()} == {
        "x": ((28, 28, 1), np.uint8),
        "label": ((), np.int32),
    }


def test_pairs_are_shaped_by_the_settings_with_no_data_there():
    told = {"data.kinds": {"source": {"kind": "category", "classes": ("a", "b")}}}
    columns = like("translation/pix2pix")[0]
    shapes = {"x": (16, 16, 3), "source": (16, 16, 3), "label": ()}
    assert {n: x.shape for n, x in columns.items()} == shapes
    made = like("translation/pix2pix", **told)
    assert made[0]["source"].shape == (16, 16)
    assert made.kinds["source"].classes == ("a", "b")


@pytest.mark.parametrize(
    ("name", "kind", "shape", "dtype"),
    [
        ("audio/wavegan", {"kind": "audio", "rate": 8000}, (256, 1), np.int16),
        ("text/wgan_gp", {"kind": "tokens", "vocabulary": ("a", "b")}, (8,), np.int32),
    ],
)
def test_sound_and_text_are_shaped_where_their_kind_is_told(name, kind, shape, dtype):
    x = like(name, **{"data.kinds": {"x": kind}})[0]["x"]
    assert (x.shape, x.dtype) == (shape, dtype)


def test_what_the_settings_do_not_tell_is_read():
    recipe = recipes.load_recipe("configs/points/gan.py")
    assert len(ahead_of_time.like_data(recipe, recipe.get_config(), 70)) == 100_000


def test_a_large_batch_is_no_more_than_a_shape():
    recipe = recipes.load_recipe("configs/image/dcgan.py")
    shape = {"batch_size": 1 << 20, "steps_per_call": 5}
    config = recipes.configure(recipe, "mnist", **recipe.TINY, **shape)
    plan, devices = recipes.make_plan(config, "tpu"), jax.devices()[:2]
    steps, arguments = ahead_of_time.make_steps(recipe, config, plan, 70, devices)
    state, resident, item = arguments
    assert resident["x"] == jax.ShapeDtypeStruct((2, 70, 7 * 128), np.uint8)  # rows of 28 x 28
    assert resident["label"] == jax.ShapeDtypeStruct((2, 70), np.int32)
    assert item == jax.ShapeDtypeStruct((2, 5, 1, 1 << 19), np.int32)
    new_state, metrics = jax.eval_shape(steps, state, resident, item)
    assert jax.tree.map(jnp.shape, new_state) == jax.tree.map(jnp.shape, state)
    assert metrics["generator/loss"].shape == (2, 5)


def test_steps_a_call_are_those_of_the_back_end_compiled_for():
    config = recipes.load_recipe(recipes.DEFAULT).get_config()
    by_platform = [recipes.make_plan(config, p).steps_per_call for p in ("cpu", "tpu")]
    assert by_platform == [10, 100]
    config.steps_per_call = 4
    assert recipes.make_plan(config, "tpu").steps_per_call == 4


def test_a_recipe_lowers_for_cuda(script):
    done = script("compile", "--platform=cuda", "--config=configs/image/dcgan.py:digits")
    assert done.returncode == 0, done.err
    assert done.out.startswith("dcgan:digits lowers for CUDA")


def test_a_mistaken_slice_gets_one_clear_line(script):
    done = script("compile", "--topology=v9:2x2")
    assert done.returncode == 1
    assert done.err.splitlines() == [
        "error: --topology=v9:2x2: the chip is one of v4, v5e, v5p, v6e"
    ]


needs_libtpu = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None,
    reason="the TPU's compiler is not installed: pip install -c constraints.txt -e '.[tpu]'",
)


@needs_libtpu
def test_a_recipe_compiles_for_a_tpu(script):
    small = ("--config.net.width=4", "--config.steps_per_call=2")
    done = script("compile", "--config=configs/image/dcgan.py:mnist", *small, "--topology=v4:2x2x1")
    assert done.returncode == 0, done.err
    assert done.out.startswith("dcgan:mnist on v4:2x2x1: 4 chips, 16 of a batch of 64 on each")
    for promised in ("memory", "work", "time", "throughput", "utilisation", "costliest"):
        assert f"\n{promised}" in done.out
    assert done.err == ""


@needs_libtpu
def test_a_step_that_does_not_fit_fails(script):
    large = ("--config.batch_size=262144", "--config.net.width=64")
    done = script("compile", *large, "--topology=v5e:1x1")
    assert done.returncode == 1
    assert "image/dcgan.py does not fit v5e:1x1" in done.err
    assert len(done.err.splitlines()) == 1
