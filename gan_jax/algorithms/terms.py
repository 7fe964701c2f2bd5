"""Terms: what the literature adds to either side of a GAN's loss, as values for `gan`.

Each reads what D says besides logits, or asks the nets again; see `Scene`. Weights are the papers'
coefficients, from 0.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from gan_jax import prng
from gan_jax.algorithms._gan import Output, Scene, Term, logits_of
from gan_jax.game import MEMORY, View
from gan_jax.losses import feature_matching as squared_distance
from gan_jax.losses import pulling_away as squared_cosines
from gan_jax.priors import Prior
from gan_jax.types import Array, PRNGKey

_FEW = 1e-5  # keeps a ratio of distances finite


def auxiliary_classifier(discriminator: float = 1.0, generator: float = 1.0) -> Term:
    """AC-GAN: D also names the class of data and samples, and G makes its samples nameable.

    `-log P(label | x) - log P(label | G(z))` for D, `-log P(label | G(z))` for G, where P are D's
    outputs `class` [B, classes].

    Conditional Image Synthesis with Auxiliary Classifier GANs, Odena et al., 2017,
    arXiv:1610.09585, eq. 3.
    """

    def named(scene: Scene, output: Output) -> Array:
        label = scene.view.batch["label"]
        return optax.softmax_cross_entropy_with_integer_labels(output["class"], label)

    return Term(
        "class",
        lambda scene: discriminator * (named(scene, scene.real) + named(scene, scene.fake)),
        lambda scene: generator * named(scene, scene.fake),
    )


def matching_aware(weight: float = 0.5, column: str = "caption") -> Term:
    """D is also to refuse data under the caption of another example: `w softplus(D(x, t'))`.

    t' is that of any example of the whole batch; where it is no other caption nothing is added.

    Generative Adversarial Text to Image Synthesis, Reed et al., 2016, arXiv:1605.05396,
    algorithm 1.

    Args:
      weight: w, 0.5 in the paper.
      column: of the captions, by which the game is conditional.
    """

    def mismatched(scene: Scene) -> Array:
        own = scene.view.batch[column]
        everyone = scene.view.gather(own)
        draw = jax.vmap(lambda key: jax.random.randint(key, (), 0, len(everyone)))
        wrong = everyone[draw(prng.fold_in(scene.view.keys, "wrong caption"))]
        logits = logits_of(scene.judge(scene.data, {column: wrong}))
        differs = jnp.any(wrong != own, axis=tuple(range(1, own.ndim)))
        differs = differs.reshape(-1, *(1,) * (logits.ndim - 1))
        return weight * jnp.where(differs, jax.nn.softplus(logits), 0.0)

    return Term("mismatch", mismatched)


def interpolated_captions(vocabulary: int, weight: float = 1.0, column: str = "caption") -> Term:
    """GAN-INT: G is to please D under captions between those of two examples too.

    `w softplus(-D(G(z, t), t))`, t halfway between the example's caption and that of any other,
    token by token, as distributions over the vocabulary; the paper takes the mean of two codes of
    an encoder that is not trained.

    Generative Adversarial Text to Image Synthesis, Reed et al., 2016, arXiv:1605.05396, eq. 5.

    Args:
      vocabulary: how many tokens there are.
      weight: w.
      column: of the captions, by which the game is conditional.
    """

    def between(scene: Scene) -> Array:
        own = scene.view.batch[column]
        everyone = scene.view.gather(own)
        draw = jax.vmap(lambda key: jax.random.randint(key, (), 0, len(everyone)))
        other = everyone[draw(prng.fold_in(scene.view.keys, "other caption"))]
        mixed = sum(0.5 * jax.nn.one_hot(text, vocabulary) for text in (own, other))
        samples = scene.generate({column: mixed})
        return weight * jax.nn.softplus(-logits_of(scene.judge(samples, {column: mixed})))

    return Term("interpolated", generator=between)


def multi_hinge(weight: float = 1.0) -> Term:
    """The hinge of K + 1 classes, data's K and the samples', in place of `losses.NONE`.

    With the scores C of D's outputs `class` [B, K], and minus its logit as that of samples:

        D minimises max(0, 1 - C_y(x) + C_¬y(x)) + max(0, 1 - C_K+1(G(z)) + C_¬K+1(G(z))),
        G minimises max(0, 1 - C_y(G(z)) + C_¬y(G(z))),

    where `C_¬k` is the highest score of another class.

    cGANs with Multi-Hinge Loss, Kavalerov et al., 2021, arXiv:1912.04216, eq. 9 and 10.
    """

    def margin(output: Output, label: Array) -> Array:
        scores = jnp.concatenate([output["class"], -output["logits"][:, None]], axis=-1)
        own = jax.nn.one_hot(label, scores.shape[-1])
        best_other = jnp.max(scores - jnp.where(own > 0, jnp.inf, 0.0), axis=-1)
        return jax.nn.relu(1 - jnp.sum(own * scores, axis=-1) + best_other)

    def of_data(scene: Scene, output: Output) -> Array:
        return margin(output, scene.view.batch["label"])

    def discriminator(scene: Scene) -> Array:
        samples = jnp.full_like(scene.view.batch["label"], scene.fake["class"].shape[-1])
        return weight * (of_data(scene, scene.real) + margin(scene.fake, samples))

    return Term("multi_hinge", discriminator, lambda scene: weight * of_data(scene, scene.fake))


def identification(code: str = "generator", weight: float = 1.0) -> Term:
    """MAD-GAN: D also names the generator, of several, that made a sample.

    With D's logit l and outputs `class` [B, K], `P(real) = σ(l)` and `P(k | fake)` the softmax; D's
    cross-entropy over K + 1 sources is then that of the non-saturating loss and
    `-log P(k | fake)`, this term.

    Multi-Agent Diverse Generative Adversarial Networks, Ghosh et al., 2018,
    arXiv:1704.02906, eq. 3.

    Args:
      code: the input, one-hot [B, K], that chooses the generator.
      weight: 1 in the paper.
    """
    return Term(
        "identification",
        lambda scene: (
            weight * optax.softmax_cross_entropy(scene.fake["class"], scene.view.batch[code])
        ),
    )


def feature_matching(weight: float = 1.0) -> Term:
    """G matches the mean of D's `features`, `‖E[f(x)] - E[f(G(z))]‖²`.

    Improved Techniques for Training GANs, Salimans et al., 2016, arXiv:1606.03498, section 3.1.
    """

    def term(scene: Scene) -> Array:
        means = scene.view.mean((scene.real["features"], scene.fake["features"]))
        return weight * squared_distance(*means)

    return Term("feature_matching", generator=term)


def pulling_away(weight: float = 0.1) -> Term:
    """EBGAN's pulling-away term: D's `features` [B, D] of samples are to be orthogonal.

    Energy-based Generative Adversarial Network, Zhao et al., 2017, arXiv:1609.03126, section 2.4.
    """

    def term(scene: Scene) -> Array:
        features = scene.fake["features"]
        return weight * squared_cosines(features, scene.view.gather(features))

    return Term("pulling_away", generator=term)


def mode_seeking(prior: Prior, weight: float = 1.0, latent: str = "latent") -> Term:
    """G is to lead latents that are apart to samples that are.

    It minimises the inverse of the paper's ratio, `|z - z'| / |G(z) - G(z')|`, as the authors' code
    does. Distances are mean absolute differences; z' is drawn anew under the same label, and adds
    nothing where it is z.

    Mode Seeking Generative Adversarial Networks for Diverse Image Synthesis, Mao et al., 2019,
    arXiv:1903.05628, section 3.

    Args:
      prior: of the latent.
      weight: of the ratio; 1 in the paper.
      latent: the input that is drawn anew.
    """

    def term(scene: Scene) -> Array:
        z = scene.view.batch[latent]
        other = prior.sample(prng.fold_in(scene.view.keys, "mode seeking"))
        moved = _distance(z, other)
        apart = _distance(scene.samples, scene.generate({latent: other}))
        same = moved == 0  # as latents of a few values may be
        return weight * jnp.where(same, 0.0, moved / (apart + _FEW * jnp.where(same, 1.0, moved)))

    return Term("mode_seeking", generator=term)


def latent_consistency(
    discriminator: float, generator: float, std: float, latent: str = "latent"
) -> Term:
    """zCR: D is to be steady under small moves of the latent, and G is not to be.

    `λ_D (D(G(z)) - D(G(z + δ)))²` and `-λ_G ‖G(z) - G(z + δ)‖²`, the mean square over an example's
    elements, δ normal.

    Improved Consistency Regularization for GANs, Zhao et al., 2021, arXiv:2002.04724, algorithm 2.

    Args:
      discriminator: λ_D, 5 in the paper.
      generator: λ_G, 0.5 in the paper.
      std: of δ, 0.03 to 0.07 in the paper.
      latent: the input that is moved.
    """

    def moved(scene: Scene) -> Array:
        z = scene.view.batch[latent]
        noise = prng.normal(prng.fold_in(scene.view.keys, "latent consistency"), z.shape[1:])
        return scene.generate({latent: z + std * noise})

    def steady(scene: Scene) -> Array:
        here, there = (logits_of(scene.judge(x)) for x in (scene.samples, moved(scene)))
        return discriminator * (here - there) ** 2

    def lively(scene: Scene) -> Array:
        square = (scene.samples - moved(scene)) ** 2
        return -generator * jnp.mean(square, axis=tuple(range(1, square.ndim)))

    return Term("latent_consistency", steady, lively)


def lecam(weight: float, decay: float = 0.99) -> Term:
    """LeCam: D's logits stay near moving averages of those of the other side, for small data.

    `λ (E[(D(x) - α_F)²] + E[(D(G(z)) - α_R)²])`, where α_R and α_F are moving averages of D's mean
    logit of data and of samples.

    Regularizing Generative Adversarial Networks under Limited Data, Tseng et al., 2021,
    arXiv:2104.03310, eq. 4 to 6.

    Args:
      weight: λ, 0.01 to 0.5 in the paper, for the Wasserstein and hinge losses.
      decay: of the averages.
    """

    def term(scene: Scene) -> Array:
        anchors = scene.view.players["discriminator"][MEMORY]["lecam"]
        real, fake = logits_of(scene.real), logits_of(scene.fake)
        return weight * ((real - anchors["fake"]) ** 2 + (fake - anchors["real"]) ** 2)

    def update(memory: dict, seen: tuple[Output, Output], keys: PRNGKey, step: Array) -> dict:
        del keys, step
        means = dict(zip(("real", "fake"), (jnp.mean(logits_of(o)) for o in seen), strict=True))
        return jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, memory, means)

    memory = {"real": jnp.zeros(()), "fake": jnp.zeros(())}
    return Term("lecam", term, memory=memory, update=update)


def orthogonal(discriminator: float = 0.0, generator: float = 0.0) -> Term:
    """Kernels of orthogonal columns, whatever their lengths: `β Σ_W ‖WᵀW ⊙ (1 - I)‖²`.

    W are the parameters called `kernel`, as matrices [prod(rest), F], of all layers. It is not for
    nets of `nets.several`, whose kernels are stacked.

    Large Scale GAN Training for High Fidelity Natural Image Synthesis, Brock et al., 2019,
    arXiv:1809.11096, eq. 3, where β is 1e-4.
    """

    def side(player: str, weight: float) -> Callable[[Scene], Array] | None:
        if weight == 0:
            return None

        def term(scene: Scene) -> Array:
            leaves = jax.tree.leaves_with_path(scene.view.players[player]["params"])
            kernels = [w for path, w in leaves if path[-1].key == "kernel"]
            matrices = [w.reshape(-1, w.shape[-1]) for w in kernels]
            products = (w.T @ w for w in matrices)
            return weight * sum(
                (jnp.sum((p - jnp.diag(jnp.diag(p))) ** 2) for p in products), jnp.zeros(())
            )

        return term

    sides = side("discriminator", discriminator), side("generator", generator)
    return Term("orthogonal", *sides)


def adaptive_augmentation(target: float = 0.6, examples: int = 500_000) -> Term:
    """ADA's controller, which adds to no loss: augmentation grows while D is too sure of the data.

    `p ← p + sign(E[sign(D(x))] - target) · B / examples`, kept in [0, 1] and 0 at first.

    Training Generative Adversarial Networks with Limited Data, Karras et al., 2020,
    arXiv:2006.06676, section 3.

    Args:
      target: of the mean sign of the logits of data.
      examples: seen while p goes from 0 to 1.
    """

    def update(p: Array, seen: tuple[Output, Output], keys: PRNGKey, step: Array) -> Array:
        del keys, step
        logits = logits_of(seen[0])
        surer = jnp.sign(jnp.mean(jnp.sign(logits)) - target)
        return jnp.clip(p + surer * logits.shape[0] / examples, 0.0, 1.0)

    return Term("augmentation", memory=jnp.zeros(()), update=update)


def augmentation_probability(view: View) -> Array:
    """P of `adaptive_augmentation`, a scalar in [0, 1]."""
    return view.players["discriminator"][MEMORY]["augmentation"]


def _distance(a: Array, b: Array) -> Array:
    """The mean absolute difference of examples, `[B]`."""
    return jnp.mean(jnp.abs(a - b), axis=tuple(range(1, a.ndim)))
