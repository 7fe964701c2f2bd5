"""Nets: one module per family of architectures, pure Flax modules all.

A generator is called as `net(latent [B, Z], label, train)` and gives samples in [-1, 1], in
training nearly so where the net is linear at its end; a discriminator as `net(x, label, train)` and
gives logits `[B]`, or a mapping with `logits` and what else it was asked for, see `heads`. `label`
is `[B]` int32, or None for a net without `num_classes`. Nets that draw take `keys` as well, PRNG
keys `[B]`, one an example. `convnet` and `inception` give features and logits of classes.
"""

from gan_jax.nets import (
    began,
    biggan,
    captions,
    convlstm,
    convnet,
    dcgan,
    heads,
    hifigan,
    inception,
    mlp,
    mocogan,
    patch,
    r3gan,
    residual,
    resnet,
    sequences,
    several,
    srgan,
    stages,
    stylegan2,
    tables,
    text,
    unet,
    vgg,
    wavegan,
    wavenet,
    words,
)

__all__ = [
    "began",
    "biggan",
    "captions",
    "convlstm",
    "convnet",
    "dcgan",
    "heads",
    "hifigan",
    "inception",
    "mlp",
    "mocogan",
    "patch",
    "r3gan",
    "residual",
    "resnet",
    "sequences",
    "several",
    "srgan",
    "stages",
    "stylegan2",
    "tables",
    "text",
    "unet",
    "vgg",
    "wavegan",
    "wavenet",
    "words",
]
