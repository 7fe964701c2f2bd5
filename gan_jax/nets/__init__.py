"""Nets: one module per family of architectures, pure Flax modules all.

A generator is called as `net(latent [B, Z], label, train=...)` and gives samples in [-1, 1]; a
discriminator as `net(x, label, train=...)` and gives logits `[B]`. `label` is `[B]` int32, or None
for a net without `num_classes`. `convnet` and `inception` give features and logits of classes.
"""

from gan_jax.nets import convnet, dcgan, inception, mlp, patch, residual, resnet

__all__ = ["convnet", "dcgan", "inception", "mlp", "patch", "residual", "resnet"]
