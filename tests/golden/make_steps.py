"""Writes steps.npz: five whole steps of the games of steps_case.py by PyTorch, in float64.

    JAX_PLATFORMS=cpu python tests/golden/make_steps.py

Needs torch. Of gan_jax it takes what a step begins with, which is initial variables and random
numbers, and none of its arithmetic: nets, normalisation, losses, penalty, averages and the order of
turns are written here once more, plainly, and Adam is PyTorch's. Versions are stored beside the
numbers; those in the repository are of torch 2.13.0 and jax 0.10.2.

Arrays are named `game/kind/path`: parameters, statistics and averages after the last step, and
metrics of every step. Kernels are in the layout of gan_jax, [h, w, C, F], and so are images, NHWC.
"""

import dataclasses
import json
import pathlib
import platform

import jax
import numpy as np
import steps_case
import torch
from torch.nn import functional

from gan_jax import prng

torch.set_default_dtype(torch.float64)


@dataclasses.dataclass
class Player:
    """Parameters and statistics by their paths, and what follows them."""

    params: dict
    stats: dict
    averages: dict
    adam: torch.optim.Adam

    def descend(self, loss):
        """One step of Adam, and what there is to report of it."""
        grads = torch.autograd.grad(loss, list(self.params.values()))
        for param, grad in zip(self.params.values(), grads, strict=True):
            param.grad = grad
        self.adam.step()
        norm = sum((grad**2).sum() for grad in grads).sqrt()
        return {"loss": loss.item(), "gradient_norm": norm.item()}

    def follow(self, decay):
        """The averages move towards what they follow."""
        for name, average in self.averages.items():
            new = (self.params | self.stats)[name].detach()
            self.averages[name] = decay * average + (1 - decay) * new


def player_of(name, player, adam):
    """A player as gan_jax makes it."""
    tensors = lambda tree: {
        n: torch.tensor(np.float64(v)) for n, v in steps_case.flat(tree).items()
    }
    params = {n: p.requires_grad_() for n, p in tensors({"params": player.params}).items()}
    betas = adam.beta1, adam.beta2
    optimizer = torch.optim.Adam(params.values(), adam.learning_rate, betas, adam.epsilon)
    averages = {} if player.ema is None else tensors(player.ema)
    return Player(params, tensors(player.stats), averages, optimizer)


def conv(x, kernel, stride=1, padding=1):
    kernel = kernel.permute(3, 2, 0, 1).contiguous()
    y = functional.conv2d(x.permute(0, 3, 1, 2), kernel, stride=stride, padding=padding)
    return y.permute(0, 2, 3, 1)


def conv_transpose(x, kernel):
    """Of stride 2 and a kernel of 4, which PyTorch has the other way round."""
    kernel = kernel.flip(0, 1).permute(2, 3, 0, 1)
    y = functional.conv_transpose2d(x.permute(0, 3, 1, 2), kernel, stride=2, padding=1)
    return y.permute(0, 2, 3, 1)


def batch_norm(params, stats, path, x, label=None):
    """Of training; running statistics keep 0.9 of what they were, and the variance is biased."""
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2), unbiased=False)
    for name, new in (("mean", mean), ("var", variance)):
        old = stats[f"batch_stats/{path}/{name}"]
        stats[f"batch_stats/{path}/{name}"] = 0.9 * old + 0.1 * new.detach()
    scale, bias = (params[f"params/{path}/{name}"] for name in ("scale", "bias"))
    if label is not None:
        scale, bias = scale[label][:, None, None], bias[label][:, None, None]
    return (x - mean) / torch.sqrt(variance + 1e-5) * scale + bias


def spectral_norm(stats, path, kernel):
    """The kernel over σ = vᵀ W u, after one power iteration: first v, then u."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    with torch.no_grad():
        v = functional.normalize(matrix @ stats[path], dim=0)
        u = functional.normalize(matrix.T @ v, dim=0)
    stats[path] = u
    return kernel / (v @ matrix @ u)


def leaky_relu(x):
    return functional.leaky_relu(x, 0.2)


# Nets: each writes the statistics of its pass into `stats`.


def dcgan_generator(params, stats, latent):
    x = latent @ params["params/Dense_0/kernel"]
    x = functional.relu(batch_norm(params, stats, "BatchNorm_0", x.reshape(-1, 4, 4, 8)))
    x = conv_transpose(x, params["params/ConvTranspose_0/kernel"])
    x = functional.relu(batch_norm(params, stats, "BatchNorm_1", x))
    x = conv_transpose(x, params["params/ConvTranspose_1/kernel"])
    return torch.tanh(x + params["params/ConvTranspose_1/bias"])


def dcgan_body(params, stats, x, path="Body_0", normalise=True):
    x = conv(x, params[f"params/{path}/Conv_0/kernel"], stride=2)
    x = leaky_relu(x + params[f"params/{path}/Conv_0/bias"])
    x = conv(x, params[f"params/{path}/Conv_1/kernel"], stride=2)
    if normalise:
        x = batch_norm(params, stats, f"{path}/BatchNorm_0", x)
    else:
        x = x + params[f"params/{path}/Conv_1/bias"]
    return leaky_relu(x).flatten(1)


def dcgan_discriminator(params, stats, x, normalise=True):
    x = dcgan_body(params, stats, x, normalise=normalise)
    x = x @ params["params/Head_0/Dense_0/kernel"] + params["params/Head_0/Dense_0/bias"]
    return x[:, 0]


def resnet_generator(params, stats, latent, label):
    """Table 3 of Miyato et al., 2018, with the one block that 8×8 pixels take."""

    def conv_of(path, x, padding=1):
        return conv(x, params[f"params/{path}/kernel"], padding=padding)

    def activate(path, x, label=None):
        return functional.relu(batch_norm(params, stats, path, x, label))

    def upsample(x):
        return x.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)

    x = latent @ params["params/Dense_0/kernel"] + params["params/Dense_0/bias"]
    x = x.reshape(-1, 4, 4, 4)
    y = conv_of("UpsampleConv_0", upsample(activate("BatchNorm_0", x, label)))
    y = activate("BatchNorm_1", y, label)
    y = conv_of("Conv_0", y) + params["params/Conv_0/bias"]
    x = conv_of("Conv_1", upsample(x), padding=0) + params["params/Conv_1/bias"] + y
    x = conv_of("Conv_2", activate("BatchNorm_2", x)) + params["params/Conv_2/bias"]
    return torch.tanh(x)


def resnet_discriminator(params, stats, x, label):
    """Table 3 of Miyato et al., 2018, with the one halving that 8×8 pixels allow."""

    def conv_of(path, number, x, padding=1):
        kernel = params[f"params/{path}/kernel"]
        kernel = spectral_norm(stats, f"spectral/SpectralNorm_{number}/kernel", kernel)
        return conv(x, kernel, padding=padding) + params[f"params/{path}/bias"]

    def downsample(x):
        return functional.avg_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)

    y = conv_of("ConvDownsample_0", 1, functional.relu(conv_of("Conv_0", 0, x)))
    x = downsample(conv_of("Conv_1", 2, x, padding=0)) + downsample(y)
    for inner, outer in ((2, 3), (4, 5), (6, 7)):
        y = conv_of(f"Conv_{inner}", inner + 1, functional.relu(x))
        x = x + conv_of(f"Conv_{outer}", outer + 1, functional.relu(y))
    x = functional.relu(x).sum((1, 2))
    dense, embedding = (
        spectral_norm(stats, f"spectral/Head_0/SpectralNorm_{i}/{n}", params[f"params/Head_0/{p}"])
        for i, n, p in ((0, "kernel", "Dense_0/kernel"), (1, "embedding", "Embed_0/embedding"))
    )
    return (x @ dense + params["params/Head_0/Dense_0/bias"])[:, 0] + (embedding[label] * x).sum(1)


def encoder(params, stats, x):
    x = dcgan_body(params, stats, x, "encoder/Body_0")
    x = x @ params["params/encoder/Dense_0/kernel"] + params["params/encoder/Dense_0/bias"]
    return x.chunk(2, dim=1)


def decoder(params, latent):
    path = "params/decoder/MLP_0"
    x = functional.relu(latent @ params[f"{path}/Dense_0/kernel"] + params[f"{path}/Dense_0/bias"])
    x = x @ params[f"{path}/Dense_1/kernel"] + params[f"{path}/Dense_1/bias"]
    return x.reshape(-1, 16, 16, 1)


# Steps: `(players, data) -> metrics`, with the data and the random numbers of each repeat. A pass
# whose statistics are not kept is given a copy of them.


def dcgan(players, data):
    """Batch statistics in either player: D sees real and fake one after the other."""
    generator, discriminator = players["generator"], players["discriminator"]
    x, latent = data[0]["x"], data[0]["latent"]

    fake = dcgan_generator(generator.params, dict(generator.stats), latent).detach()
    real_logits = dcgan_discriminator(discriminator.params, discriminator.stats, x)
    fake_logits = dcgan_discriminator(discriminator.params, discriminator.stats, fake)
    loss = functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()
    metrics = {"discriminator": discriminator.descend(loss)}

    fake = dcgan_generator(generator.params, generator.stats, latent)
    logits = dcgan_discriminator(discriminator.params, dict(discriminator.stats), fake)
    return metrics | {"generator": generator.descend(functional.softplus(-logits).mean())}


def sngan(players, data):
    """Conditional; D takes one power iteration for real and fake together."""
    generator, discriminator = players["generator"], players["discriminator"]
    x, latent, label = data[0]["x"], data[0]["latent"], data[0]["label"].long()

    fake = resnet_generator(generator.params, dict(generator.stats), latent, label).detach()
    both, labels = torch.cat([x, fake]), torch.cat([label, label])
    logits = resnet_discriminator(discriminator.params, discriminator.stats, both, labels)
    real_logits, fake_logits = logits.chunk(2)
    loss = functional.relu(1 - real_logits).mean() + functional.relu(1 + fake_logits).mean()
    metrics = {"discriminator": discriminator.descend(loss)}

    fake = resnet_generator(generator.params, generator.stats, latent, label)
    logits = resnet_discriminator(discriminator.params, dict(discriminator.stats), fake, label)
    return metrics | {"generator": generator.descend(-logits.mean())}


def wgan_gp(players, data):
    """Algorithm 1 of Gulrajani et al., 2017; the generator takes the latents of the first batch."""
    generator, critic = players["generator"], players["discriminator"]
    judge = lambda x: dcgan_discriminator(critic.params, {}, x, normalise=False)

    reports = []
    for columns in data:
        x, epsilon = columns["x"], columns["epsilon"]
        fake = dcgan_generator(generator.params, dict(generator.stats), columns["latent"]).detach()
        between = ((1 - epsilon) * x + epsilon * fake).requires_grad_()
        (slope,) = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
        penalty = (slope.flatten(1).norm(dim=1) - 1) ** 2
        loss = judge(fake).mean() - judge(x).mean() + steps_case.GRADIENT_PENALTY * penalty.mean()
        reports.append(critic.descend(loss))
    metrics = {name: np.mean([report[name] for report in reports]) for name in reports[0]}

    fake = dcgan_generator(generator.params, generator.stats, data[0]["latent"])
    return {"discriminator": metrics, "generator": generator.descend(-judge(fake).mean())}


def vae(players, data):
    """Kingma & Welling, 2013, with β before the divergence."""
    player, x, noise = players["vae"], data[0]["x"], data[0]["noise"]
    mean, log_variance = encoder(player.params, player.stats, x)
    logits = decoder(player.params, mean + torch.exp(log_variance / 2) * noise)
    nll = functional.binary_cross_entropy_with_logits(logits, (x + 1) / 2, reduction="none")
    kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)
    return {"vae": player.descend(nll.sum((1, 2, 3)).mean() + steps_case.BETA * kl.mean())}


def drawn(key, step, repeat, size):
    """Random numbers of a batch, from the keys that `train_step` gives its examples."""
    key = jax.random.fold_in(jax.random.fold_in(key, step), repeat)
    keys = prng.per_example(key, size)
    latent_dim = steps_case.LATENT_DIM
    return {
        "latent": prng.normal(prng.fold_in(keys, "latent"), (latent_dim,)),
        "noise": prng.normal(prng.fold_in(keys, "posterior"), (latent_dim,)),
        "epsilon": prng.uniform(prng.fold_in(keys, "penalty"), (1, 1, 1)),
    }


def play(name, play_step):
    """The arrays of a game after its last step."""
    case, batches, state = steps_case.CASES[name], steps_case.batches(name), steps_case.start(name)
    players = {n: player_of(n, p, case.adams[n]) for n, p in state.players.items()}
    history = []
    for step in range(steps_case.STEPS):
        data = []
        for repeat in range(case.game.repeats):
            columns = {column: values[step, repeat] for column, values in batches.items()}
            columns |= drawn(state.key, step, repeat, case.size)
            data.append({n: torch.tensor(np.float64(v)) for n, v in columns.items()})
        history.append(steps_case.flat(play_step(players, data)))
        decay = min(steps_case.EMA_DECAY, (step + 2) / (step + 11))
        for player in players.values():
            player.follow(decay)
    kinds = {"parameters": "params", "statistics": "stats", "averages": "averages"}
    arrays = {
        f"{name}/{kind}/{n}/{path}": value.detach().numpy()
        for kind, attribute in kinds.items()
        for n, player in players.items()
        for path, value in getattr(player, attribute).items()
    }
    metrics = {m: np.array([report[m] for report in history]) for m in history[0]}
    return arrays | {f"{name}/metrics/{m}": values for m, values in metrics.items()}


if __name__ == "__main__":
    source = {
        "source": "PyTorch, float64, by make_steps.py",
        "versions": {
            "torch": torch.__version__,
            "jax": jax.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }
    arrays = {}
    for play_step in (dcgan, sngan, wgan_gp, vae):
        played = play(play_step.__name__, play_step)
        arrays |= {name: values.astype(np.float32) for name, values in played.items()}
    file = pathlib.Path(__file__).with_name("steps.npz")
    np.savez_compressed(file, source=json.dumps(source), **arrays)
