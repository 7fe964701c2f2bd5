"""Small nets of every sort that games are made of."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import layers


class Dropped(nn.Module):
    """A net that draws: dense, dropout, dense; for features too, as a classifier has them."""

    outputs: int
    features: bool = False

    @nn.compact
    def __call__(self, x, label=None, train=False, keys=None):
        hidden = nn.leaky_relu(nn.Dense(6)(x))
        output = nn.Dense(self.outputs)(layers.Dropout(0.3)(hidden, keys, train))
        output = output[:, 0] if self.outputs == 1 else output
        return (hidden, output) if self.features else output


class Unbiased(nn.Module):
    """A critic without a last bias, whose gradient would be 0 but for rounding."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        return nn.Dense(1, use_bias=False)(nn.leaky_relu(nn.Dense(6)(x)))[:, 0]


class Spectral(nn.Module):
    """A critic whose kernels are divided by their largest singular values."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        dense = lambda outputs, x: layers.SpectralNorm(nn.Dense(outputs))(x, train=train)
        return dense(1, nn.leaky_relu(dense(6, x)))[:, 0]


class Decided(nn.Module):
    """A discriminator of large logits, whose differences are no rounding."""

    net: nn.Module

    @nn.compact
    def __call__(self, x, label=None, train=False, keys=None):
        return 100 * self.net(x, label, train, keys)


class DroppedClassifier(nn.Module):
    @nn.compact
    def __call__(self, x, train=False, keys=None):
        return Dropped(3, features=True)(x, None, train, keys)


class Several(nn.Module):
    """Two discriminators, and their features."""

    @nn.compact
    def __call__(self, x, label=None, train=False):
        hidden = [nn.leaky_relu(nn.Dense(6)(x)) for _ in range(2)]
        return {"logits": [nn.Dense(1)(h)[:, 0] for h in hidden], "features": hidden}


class Pixelwise(nn.Module):
    """The same map of every pixel's numbers."""

    outputs: int

    @nn.compact
    def __call__(self, x, label=None, train=False):
        return nn.Dense(self.outputs)(x)


class Captioned(nn.Module):
    """A net of numbers and of a caption: tokens, or distributions over four of them."""

    outputs: int

    @nn.compact
    def __call__(self, x, label=None, train=False):
        text = jax.nn.one_hot(label, 4) if label.ndim == 2 else label
        both = jnp.concatenate([x, text.reshape(len(x), -1)], axis=-1)
        output = nn.Dense(self.outputs)(nn.leaky_relu(nn.Dense(6)(both)))
        return output[:, 0] if self.outputs == 1 else output


class Styled(nn.Module):
    """Two equal styles of three numbers, the latent, and an image that is linear in them."""

    shape: tuple[int, ...]

    def setup(self):
        self.scale = self.param("scale", nn.initializers.constant(0.5), ())

    def slopes(self):
        return np.random.default_rng(0).normal(size=(2, 3, *self.shape)).astype(np.float32)

    def styles(self, latent, label=None, train=False):
        return jnp.broadcast_to(latent[:, None], (len(latent), 2, 3))

    def synthesise(self, styles, train=False):
        return self.scale * jnp.tensordot(styles, self.slopes(), 2)

    def __call__(self, latent, label=None, train=False):
        return self.synthesise(self.styles(latent), train)


class Telling(nn.Module):
    """A generator that says more than its samples."""

    @nn.compact
    def __call__(self, latent, label=None, train=False):
        raw = nn.Dense(2)(latent)
        return {"x": jnp.tanh(raw), "raw": raw}
