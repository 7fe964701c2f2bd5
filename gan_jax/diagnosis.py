"""What ails a training run, read from its log alone.

A detector looks at the end of a log and says what it sees. It stays silent where the log is short,
where it lacks the names that the detector reads, and where the sign is no clearer than chance. A
logit is compared with logits, whose zero and scale are their own affair, and a norm with the run's
own, so that the rules hold for a Wasserstein critic as for a logistic discriminator; where one does
not, its detector says so.

| illness | names read |
|---|---|
| mode collapse | `samples/cluster_coverage`, `reverse_kl` or `class_entropy` |
| vanishing gradient | `generator/gradient_norm`, D's `real_sign` and `fake_sign` |
| D overfitting | `seen/real_logit`, `held_out/real_logit`; as for oscillation |
| divergence | D's `real_logit` and `fake_logit`; any player's `loss` and `gradient_norm` |
| oscillation | D's `real_logit`, `fake_logit` and `logit_distance` |
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Row = Mapping[str, Any]
"""A record of `metrics.jsonl`: `step`, and numbers by name; None for what was not finite."""

PERSISTENCE = 3
"""Records, the last that bear the names, that must all show an illness."""

LEAST_SHARE = 0.5
"""Of the data's clusters or modes that samples reach: exp(-KL) of the one histogram from the other,
so 0.5 where half of equal modes is lost."""

LEAST_CLASSES = 1.5
"""Classes that samples are of, exp of their entropy; where the data's own number is not known."""

LEAST_GRADIENT = 0.01
"""The generator's gradient norm, relative to its largest so far."""

SURE = 0.9
"""The mean sign of logits, from which on D is right on 95 %."""

OVERFITTING = 0.5
"""Where held-out data lie to D on the way from its training data, at 0, to samples, at 1."""

LEAST_SHIFT = 0.3
"""Between the mean logits of seen and held-out data, in mean distances of a real and a fake logit;
the error of a mean over hundreds is a tenth."""

LARGEST_GAP = 1_000.0
"""Between the mean logits of real and fake. A logistic D is sure at 10; a 1-Lipschitz critic of n
pixels in [-1, 1] cannot exceed their largest distance, 2 √n, 887 at 256 x 256 x 3."""

WINDOW = 20
"""Records in which a swing must be told, in the last and in the last but one alike."""

LEAST_TURNS = 2
"""Changes of sign within a window, of a whole wave."""

LEAST_MEMORY = 0.5
"""Correlation of a record with the next: that of a wave of six records; noise has about 0."""

LEAST_SWING = 0.2
"""Standard deviation of the gap within a window, in mean distances of a real and a fake logit."""

LEAST_REST = 0.25
"""What the last window must keep of the swing before: a wave that dies down is no illness."""


class Finding(NamedTuple):
    """An illness that a run has at the end of its log.

    Attributes:
      illness: its name.
      step: since when it shows.
      evidence: what was seen, with the threshold.
      remedy: what to try.
    """

    illness: str
    step: int
    evidence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.illness} since step {self.step:,}: {self.evidence}; try {self.remedy}"


def diagnose(history: Sequence[Row]) -> list[Finding]:
    """All that the detectors find in a run's records, as `writers.read_metrics` reads them."""
    findings = (detect(history) for detect in DETECTORS)
    return [finding for finding in findings if finding is not None]


def mode_collapse(history: Sequence[Row]) -> Finding | None:
    """Samples keep to few of the data's clusters, modes or classes.

    NIPS 2016 Tutorial: Generative Adversarial Networks, Goodfellow, 2016, arXiv:1701.00160,
    section 5.1.1. An untrained generator looks the same: what is evaluated too early says so.
    """
    spreads = (
        ("cluster_coverage", lambda share: share, LEAST_SHARE, "{:.0%}", "of the data's clusters"),
        ("reverse_kl", lambda kl: np.exp(-kl), LEAST_SHARE, "{:.0%}", "of the modes"),
        ("class_entropy", np.exp, LEAST_CLASSES, "{:.1f}", "classes"),
    )
    for name, spread, least, written, what in spreads:
        steps, values = _columns(history, f"samples/{name}")
        reached = spread(values)
        if (since := _since(steps, reached < least)) is not None:
            return Finding(
                "mode collapse",
                since,
                f"samples reach {written.format(reached[-1])} {what} "
                f"(healthy: above {written.format(least)})",
                "R1, beta1 of 0, a lower generator learning rate or more discriminator steps",
            )
    return None


def vanishing_gradient(history: Sequence[Row]) -> Finding | None:
    """D tells samples from data so surely that the generator learns nothing from it.

    Towards Principled Methods for Training Generative Adversarial Networks, Arjovsky & Bottou,
    2017, arXiv:1701.04862, theorem 2.4 and figure 2. A gradient that falls while D errs is one of a
    game that converges. The signs of a loss that sets no zero of its own, Wasserstein's or the
    relativistic one, may say nothing; nor does this detector then.
    """
    names = "generator/gradient_norm", "discriminator/real_sign", "discriminator/fake_sign"
    steps, norm, real, fake = _columns(history, *names)
    relative = norm / np.maximum.accumulate(np.maximum(norm, 1e-30))
    since = _since(steps, (relative < LEAST_GRADIENT) & (real > SURE) & (fake < -SURE))
    if since is None:
        return None
    return Finding(
        "vanishing generator gradient",
        since,
        f"its norm is {relative[-1]:.2g} of its largest (healthy: above {LEAST_GRADIENT:g}) and D "
        f"is right on {(2 + real[-1] - fake[-1]) / 4:.0%}",
        "the non-saturating loss, R1 or another gradient penalty, or fewer discriminator steps",
    )


def discriminator_overfitting(history: Sequence[Row]) -> Finding | None:
    """D knows its training data by heart: held-out data look to it like samples.

    Training Generative Adversarial Networks with Limited Data, Karras et al., 2020,
    arXiv:2006.06676, eq. 1, `r_v = (E[D_train] - E[D_held_out]) / (E[D_train] - E[D_fake])`.
    """
    logged, real, fake, distance = _columns(history, *_LOGITS)
    steps, seen, held_out = _columns(history, "seen/real_logit", "held_out/real_logit")
    if not logged.size:
        return None
    at = np.searchsorted(logged[1:], steps, side="right")  # what training last said by then
    gap, shift = (real - fake)[at], seen - held_out
    ill = (gap > 0) & (shift > OVERFITTING * gap) & (shift > LEAST_SHIFT * distance[at])
    if (since := _since(steps, ill)) is None:
        return None
    return Finding(
        "discriminator overfitting",
        since,
        f"to D held-out data lie {shift[-1] / gap[-1]:.0%} of the way from the training data to "
        f"samples (healthy: below {OVERFITTING:.0%})",
        "more data, augmentation, a stronger R1 or a smaller discriminator",
    )


def divergence(history: Sequence[Row]) -> Finding | None:
    """Values that are not finite, or logits that run away.

    Those of a Wasserstein critic without a Lipschitz bound do: Wasserstein GAN, Arjovsky et al.,
    2017, arXiv:1701.07875, section 3. The limit is one of scale: it is made for pixels in [-1, 1].
    """
    remedy = "a lower learning rate, clip_norm, or a gradient penalty"
    for row in history:
        for name, value in row.items():
            if value is None and name.endswith(("/loss", "/gradient_norm")):
                return Finding("divergence", row["step"], f"{name} is not finite", remedy)
    steps, real, fake = _columns(history, *_LOGITS[:2])
    gap = np.abs(real - fake)
    if (since := _since(steps, gap > LARGEST_GAP)) is None:
        return None
    evidence = f"D's mean logits lie {gap[-1]:,.0f} apart (healthy: below {LARGEST_GAP:,.0f})"
    return Finding("divergence", since, evidence, remedy)


def oscillation(history: Sequence[Row]) -> Finding | None:
    """The players chase one another: again and again D rates samples above the data.

    Which Training Methods for GANs do actually Converge?, Mescheder et al., 2018,
    arXiv:1801.04406, section 2. The gap between D's mean logits on real and fake swings about 0 in
    waves that do not die down; at a healthy end it trembles, by little and without memory. Waves
    shorter than six records are not told from noise.
    """
    columns = _columns(history, *_LOGITS)[:, -2 * WINDOW :]
    if columns.shape[1] < 2 * WINDOW:
        return None
    steps, real, fake, distance = columns
    gap, distance = (x.reshape(2, WINDOW) for x in (real - fake, distance))
    middle = gap.mean(axis=1)
    wave = gap - middle[:, None]
    size = np.maximum(wave.std(axis=1), 1e-30)
    turns = np.count_nonzero(np.diff(np.sign(gap)), axis=1)
    memory = np.mean(wave[:, 1:] * wave[:, :-1], axis=1) / size**2
    swing = size / np.maximum(np.median(distance, axis=1), 1e-30)
    about_0 = (turns >= LEAST_TURNS) & (np.abs(middle) < size)
    waves = about_0 & (memory >= LEAST_MEMORY) & (swing >= LEAST_SWING)
    if not waves.all() or size[1] <= LEAST_REST * size[0]:
        return None
    return Finding(
        "oscillation",
        int(steps[0]),
        f"D's mean logits of real and fake changed order {turns.sum()} times in {2 * WINDOW} "
        f"records, swinging by {swing[1]:.2g} of their distance (healthy: below {LEAST_SWING:g})",
        "R1, beta1 of 0, lower learning rates or a higher one of the discriminator's",
    )


DETECTORS = (
    mode_collapse, vanishing_gradient, discriminator_overfitting, divergence, oscillation
)  # fmt: skip

_LOGITS = tuple(f"discriminator/{n}" for n in ("real_logit", "fake_logit", "logit_distance"))


def _columns(history: Sequence[Row], *names: str) -> np.ndarray:
    """`[1 + len(names), T]`: step and values of the records in which all of them are numbers."""
    rows = [(row["step"], *(row.get(name) for name in names)) for row in history]
    full = [row for row in rows if all(x is not None and math.isfinite(x) for x in row)]
    return np.array(full, float).reshape(-1, 1 + len(names)).T


def _since(steps: np.ndarray, ill: np.ndarray) -> int | None:
    """The step from which on every record is ill, where there are `PERSISTENCE` such or more."""
    first = np.append(0, np.flatnonzero(~ill) + 1)[-1]
    return int(steps[first]) if len(steps) - first >= PERSISTENCE else None
