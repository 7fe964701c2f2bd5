"""The adversarial autoencoder: codes that a discriminator cannot tell from draws of a prior."""

from collections import OrderedDict

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from gan_jax import prng
from gan_jax.algorithms._classifier import accuracy
from gan_jax.algorithms._gan import plain
from gan_jax.game import Aux, Game, Players, Turn, View, apply, initialise, join, part
from gan_jax.losses import NON_SATURATING, AdversarialLoss
from gan_jax.priors import Prior, one_hot
from gan_jax.types import Array, Batch, PRNGKey, Variables


def aae(
    encoder: nn.Module,
    decoder: nn.Module,
    discriminator: nn.Module | None,
    *,
    prior: Prior,
    classes: int = 0,
    loss: AdversarialLoss = NON_SATURATING,
) -> Game:
    """An autoencoder whose codes are to be distributed as a prior, by a discriminator's judgement.

    The players are `autoencoder`, with the nets `encoder` E and `decoder` G, and `discriminator`:

        reconstruction: E and G minimise E[|x - G(E(x))|²], the mean over an example's elements,
        regularisation: D minimises E[l_D(D(z), D(E(x)))] for z of the prior,
                        then E minimises E[l_G(D(E(x)), D(z))].

    With classes a code is a class y beside the latent z, and either has a discriminator of its own,
    a copy of the one given: z is held against the prior, the softmax of y's logits against one-hot
    vectors. In a third turn E learns the labels of those examples that have one:

        classification: E minimises E[-log P(y | x)].

    One optimizer serves both nets: with momentum the decoder also moves in the turns that give it
    no gradient. Batch statistics follow the reconstruction. Without a discriminator there is but
    reconstruction: a plain autoencoder, whose codes keep to no prior.

    Adversarial Autoencoders, Makhzani et al., 2016, arXiv:1511.05644, sections 2 and 5.

    Args:
      encoder: `(x [B, ...], label, train) -> [B, classes + Z]`, logits of the class and the latent.
      decoder: `(code [B, classes + Z], label, train) -> x [B, ...]`.
      discriminator: `(code [B, ...], label, train) -> logits [B]`; None for no regularisation.
      prior: of the latent.
      classes: of the labels; 0 for an autoencoder without.
      loss: the adversarial loss.

    Returns:
      A game on batches of `x` [B, ...] and, with classes, of `labelled` [B, ...] and their
      `labelled_label` [B], which have nothing to do with `x`: see `data.unpaired`.
    """
    loss = plain(loss)
    codes = {"latent": prior} | ({"class": one_hot(classes)} if classes else {})

    def joined(code: Batch) -> Array:
        return jnp.concatenate([code[name] for name in sorted(codes)], axis=-1)

    def encode(
        players: Players, x: Array, keys: PRNGKey | None, *, train: bool
    ) -> tuple[dict[str, Array], Array, Variables]:
        """The codes by name, the class's logits, the encoder's statistics."""
        variables = part(players["autoencoder"], "encoder")
        output, stats = apply(encoder, variables, x, None, train=train, keys=keys)
        logits, latent = jnp.split(output, [classes], axis=-1)
        return {"latent": latent, "class": jax.nn.softmax(logits)}, logits, stats

    def decode(
        players: Players, code: Batch, keys: PRNGKey | None, *, train: bool
    ) -> tuple[Array, Variables]:
        variables = part(players["autoencoder"], "decoder")
        return apply(decoder, variables, joined(code), None, train=train, keys=keys)

    def judge(
        view: View, name: str, variables: Variables, code: Array, purpose: str
    ) -> tuple[Array, Variables]:
        assert discriminator is not None
        keys = prng.fold_in(view.keys, f"{purpose} {name}")
        return apply(discriminator, variables, code, None, train=True, keys=keys)

    def encoded(view: View) -> dict[str, Array]:
        keys = prng.fold_in(view.keys, "encoder")
        return encode(view.players, view.batch["x"], keys, train=True)[0]

    def reconstruction(view: View) -> tuple[Array, Aux]:
        x = view.batch["x"]
        first, second = (prng.fold_in(view.keys, name) for name in ("encoder", "decoder"))
        code, _, encoder_stats = encode(view.players, x, first, train=True)
        again, decoder_stats = decode(view.players, code, second, train=True)
        return jnp.mean((again - x) ** 2), Aux(
            {}, join(encoder=encoder_stats, decoder=decoder_stats)
        )

    def discriminator_loss(view: View) -> tuple[Array, Aux]:
        total, metrics, stats, fakes = jnp.zeros(()), {}, {}, encoded(view)
        for name in codes:
            own = part(view.players["discriminator"], name)
            real, new = judge(view, name, own, view.batch[name], "real")
            fake, stats[name] = judge(view, name, {**own, **new}, fakes[name], "fake")
            total += jnp.mean(loss.discriminator(real, fake))
            metrics[f"real_logit_{name}"] = jnp.mean(real)
            metrics[f"fake_logit_{name}"] = jnp.mean(fake)
        return total, Aux(metrics, join(**stats))

    def regularisation(view: View) -> tuple[Array, Aux]:
        total, fakes = jnp.zeros(()), encoded(view)
        for name in codes:
            own = part(view.players["discriminator"], name)
            real, _ = judge(view, name, own, view.batch[name], "real")
            fake, _ = judge(view, name, own, fakes[name], "fake")
            total += jnp.mean(loss.generator(fake, real))
        return total, Aux({})

    def classification(view: View) -> tuple[Array, Aux]:
        keys, label = prng.fold_in(view.keys, "labelled"), view.batch["labelled_label"]
        _, logits, _ = encode(view.players, view.batch["labelled"], keys, train=True)
        nll = optax.softmax_cross_entropy_with_integer_labels(logits, label)
        return jnp.mean(nll), Aux({"accuracy": accuracy(logits, label)})

    def inputs(keys: PRNGKey, batch: Batch) -> Batch:
        del batch
        return {name: p.sample(prng.fold_in(keys, name)) for name, p in codes.items()}

    def sample(players: Players, inputs: Batch) -> Array:
        return decode(players, inputs, None, train=False)[0]

    def metrics(players: Players, batch: Batch, keys: PRNGKey) -> dict[str, Array]:
        del keys
        code, _, _ = encode(players, batch["x"], None, train=False)
        found = {"reconstruction": jnp.mean((sample(players, code) - batch["x"]) ** 2)}
        if classes:
            _, logits, _ = encode(players, batch["labelled"], None, train=False)
            found["accuracy"] = accuracy(logits, batch["labelled_label"])
        return found

    def show(players: Players, batch: Batch, keys: PRNGKey) -> OrderedDict[str, Array]:
        code, _, _ = encode(players, batch["x"], None, train=False)
        return OrderedDict(
            input=batch["x"],
            reconstruction=sample(players, code),
            sample=sample(players, inputs(keys, batch)),
        )

    def init(key: PRNGKey, batch: Batch) -> dict[str, Variables]:
        encoder_key, decoder_key, discriminator_key = jax.random.split(key, 3)
        x = batch["x"]
        keys = prng.per_example(key, x.shape[0])
        drawn = inputs(keys, batch)
        autoencoder = join(
            encoder=initialise(encoder, encoder_key, x, None, keys=keys),
            decoder=initialise(decoder, decoder_key, joined(drawn), None, keys=keys),
        )
        if discriminator is None:
            return {"autoencoder": autoencoder}
        discriminators = {
            name: initialise(
                discriminator, prng.fold_in(discriminator_key, name), code, None, keys=keys
            )
            for name, code in drawn.items()
        }
        return {"autoencoder": autoencoder, "discriminator": join(**discriminators)}

    turns = [Turn("autoencoder", reconstruction, name="reconstruction")]
    if discriminator is not None:
        turns.append(Turn("discriminator", discriminator_loss))
        turns.append(Turn("autoencoder", regularisation, name="regularisation"))
    if classes:
        turns.append(Turn("autoencoder", classification, name="classification"))
    return Game(
        init=init,
        turns=tuple(turns),
        inputs=inputs,
        sample=sample,
        sampler="autoencoder",
        metrics=metrics,
        show=show,
        encode=lambda players, x: joined(encode(players, x, None, train=False)[0]),
    )
