"""Writes metrics.json: metrics of the features of metrics_case.py, by the field's own packages.

    python tests/golden/make_metrics.py

Needs torch-fidelity, clean-fid, prdc (the code of the authors of density and coverage), mpmath and
NumPy, and no part of gan_jax. Their versions are stored beside the numbers; those in the repository
are of torch-fidelity 0.4.0, clean-fid 0.1.35, prdc 0.2 and mpmath 1.3.0.

All get the same values as float64, since torch-fidelity and clean-fid otherwise take means, kernels
and distances in the type of the features, and lose digits to float32. `frechet_distance` under
`mpmath` is the formula in 40 digits: a judge where the others differ.
"""

import importlib.metadata
import json
import pathlib
import platform

import metrics_case
import mpmath
import numpy as np
import torch
from cleanfid import fid as clean_fid
from prdc import compute_prdc
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric


def by_torch_fidelity(real, fake):
    """Its first input is the generated one."""
    inputs = torch.tensor(fake), torch.tensor(real)
    statistics = [fid_features_to_statistics(features) for features in inputs]
    kid = kid_features_to_metric(
        *inputs,
        kid_subsets=metrics_case.SUBSETS["subsets"],
        kid_subset_size=min(len(real), len(fake), metrics_case.SUBSETS["subset_size"]),
        rng_seed=metrics_case.SUBSETS["seed"],
        verbose=False,
    )
    return {
        **fid_statistics_to_metric(*statistics, verbose=False),
        **kid,
        **isc_features_to_metric(inputs[0], splits=10, shuffle=True, rng_seed=3),
        **prc_features_to_metric(*inputs, prc_neighborhood=3, verbose=False),
    }


def by_clean_fid(real, fake):
    statistics = [(x.mean(axis=0), np.cov(x, rowvar=False)) for x in (real, fake)]
    np.random.seed(metrics_case.SUBSETS["seed"])  # noqa: NPY002
    return {
        "frechet_distance": float(clean_fid.frechet_distance(*statistics[0], *statistics[1])),
        "kernel_distance": clean_fid.kernel_distance(
            real, fake, metrics_case.SUBSETS["subsets"], metrics_case.SUBSETS["subset_size"]
        ),
    }


def by_prdc(real, fake):
    return {
        f"k = {k}": {n: float(v) for n, v in compute_prdc(real, fake, k).items()} for k in (3, 5)
    }


def by_mpmath(real, fake):
    """The traces' root from the eigenvalues of `PPᵀ`, `P = L₁ᵀ L₂` with factors of full rank."""
    mpmath.mp.dps = 40

    def statistics(features):
        x = mpmath.matrix(features.tolist())
        mean = mpmath.ones(1, x.rows) * x / x.rows
        deviation = (x - mpmath.ones(x.rows, 1) * mean) / mpmath.sqrt(x.rows - 1)
        if x.rows > x.cols:
            return mean, mpmath.cholesky(deviation.T * deviation)
        return mean, deviation.T

    (mean, factor), (other_mean, other) = statistics(real), statistics(fake)
    product = factor.T * other
    values = mpmath.eigsy(product * product.T, eigvals_only=True)
    root = sum(mpmath.sqrt(max(value, 0)) for value in values)
    squares = [mpmath.mnorm(matrix, "f") ** 2 for matrix in (mean - other_mean, factor, other)]
    return {"frechet_distance": float(sum(squares) - 2 * root)}


if __name__ == "__main__":
    peers = {
        "torch-fidelity": by_torch_fidelity,
        "clean-fid": by_clean_fid,
        "prdc": by_prdc,
        "mpmath": by_mpmath,
    }
    content = {
        "source": "torch-fidelity, clean-fid, prdc and mpmath, float64, by make_metrics.py",
        "versions": {name: importlib.metadata.version(name) for name in (*peers, "torch", "numpy")}
        | {"python": platform.python_version()},
    }
    for name in metrics_case.CASES:
        sets = [features.astype(np.float64) for features in metrics_case.features(name)]
        content[name] = {peer: compute(*sets) for peer, compute in peers.items()}
    lines = ",\n".join(f'  "{name}": {json.dumps(value)}' for name, value in content.items())
    pathlib.Path(__file__).with_name("metrics.json").write_text(f"{{\n{lines}\n}}\n")
