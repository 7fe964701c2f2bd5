"""InfoGAN: parts of the latent that a sample must tell of."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.algorithms._by_code import by_code
from gan_jax.algorithms._gan import Scene, Term, gan
from gan_jax.game import Game, Players, apply
from gan_jax.priors import Prior, one_hot
from gan_jax.types import Array, Batch, PRNGKey


def infogan(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    prior: Prior,
    classes: int,
    codes: Mapping[str, Prior] | None = None,
    weight: float | Mapping[str, float] = 1.0,
    data_information: float = 0.0,
    **settings: Any,
) -> Game:
    """A GAN whose latent holds codes that both players make readable from samples.

    The generator sees the noise beside a class and further codes c; the discriminator also guesses
    them, Q(c | x), and both players minimise `-λ E[log Q(c | G(z, c))]`, which bounds the mutual
    information of code and sample from below.

    InfoGAN: Interpretable Representation Learning by Information Maximizing Generative Adversarial
    Nets, Chen et al., 2016, arXiv:1606.03657, eq. 6.

    Args:
      generator: `(latents and codes side by side [B, ...], label, train) -> x [B, ...]`.
      discriminator: gives a mapping with `logits`, `class` [B, classes] and an output for each of
        `codes`, as its `Prior.nll` takes it.
      prior: of the noise.
      classes: of the categorical code.
      codes: priors of further ones, by name.
      weight: λ of the paper, of all codes or of each by name (`class` is the categorical one's).
      data_information: weight of the mutual information between data and the class that D reads
        from them, which D maximises: sure of each, and even over all (Unsupervised and
        Semi-supervised Learning with Categorical Generative Adversarial Networks, Springenberg,
        2016, arXiv:1511.06390).
      **settings: as `gan` takes them.

    Returns:
      A game on batches of `x` [B, ...]. Where data have a `label`, `class_purity` is the share of
      examples that are of the commonest label among those given their class. `show` has the same
      noise under each class, and each number of the other codes led through its prior's span.
    """
    codes = {"class": one_hot(classes), **(codes or {})}

    def information(scene: Scene) -> Array:
        weights = weight if isinstance(weight, Mapping) else dict.fromkeys(codes, weight)
        nll = (
            weights[n] * code.nll(scene.fake[n], scene.view.batch[n]) for n, code in codes.items()
        )
        return sum(nll, jnp.zeros(()))

    def sure_and_even(scene: Scene) -> Array:
        read = jax.nn.log_softmax(scene.real["class"])
        likely = jnp.exp(read)
        average = jnp.maximum(scene.view.mean(likely), jnp.finfo(likely.dtype).tiny)[None]
        return -data_information * jnp.sum(likely * (read - jnp.log(average)), axis=-1)

    terms = [Term("information", information, information), *settings.pop("terms", ())]
    if data_information:
        terms.append(Term("data_information", sure_and_even))
    game = gan(
        generator,
        discriminator,
        prior={"latent": prior, **codes},
        terms=terms,
        **settings,
    )

    def metrics(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        assert game.metrics is not None
        found = dict(game.metrics(players, batch, keys))
        if "label" in batch:
            variables = players["discriminator"]
            x = settings.get("encode", lambda x: x)(batch["x"])
            label = batch["label"] if settings.get("conditional") else None
            output, _ = apply(discriminator, variables, x, label, train=False)
            read = jax.nn.one_hot(jnp.argmax(output["class"], axis=-1), classes)
            alike = batch["label"][:, None] == batch["label"][None]  # [B, B]
            together = read.T @ alike.astype(read.dtype)  # [classes, B]
            found["class_purity"] = jnp.sum(jnp.max(together, axis=1)) / len(read)
        return found

    return game._replace(metrics=metrics, show=by_code(game, "class", classes, codes))
