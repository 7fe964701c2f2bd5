"""What samples are compared with, and what a classifier is to know of it."""

from typing import NamedTuple

import numpy as np

from gan_jax.data import Dataset, Kind, Unpaired, by_domain, num_classes, select


class Reference(NamedTuple):
    """Data that samples are compared with.

    Attributes:
      real: `x`, like which samples are to be, and `label`, where there is one.
      labelled: what a classifier is trained on; `real` itself but for domains without labels.
      domain: the class of all samples, where they are told by their domain.
    """

    real: Dataset
    labelled: Dataset
    domain: int | None = None

    def asked(self, label: np.ndarray | None, count: int) -> np.ndarray | None:
        """The classes that `count` samples are to be of, where those of their conditions are so."""
        return label if self.domain is None else np.full(count, self.domain, np.int32)


def reference(dataset: Dataset, target: str) -> Reference:
    """The column `target` of data, which samples are to resemble.

    Unpaired data without labels have their domains in place of classes, where these are of one kind
    and shape: a classifier tells one domain from the other, and is asked whether a translation is
    of the one that it goes to.
    """
    real = select(dataset, x=target)
    if not isinstance(dataset, Unpaired) or target not in dataset.domains:
        return Reference(real, real)
    if (
        num_classes(real) is None
        and len({_form(domain) for domain in dataset.domains.values()}) == 1
    ):
        domain = list(dataset.domains).index(target)
        return Reference(by_domain(dataset, target), by_domain(dataset), domain)
    return Reference(real, real)


def _form(dataset: Dataset) -> tuple[Kind, tuple[int, ...], str]:
    x = dataset[0]["x"]
    return dataset.kinds["x"], np.shape(x), str(np.asarray(x).dtype)
