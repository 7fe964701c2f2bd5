"""What runs along time: sounds, and other series of numbers."""

import math

import numpy as np
from matplotlib.axes import Axes

from gan_jax.pictures.canvas import INK, PALETTE, SHADE, figure, frame, panels, render
from gan_jax.types import UserError

_WINDOW = 0.032  # seconds: pitch and formants of a voice are both seen
_RANGE = 80.0  # decibels below the loudest that are shown
_LINES = len(PALETTE)


def sounds(waves: np.ndarray, rate: int, columns: int | None = None) -> np.ndarray:
    """Draws each sound's wave and, below it, the logarithm of its short-time Fourier magnitude.

    Args:
      waves: [N, T] or [N, T, C] in [-1, 1]; several channels are averaged.
      rate: samples a second.
      columns: sounds in a row; at most four if None.

    Returns:
      The picture: seconds run right, kilohertz up, over a range of 80 decibels.

    Raises:
      UserError: the shape is another, or there is no sound.
    """
    waves = np.nan_to_num(np.asarray(waves, np.float64))
    if waves.ndim not in (2, 3) or not waves.size:
        raise UserError(f"sounds are [N, T] or [N, T, C], at least one; got {list(waves.shape)}")
    waves = waves.reshape(*waves.shape[:2], -1).mean(axis=2)
    across = min(columns or 4, len(waves))
    down = math.ceil(len(waves) / across)
    page = panels(across, down, 2.8, 2.4)
    page.subplots_adjust(top=0.99, wspace=0.06, hspace=0.15)
    axes = page.subplots(
        2 * down, across, squeeze=False, sharex=True, height_ratios=[1, 2.2] * down
    )
    for place in range(down * across):
        row, column = divmod(place, across)
        wave, spectrogram = axes[2 * row : 2 * row + 2, column]
        if place < len(waves):
            _sound(wave, spectrogram, waves[place], rate)
            spectrogram.set_ylabel("" if column else "kHz", fontsize=7, color=INK)
            spectrogram.tick_params(labelleft=column == 0, labelbottom=place + across >= len(waves))
        else:
            wave.remove()
            spectrogram.remove()
    return render(page)


def lines(samples: np.ndarray, real: np.ndarray | None = None) -> np.ndarray:
    """Draws series, a panel each with a line a channel, below as many real ones.

    Args:
      samples: [N, T] or [N, T, C]; up to four are drawn, of up to seven channels.
      real: likewise; it sets the limits.

    Returns:
      The picture.

    Raises:
      UserError: the shape is another, or nothing is finite.
    """
    sides = {"real": real, "generated": samples}
    series = {name: np.asarray(x, np.float64) for name, x in sides.items() if x is not None}
    for name, x in series.items():
        if x.ndim not in (2, 3) or not np.isfinite(x).any():
            raise UserError(f"lines are [N, T] or [N, T, C], finite; {name} is {list(x.shape)}")
    bounds = next(iter(series.values()))
    low, high = np.quantile(bounds[np.isfinite(bounds)], (0, 1))
    margin = 0.05 * (high - low) or 0.5
    across = min(4, max(map(len, series.values())))
    page = figure(2.6 * across, 1.7 * len(series))
    axes = page.subplots(len(series), across, squeeze=False, sharex=True, sharey=True)
    for row, (name, x) in zip(axes, series.items(), strict=True):
        for place, panel in enumerate(row[: len(x)]):
            channels = x[place].reshape(x.shape[1], -1).T[:_LINES]
            for colour, channel in zip(PALETTE, channels, strict=False):
                panel.plot(np.where(np.isfinite(channel), channel, np.nan), color=colour, lw=1)
            frame(panel, name if place == 0 else "")
        for panel in row[len(x) :]:
            panel.set_visible(False)
    axes[0, 0].set_ylim(low - margin, high + margin)
    return render(page)


def _sound(wave: Axes, spectrogram: Axes, x: np.ndarray, rate: int) -> None:
    from scipy import signal  # slow to import

    seconds = len(x) / rate
    wave.plot(np.arange(len(x)) / rate, x, color=PALETTE[0], linewidth=0.5)
    wave.set(xlim=(0, seconds), ylim=(-1, 1), yticks=[])
    window = signal.windows.hann(min(_power_of_two(_WINDOW * rate), len(x)), sym=False)
    hop = max(len(window) // 4, len(x) // 2_000, 1)
    transform = signal.ShortTimeFFT(window, hop, rate)
    slices = math.ceil(len(x) / hop)
    magnitude = np.abs(transform.stft(x, p0=0, p1=slices, padding="even"))
    decibels = 20 * np.log10(magnitude / max(magnitude.max(), 1e-9) + 1e-9)
    spectrogram.imshow(
        decibels,
        extent=(0, slices * hop / rate, 0, rate / 2_000),
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-_RANGE,
        vmax=0,
    )
    spectrogram.locator_params(nbins=4)
    for axes in (wave, spectrogram):
        axes.tick_params(labelsize=7, colors=INK, length=2)
        axes.spines[:].set_color(SHADE)


def _power_of_two(x: float) -> int:
    return 2 ** max(round(math.log2(x)), 2)
