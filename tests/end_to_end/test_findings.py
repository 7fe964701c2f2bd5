"""A run says what ails it, once, from all of its log."""

import pytest

from experiments import recipes, train
from gan_jax import follow
from gan_jax.diagnosis import Finding
from gan_jax.writers import Progress


@pytest.fixture
def said(monkeypatch):
    """What a run says that starts with `ill`."""
    lines = []

    def say(self, text):
        lines.extend([text] if text.startswith("ill") else [])

    monkeypatch.setattr(Progress, "say", say)
    monkeypatch.setattr(recipes, "make_evaluators", lambda *_: [])
    return lines


def test_a_finding_is_told_when_it_comes_up_and_not_again_while_it_lasts(
    tiny, tmp_path, monkeypatch, said
):
    states = iter([["a"], ["a", "b"], [], ["a"]])

    def diagnose(history):
        return [Finding(f"ill {name}", history[-1]["step"], "", "") for name in next(states)]

    monkeypatch.setattr(follow, "diagnose", diagnose)
    path, config = tiny("points/gan", evaluate_every=2)
    train.run(path, config, tmp_path)
    assert [line.partition(":")[0] for line in said] == [
        f"ill {name} since step {step}" for name, step in (("a", 2), ("b", 4), ("a", 8))
    ]


def test_a_resumed_run_is_diagnosed_by_all_of_its_log(tiny, tmp_path, monkeypatch, said):
    steps = []

    def diagnose(history):
        steps.append([row["step"] for row in history if "generator/loss" in row])
        return []

    monkeypatch.setattr(follow, "diagnose", diagnose)
    path, config = tiny("points/gan", steps=4, evaluate_every=4)
    train.run(path, config, tmp_path)
    config.steps = 8
    train.run(path, config, tmp_path, allow_config_change=True)
    assert steps == [[2, 4], [2, 4, 6, 8]]
