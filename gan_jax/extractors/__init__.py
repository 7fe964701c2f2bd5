"""Feature extractors: what images are compared in, each with the protocol it stands for."""

from gan_jax.extractors.classifier import (
    ClassifierSettings,
    accuracy,
    classifier,
)
from gan_jax.extractors.extractor import (
    EXTRACT_SIZE,
    Extractor,
    Features,
    from_function,
    identity,
    random,
    stored,
)
from gan_jax.extractors.inception import INCEPTION_URL, from_torch_state_dict, inception
from gan_jax.extractors.resize import RESIZES
from gan_jax.extractors.state_dict import download, read_state_dict

__all__ = [
    "EXTRACT_SIZE",
    "INCEPTION_URL",
    "RESIZES",
    "ClassifierSettings",
    "Extractor",
    "Features",
    "accuracy",
    "classifier",
    "download",
    "from_function",
    "from_torch_state_dict",
    "identity",
    "inception",
    "random",
    "read_state_dict",
    "stored",
]
