"""A page of HTML that holds all it shows, pictures too.

It needs no script, no other file and no network, and is legible on a phone and in the dark.
"""

import base64
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from gan_jax import pictures

_STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fcfcfa; --ink: #1f2428; --quiet: #606a73; --line: #d9dde0;
  --ill: #b4501b; --ill-paper: #fbf1e8; --well: #2f7d4f; --well-paper: #eef6f0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181b; --ink: #d9dde0; --quiet: #949ea7; --line: #33393e;
    --ill: #e59560; --ill-paper: #2a2019; --well: #79bd94; --well-paper: #1a241e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink); line-height: 1.55;
  font-family: Charter, "Bitstream Charter", "Sitka Text", Cambria, Georgia, serif;
  overflow-wrap: anywhere; -webkit-text-size-adjust: 100%;
}
main { max-width: 48rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1, h2, h3, table, dl, figcaption { font-family: system-ui, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; font-weight: 650; margin: 0 0 1rem; }
h2 {
  font-size: 1.1rem; font-weight: 650; margin: 2.75rem 0 1rem; padding-top: .6rem;
  border-top: 1px solid var(--line);
}
h3 { font-size: .95rem; font-weight: 600; margin: 1.5rem 0 .5rem; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .4rem .75rem .4rem 0; text-align: left; vertical-align: baseline; }
tr + tr { border-top: 1px solid var(--line); }
thead th, dt, figcaption, th span { color: var(--quiet); font-weight: 400; }
tbody th { font-weight: 600; overflow-wrap: break-word; }
ul, .well { margin: 0; padding: .75rem 1rem; border-left: 4px solid; border-radius: 3px; }
ul { list-style: none; border-color: var(--ill); background: var(--ill-paper); }
li + li { margin-top: .6rem; }
li::first-letter { text-transform: uppercase; }
.well { border-color: var(--well); background: var(--well-paper); }
.pictures { display: flex; flex-wrap: wrap; gap: 1.5rem; }
figure { margin: 0; max-width: 100%; min-width: min(16rem, 100%); }
img {
  display: block; max-width: 100%; height: auto; border-radius: 3px;
  box-shadow: 0 0 0 1px var(--line);
}
figcaption { font-size: .85rem; margin-top: .5rem; contain: inline-size; }
"""


class Picture(NamedTuple):
    """A picture of the page.

    Attributes:
      image: uint8 [H, W, 3].
      caption: plain text.
    """

    image: np.ndarray
    caption: str


def page(title: str, parts: Sequence[str], style: str = "") -> str:
    """The whole page.

    Args:
      title: plain text.
      parts: of its body, below the title, as HTML; empty ones are left out.
      style: rules of this kind of page alone.
    """
    body = "\n".join(filter(None, [f"<h1>{escape(title)}</h1>", *parts]))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{escape(title)}</title>
<style>{_STYLE}{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def notes(lines: Sequence[str]) -> str:
    """Lines of plain text that warn."""
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def row(row: Sequence[Picture]) -> str:
    """Pictures side by side, with their captions."""
    return f'<div class="pictures">{"".join(map(_figure, row))}</div>'


def _figure(picture: Picture) -> str:
    height, width, _ = picture.image.shape
    data = base64.b64encode(pictures.encode_png(picture.image)).decode()
    caption = escape(picture.caption)
    size = f'width="{width}" height="{height}"'
    image = f'<img src="data:image/png;base64,{data}" alt="{caption}" {size}/>'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
