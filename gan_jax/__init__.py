"""gan_jax: generative adversarial networks as pure JAX functions.

Importing the package touches no device. The rooms a paper's author wants are
`gan_jax.losses`, `gan_jax.penalties`, `gan_jax.nets`, `gan_jax.algorithms`, `gan_jax.game` and
`gan_jax.data`.
"""

__version__ = "0.1.0"
