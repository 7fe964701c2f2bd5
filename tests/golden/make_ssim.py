"""Writes ssim.json: SSIM by scikit-image and MS-SSIM by pytorch-msssim, in float64.

    python -O tests/golden/make_ssim.py

Needs scikit-image, pytorch-msssim, torch and NumPy, and no part of gan_jax. Values are 0 to 1, as
both want them. Sides that are halved are even, since pytorch-msssim fills odd ones up with zeros;
-O, since it asserts a side that is enough for five scales, however few the weights.
"""

import importlib.metadata
import json
import pathlib
import platform

import numpy as np
import torch
from pytorch_msssim import ms_ssim
from skimage.metrics import structural_similarity

WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
SCALES = {12: 1, 28: 2, 64: 3, 176: 5}


def pair(side):
    """Waves of three frequencies, one a channel, and the same fainter, brighter and disturbed."""
    i, j = np.mgrid[:side, :side, :1][:2]
    k = np.arange(1, 4)
    x = 0.5 + 0.5 * np.sin(k * i / 4) * np.cos(j / (3 * k))
    y = 0.1 + 0.6 * x + 0.3 * np.sin(i * j / 5 + k) ** 2
    return x, y


def golden(side):
    x, y = pair(side)
    single = structural_similarity(
        x,
        y,
        data_range=1,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    images = (torch.tensor(image).permute(2, 0, 1)[None] for image in (x, y))
    weights = np.array(WEIGHTS[: SCALES[side]])
    multiple = ms_ssim(*images, data_range=1, weights=list(weights / weights.sum()))
    return {"ssim": float(single), "multiscale_ssim": float(multiple)}


if __name__ == "__main__":
    content = {
        "source": "scikit-image's structural_similarity, pytorch-msssim's ms_ssim, float64",
        "versions": {
            **{n: importlib.metadata.version(n) for n in ("scikit-image", "pytorch-msssim")},
            "python": platform.python_version(),
        },
    } | {str(side): golden(side) for side in SCALES}
    lines = ",\n".join(f'  "{name}": {json.dumps(value)}' for name, value in content.items())
    pathlib.Path(__file__).with_name("ssim.json").write_text(f"{{\n{lines}\n}}\n")
