"""Figures as scripts tell them: a line each, and with their protocol as JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax import runs
from gan_jax.evaluation import Figure
from gan_jax.files import write_whole


def tell(
    out: Path, protocol: Mapping[str, Any], figures: Mapping[str, Figure]
) -> Mapping[str, Any]:
    """Prints figures, a line each, and keeps them; see `keep`."""
    width = max(map(len, figures), default=0) + 2
    for name, figure in figures.items():
        error = "" if figure.error is None else f"± {figure.error:.2g}"
        print(f"{name:{width}}{figure.value:>10.4g} {error:10}  {figure.how}")
    return keep(out, protocol, figures)


def keep(
    out: Path, protocol: Mapping[str, Any], figures: Mapping[str, Figure]
) -> Mapping[str, Any]:
    """Writes figures to `out`, after the protocol and the versions of packages.

    Returns:
      The record that is written.
    """
    record = {
        **protocol,
        "versions": runs.versions(),
        "figures": {name: _plain(figure) for name, figure in figures.items()},
    }
    write_whole(out, json.dumps(record, indent=1) + "\n")
    print(f"protocol: {out}")
    return record


def _plain(figure: Figure) -> dict[str, Any]:
    """A figure as JSON has it, which knows no infinity: null where a number is not finite."""
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in figure._asdict().items()
    }
