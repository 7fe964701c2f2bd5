"""Feature extractors: what examples are compared in, each with the protocol it stands for."""

from gan_jax.extractors._classifier import ClassifierSettings, accuracy, classifier
from gan_jax.extractors._extractor import (
    EXTRACT_SIZE,
    Extractor,
    Features,
    digest,
    fingerprint,
    from_function,
    from_net,
    identity,
    net_input,
    random,
)
from gan_jax.extractors._inception import INCEPTION_URL, from_torch_state_dict, inception
from gan_jax.extractors._stacks import of_stacks
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
    "digest",
    "download",
    "fingerprint",
    "from_function",
    "from_net",
    "from_torch_state_dict",
    "identity",
    "inception",
    "net_input",
    "of_stacks",
    "random",
    "read_state_dict",
]
