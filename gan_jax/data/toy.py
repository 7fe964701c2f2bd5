"""Two-dimensional distributions, where every mode can be counted and every sample plotted.

The mixtures are those of "PacGAN: The power of two samples in generative adversarial networks"
(Lin, Khetan, Fanti, Oh, 2018, arXiv:1712.04086), whose set-up is 100,000 samples of each; they go
back to "VEEGAN" (Srivastava et al., 2017, arXiv:1705.07761).
"""

import dataclasses

import numpy as np

from gan_jax.data.dataset import ArrayDataset
from gan_jax.data.draws import generator
from gan_jax.data.kinds import Category, Real
from gan_jax.types import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class Mixture:
    """An equal mixture of isotropic Gaussians.

    Attributes:
        centres: The modes, float32 [K, 2].
        std: The standard deviation of every mode along each axis.
    """

    centres: np.ndarray
    std: float

    def sample(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws `n` points, float32 [n, 2], and the mode of each, int32 [n]."""
        rng = _generator(n, seed)
        modes = rng.integers(len(self.centres), size=n)
        points = self.centres[modes] + self.std * rng.standard_normal((n, 2))
        return points.astype(np.float32), modes.astype(np.int32)


def ring_mixture(modes: int = 8, radius: float = 1.0, std: float = 0.01) -> Mixture:
    """Modes evenly on a circle about 0, the first at (radius, 0), counted anticlockwise."""
    angles = 2 * np.pi * np.arange(modes) / modes
    centres = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return Mixture(centres.astype(np.float32), std)


def grid_mixture(
    side: int = 5, spacing: float = 2.0, std: float = 0.05, jitter: float = 0.0
) -> Mixture:
    """Modes on a square grid of side x side about 0, by default from -4 to 4.

    Each is moved along either axis by up to `jitter`, always alike.
    """
    ticks = spacing * (np.arange(side) - (side - 1) / 2)
    centres = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
    centres = centres + jitter * np.random.default_rng(0).uniform(-1, 1, centres.shape)
    return Mixture(centres.astype(np.float32), std)


def ring(
    n: int, *, seed: int, modes: int = 8, radius: float = 1.0, std: float = 0.01
) -> ArrayDataset:
    """`n` points of `ring_mixture`: `x` float32 [n, 2], `label` the mode."""
    return _mixture_dataset("ring", ring_mixture(modes, radius, std), n, seed)


def grid(
    n: int,
    *,
    seed: int,
    side: int = 5,
    spacing: float = 2.0,
    std: float = 0.05,
    jitter: float = 0.0,
) -> ArrayDataset:
    """`n` points of `grid_mixture`: `x` float32 [n, 2], `label` the mode."""
    return _mixture_dataset("grid", grid_mixture(side, spacing, std, jitter), n, seed)


def two_moons(n: int, *, seed: int, noise: float = 0.05) -> ArrayDataset:
    """Two interleaved half circles of radius 1 about 0, with Gaussian noise of std `noise`.

    `x` is float32 [n, 2], without noise within [-1.5, 1.5] x [-0.75, 0.75]; `label` is the moon.
    """
    rng = _generator(n, seed)
    moon = rng.integers(2, size=n)
    angle = rng.uniform(0, np.pi, size=n)
    sign = 1 - 2 * moon
    curve = np.stack([sign * (np.cos(angle) - 0.5), sign * (np.sin(angle) - 0.25)], axis=1)
    points = (curve + noise * rng.standard_normal((n, 2))).astype(np.float32)
    columns = {"x": points, "label": moon.astype(np.int32)}
    kinds = {"x": Real(), "label": Category(("upper", "lower"))}
    return ArrayDataset("two_moons", "train", columns, kinds)


def swiss_roll(n: int, *, seed: int, noise: float = 0.02) -> ArrayDataset:
    """A spiral of one and a half turns within [-1, 1]^2, with Gaussian noise of std `noise`.

    `x` is float32 [n, 2], without noise `r (cos 4.5 pi r, sin 4.5 pi r)` with r uniform in
    [1/3, 1]; there are no labels.
    """
    rng = _generator(n, seed)
    r = rng.uniform(1 / 3, 1, size=n)
    angle = 4.5 * np.pi * r
    curve = np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)
    points = (curve + noise * rng.standard_normal((n, 2))).astype(np.float32)
    return ArrayDataset("swiss_roll", "train", {"x": points}, {"x": Real()})


def _mixture_dataset(name: str, mixture: Mixture, n: int, seed: int) -> ArrayDataset:
    points, modes = mixture.sample(n, seed)
    names = tuple(str(mode) for mode in range(len(mixture.centres)))
    kinds = {"x": Real(mixture=mixture), "label": Category(names)}
    return ArrayDataset(name, "train", {"x": points, "label": modes}, kinds)


def _generator(n: int, seed: int) -> np.random.Generator:
    if n < 1:
        raise UserError(f"a toy distribution needs at least one example, got count {n}")
    return generator(seed)
