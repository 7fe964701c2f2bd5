"""Detectors on logs made by hand, on either side of their thresholds."""

import numpy as np
import pytest

from gan_jax.diagnosis import (
    DETECTORS,
    diagnose,
    discriminator_overfitting,
    divergence,
    mode_collapse,
    oscillation,
    vanishing_gradient,
)

T = np.arange(60)
NOISE = np.random.default_rng(0).normal(size=60)
WAVE = np.sin(2 * np.pi * T / 12)


def log(start=100, **columns):
    """Records every 100 steps; `player__name` stands for `player/name`."""
    names = [name.replace("__", "/") for name in columns]
    return [
        {"step": start + 100 * i, **dict(zip(names, map(float, row), strict=True))}
        for i, row in enumerate(zip(*columns.values(), strict=True))
    ]


def training(gap, *, level=0.0, scale=1.0, distance=1.0):
    """What D's logits look like while it trains; `gap` lies between their means."""
    gap = np.asarray(gap, float)
    return log(
        discriminator__real_logit=level + scale * gap,
        discriminator__fake_logit=np.full(len(gap), level),
        discriminator__logit_distance=np.full(len(gap), scale * distance),
    )


@pytest.mark.parametrize("detect", DETECTORS)
@pytest.mark.parametrize("history", [[], [{"step": 100}], [{"step": 100, "vae/loss": 3.0}] * 60])
def test_a_log_without_the_names_says_nothing(detect, history):
    assert detect(history) is None


def test_a_finding_is_one_line_of_what_since_when_and_what_to_do():
    (finding,) = diagnose(log(samples__cluster_coverage=[0.9] + 11 * [0.08]))
    assert str(finding) == (
        "mode collapse since step 200: samples reach 8% of the data's clusters (healthy: above "
        "50%); try R1, beta1 of 0, a lower generator learning rate or more discriminator steps"
    )


@pytest.mark.parametrize(
    ("name", "healthy", "ill"),
    [
        ("samples__cluster_coverage", 0.51, 0.49),
        ("samples__reverse_kl", np.log(8 / 5), np.log(8 / 3)),
        ("samples__class_entropy", np.log(2), 0.2),
    ],
)
def test_collapse_is_less_than_half_of_what_the_data_have(name, healthy, ill):
    assert mode_collapse(log(**{name: 3 * [ill]})).step == 100
    assert mode_collapse(log(**{name: 3 * [healthy]})) is None


def test_an_illness_must_last_and_last_to_the_end():
    assert mode_collapse(log(samples__cluster_coverage=[0.9, 0.1, 0.1])) is None
    assert mode_collapse(log(samples__cluster_coverage=[0.1, 0.1, 0.1, 0.9])) is None
    assert mode_collapse(log(samples__cluster_coverage=[0.1, 0.9, 0.1, 0.1, 0.1])).step == 300


def signs(norm, *, real, fake):
    count = len(norm)
    return log(
        generator__gradient_norm=norm,
        discriminator__real_sign=np.full(count, real),
        discriminator__fake_sign=np.full(count, fake),
    )


def test_a_gradient_vanishes_where_d_is_sure():
    norm = np.append(2.0, np.full(4, 0.0199))
    assert vanishing_gradient(signs(norm, real=0.95, fake=-0.95)).step == 200


@pytest.mark.parametrize(
    ("norm", "real", "fake"),
    [
        pytest.param([2, 0.01, 0.01, 0.01], 0.1, -0.1, id="the game converges"),
        pytest.param([2, 0.01, 0.01, 0.01], 1.0, 1.0, id="a critic's offset"),
        pytest.param([2, 0.021, 0.021, 0.021], 1.0, -1.0, id="the gradient is large enough"),
        pytest.param([0.01, 0.01, 0.01, 2], 1.0, -1.0, id="the gradient grows"),
    ],
)
def test_a_gradient_does_not_vanish(norm, real, fake):
    assert vanishing_gradient(signs(norm, real=real, fake=fake)) is None


def test_a_gradient_that_was_never_there_is_found():
    assert vanishing_gradient(signs(np.zeros(3), real=1, fake=-1)).step == 100


def judged(held_out, *, level=0.0, scale=1.0, gap=1.0, distance=1.0):
    """A log of training and evaluations: seen data lie at the gap's upper end, 1, samples at 0."""
    seen = np.full(4, level + scale)
    held = np.full(4, level + scale * held_out)
    history = training(np.full(4, gap), level=level, scale=scale, distance=distance)
    return history + log(start=150, seen__real_logit=seen, held_out__real_logit=held)


@pytest.mark.parametrize("scale", [1.0, 300.0])
@pytest.mark.parametrize("level", [0.0, -1e4])
def test_overfitting_is_held_out_data_nearer_to_samples_than_to_seen(scale, level):
    history = sorted(judged(0.49, scale=scale, level=level), key=lambda row: row["step"])
    assert discriminator_overfitting(history).step == 150
    assert discriminator_overfitting(judged(0.51, scale=scale, level=level)) is None


def test_overfitting_is_not_told_where_logits_lie_too_close_to_say():
    assert discriminator_overfitting(judged(0.0, distance=4.0)) is None
    assert discriminator_overfitting(judged(0.0, gap=-1.0)) is None


def test_overfitting_is_judged_by_the_training_of_the_time():
    history = training([1, 1, 1, 9, 9, 9])
    evaluated = log(start=150, seen__real_logit=[1] * 3, held_out__real_logit=[0] * 3)
    assert discriminator_overfitting(history + evaluated).step == 150
    assert discriminator_overfitting(history + [r | {"step": 450} for r in evaluated]) is None


def test_divergence_is_a_gap_that_no_critic_of_images_has():
    assert divergence(training([3, -1100, 1100, 1100])).step == 200
    assert divergence(training([990] * 9, level=-1e6)) is None


def test_divergence_is_a_value_that_is_not_finite():
    finding = divergence([{"step": 7, "vae/loss": None}])
    assert finding.step == 7
    assert "vae/loss is not finite" in finding.evidence
    assert divergence([{"step": 7, "samples/fid": None}]) is None


@pytest.mark.parametrize("scale", [1.0, 1e-3, 300.0])
@pytest.mark.parametrize("level", [0.0, -50.0])
def test_oscillation_is_a_gap_that_swings_about_0(scale, level):
    wave = 0.5 * WAVE + 0.1 * NOISE
    assert oscillation(training(wave, scale=scale, level=level)).step == 100 * 21


@pytest.mark.parametrize(
    "gap",
    [
        pytest.param(NOISE, id="noise"),
        pytest.param(1 + 0.5 * WAVE, id="samples are never rated above data"),
        pytest.param(0.2 * WAVE, id="small"),
        pytest.param(np.exp(-T / 8) * 1e3 * WAVE, id="dies down"),
        pytest.param(np.sin(2 * np.pi * T / 4.5), id="too fast to be told from noise"),
        pytest.param(0.5 * WAVE[:39], id="too short a log"),
        pytest.param(np.linspace(-1, 1, 60), id="a trend"),
    ],
)
def test_oscillation_is_not_told(gap):
    assert oscillation(training(gap)) is None


def test_records_of_training_and_of_evaluations_may_interleave():
    history = training(0.5 * WAVE) + log(start=100, samples__cluster_coverage=[0.1] * 60)
    history.sort(key=lambda row: row["step"])
    assert [f.illness for f in diagnose(history)] == ["mode collapse", "oscillation"]
