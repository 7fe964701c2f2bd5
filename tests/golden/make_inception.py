"""Writes inception.json by the PyTorch ports of FID's InceptionV3, and files of torch.save.

    python tests/golden/make_inception.py

Needs torch, torchvision, pytorch-fid, torch-fidelity and clean-fid, and no part of gan_jax. Weights
and images are those of inception_case.py: nothing is fetched. Each port resizes and scales as it
does; of what its net then reads, of the features and of the logits, every so many are written. The
two `.pth` files hold the same few tensors in today's format and in that before PyTorch 1.6.
"""

import json
import pathlib
import platform
import tempfile
from importlib import metadata

import inception_case
import pytorch_fid.inception
import torch
import torchvision
from cleanfid.resize import build_resizer
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

FOLDER = pathlib.Path(__file__).parent
PACKAGES = ["torch", "torchvision", "pytorch-fid", "torch-fidelity", "clean-fid", "pillow", "numpy"]


def kernels():
    net = torchvision.models.inception_v3(num_classes=1008, aux_logits=False, init_weights=False)
    arrays = net.state_dict()
    return {name: list(array.shape) for name, array in arrays.items() if array.ndim > 1}


def ports(state):
    """By the name of the resizing: uint8 [1, 3, H, W] to net input, features and plain logits."""
    with tempfile.NamedTemporaryFile(suffix=".pth") as file:
        torch.save(state, file.name)
        fidelity = FeatureExtractorInceptionV3(
            "inception", ["2048", "logits_unbiased"], feature_extractor_weights_path=file.name
        )
    pytorch_fid.inception.load_state_dict_from_url = lambda *_, **__: state
    net = pytorch_fid.inception.InceptionV3().eval()
    bare = pytorch_fid.inception.InceptionV3(resize_input=False, normalize_input=False).eval()
    read = []
    for first in (fidelity.Conv2d_1a_3x3, net.blocks[0][0], bare.blocks[0][0]):
        first.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))

    def tensorflow(x):
        features, logits = fidelity(x)
        return read.pop(), features, logits

    def pytorch(x, net=net):
        features = net(x if x.is_floating_point() else x / 255)[0][:, :, 0, 0]
        return read.pop(), features, features @ state["fc.weight"].T

    def clean(x):
        resized = build_resizer("clean")(x[0].permute(1, 2, 0).numpy())
        return pytorch((torch.from_numpy(resized).permute(2, 0, 1)[None] - 128) / 128, bare)

    return {"tensorflow": tensorflow, "pytorch": pytorch, "clean": clean}


def cases(by_name):
    for name, (resize, shape) in inception_case.CASES.items():
        x = torch.from_numpy(inception_case.image(shape)).permute(2, 0, 1)
        with torch.no_grad():
            read, features, logits = by_name[resize](x.expand(3, -1, -1)[None])
        golden = {"input": few("input", read.permute(0, 2, 3, 1))}
        if name in inception_case.READ:
            golden |= {"features": few("features", features), "logits": few("logits", logits)}
        yield name, golden


def few(kind, tensor):
    values = tensor.numpy().ravel()[:: inception_case.STEPS[kind]]
    return [float(f"{value:.7g}") for value in values]


def write_tensors():
    matrix = torch.arange(12, dtype=torch.float32).reshape(3, 4) / 8
    module = torch.nn.BatchNorm1d(2)
    state = module.state_dict()  # an ordered dict with a count of batches, int64 []
    state |= {"matrix": matrix, "transposed": matrix.T, "part": matrix[1:, 1:3]}
    torch.save(state, FOLDER / "tensors.pth")
    torch.save(state, FOLDER / "tensors-legacy.pth", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    shapes = kernels()
    arrays = inception_case.state_dict(shapes).items()
    by_name = ports({name: torch.from_numpy(array) for name, array in arrays})
    content = {
        "source": "pytorch-fid, torch-fidelity and clean-fid in float32, by make_inception.py",
        "versions": {name: metadata.version(name) for name in PACKAGES}
        | {"python": platform.python_version()},
        "kernels": shapes,
    } | dict(cases(by_name))
    lines = ",\n".join(f'  "{name}": {json.dumps(value)}' for name, value in content.items())
    (FOLDER / "inception.json").write_text(f"{{\n{lines}\n}}\n")
    write_tensors()
