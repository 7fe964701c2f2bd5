"""What the figures of this room share: colours, axes and the way to pixels."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

INK = "#444444"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555")
SHADE = "#c3c8cc"  # of what is real, for what is generated to stand out
_DPI = 110


def figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches."""
    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def panels(across: int, down: int, width: float, height: float) -> Figure:
    """An empty figure for panels of so many inches, laid out by rule: constraints take seconds."""
    page = Figure(figsize=(width * across, height * down), dpi=_DPI)
    left, right, bottom, top, gap = 0.5, 0.15, 0.3, 0.3, 0.6  # inches
    page.subplots_adjust(
        left=left / (width * across),
        right=1 - right / (width * across),
        bottom=bottom / (height * down),
        top=1 - top / (height * down),
        wspace=gap / (width - gap),
        hspace=gap / (height - gap),
    )
    return page


def frame(axes: Axes, title: str = "") -> None:
    """Titles axes and keeps their left and lower lines alone."""
    axes.set_title(title, fontsize=9, loc="left", color=INK, y=1.0)  # unasked, it looks for room
    axes.tick_params(labelsize=7, colors=INK, length=2, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#bbbbbb")
    axes.set_axisbelow(True)


def tidy(axes: Axes, title: str) -> None:
    """Frames axes whose abscissa counts steps."""
    frame(axes, title)
    axes.grid(axis="y", color="#eeeeee", linewidth=0.7)
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))  # 20k


def render(figure: Figure) -> np.ndarray:
    """The picture, uint8 [H, W, 3]."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
