"""Images through a trained translator: `python -m experiments.translate --workdir=RUN INPUT`.

INPUT is an image, a folder of them or an array file; `--out` a file or a folder likewise. Images
are read as the run's data were stored: grey, coloured, or with a channel of opacity, whose holes
an inpainting run fills. Any size will do. `--panels` sets each beside its translation. The run's
folder holds the recipe, which is executed.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from absl import flags
from PIL import ImageOps
from tqdm import tqdm

from experiments import app, trained
from experiments.run_folder import Run
from gan_jax import data, pictures, prng, translation
from gan_jax.kinds import show, write
from gan_jax.types import UserError

_RUN = trained.define("Of a translator's own noise.", ema=True, reverse=True)
_OUT = flags.DEFINE_string(
    "out", None, "A file, or a folder for several images; WORKDIR/translated by default."
)
_PANELS = flags.DEFINE_bool("panels", False, "Pictures of each image beside its translation.")

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # by channels
_AT_ONCE = 16  # images of an array


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        raise UserError("name one INPUT: an image, a folder of images or an array file")
    source = Path(arguments[0])
    run = _RUN.load()
    made_from = [run.kinds[name] for name in run.game.conditions]
    if made_from and not isinstance(made_from[0], data.Image | data.Category):
        raise UserError("this run does not translate images: it is not made from any")
    translate = translation.translator(run.game, _RUN.players(run))
    key = _RUN.key()
    kinds = [run.kinds[name] for name in (run.game.conditions[0], run.game.target)]
    if source.suffix in (".npy", ".npz"):
        if _PANELS.value:
            raise UserError(f"--panels shows image files, and {source} is an array file")
        out = Path(_OUT.value or run.workdir / "translated.npz")
        x = data.array_file(source, kinds={"x": kinds[0]}).columns["x"]
        trained = run.record["columns"][run.game.conditions[0]]["shape"]
        if (x.ndim - 1, x.shape[3:]) != (len(trained), tuple(trained[2:])):
            raise UserError(
                f"{source} holds images {list(x.shape[1:])}, the run's are {trained}: sides may "
                "be others, channels not"
            )
        parts = []
        for start in tqdm(range(0, len(x), _AT_ONCE), desc=str(source), delay=2, disable=None):
            stored = x[start : start + _AT_ONCE]
            keys = prng.per_example(key, len(stored), start)
            parts.append(translate(np.asarray(kinds[0].to_float(stored)), keys))
        write.samples(out, kinds[1], np.concatenate(parts))
        print(f"{len(x)} translations by step {run.step:,}: {out}")
        return
    paths = list(images_of(source))
    out = Path(_OUT.value or run.workdir / "translated")
    folder = source.is_dir() or not out.suffix
    if folder and (out.suffix or out.is_file()):
        raise UserError(f"--out={out} names a file, and {source} is a folder: name a folder")
    if folder:
        out.mkdir(parents=True, exist_ok=True)
    for i, path in enumerate(tqdm(paths, desc=str(source), delay=2, disable=None)):
        stored = read(path, run, kinds[0])
        keys = prng.per_example(key, 1, i)
        made = translate(np.asarray(kinds[0].to_float(stored)), keys)
        place = out / f"{path.stem}.png" if folder else out
        picture = None
        if _PANELS.value:
            titled = {"source": stored, "translation": made}
            picture = show.strips(dict(zip(titled, kinds, strict=True)), titled)
        elif isinstance(kinds[1], data.Image):
            picture = pictures.grid(made, border=0, legible=False)
        write.samples(place, kinds[1], made, picture=picture)
    print(f"{len(paths)} translations by step {run.step:,}: {out}")


def images_of(source: Path) -> Iterator[Path]:
    """The image files that a path names, in order."""
    if source.is_file():
        yield source
    elif source.is_dir():
        found = sorted(p for p in source.iterdir() if p.suffix.lower() in data.EXTENSIONS)
        if not found:
            raise UserError(f"{source} holds no images ({' '.join(data.EXTENSIONS)})")
        stems = [path.stem for path in found]
        if doubled := [stem for stem in stems if stems.count(stem) > 1]:
            raise UserError(f"{source} holds two images called {doubled[0]}: rename one")
        yield from found
    else:
        raise UserError(f"there is no file or folder {source}")


def read(path: Path, run: Run, kind: data.Kind) -> np.ndarray:
    """An image as a batch of one, stored as the run's data are."""
    shape = run.record["columns"][run.game.conditions[0]]["shape"]
    with data.opened_image(path) as opened:
        image = ImageOps.exif_transpose(opened)
        if isinstance(kind, data.Category):
            return np.asarray(image.convert("L"))[None]
        pixels = np.asarray(image.convert(_MODES[shape[-1]]))
    return pixels.reshape(1, image.height, image.width, shape[-1])


if __name__ == "__main__":
    app.run(main, positional=True)
