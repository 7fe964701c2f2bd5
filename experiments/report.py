"""The report of an evaluation: one HTML page that holds all it shows, pictures too.

It needs no script, no other file and no network, and is legible on a phone and in the dark.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np

from gan_jax import pictures

_ARROWS = {"lower": "↓", "higher": "↑"}
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
h1, h2, table, dl, figcaption { font-family: system-ui, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; font-weight: 650; margin: 0 0 1rem; }
h2 {
  font-size: 1.1rem; font-weight: 650; margin: 2.75rem 0 1rem; padding-top: .6rem;
  border-top: 1px solid var(--line);
}
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .4rem .75rem .4rem 0; text-align: left; vertical-align: baseline; }
tr + tr { border-top: 1px solid var(--line); }
thead th, dt, figcaption, td:last-child, th span { color: var(--quiet); font-weight: 400; }
tbody th { font-weight: 600; overflow-wrap: break-word; }
td:nth-child(2) { white-space: nowrap; font-variant-numeric: tabular-nums; }
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
dl {
  display: grid; grid-template-columns: minmax(5.5rem, max-content) 1fr; gap: .15rem 1.25rem;
  margin: 0; font-size: .85rem; line-height: 1.5;
}
dd { margin: 0; }
dd > dl { font-size: 1em; }
main > dl { row-gap: .8rem; }
@media (max-width: 34rem) {
  thead { display: none; }
  tbody tr { display: grid; grid-template-columns: 1fr auto; padding: .5rem 0; }
  tbody th, tbody td { padding: 0; }
  td:last-child { grid-column: 1 / -1; }
  main > dl { grid-template-columns: 1fr; row-gap: .2rem; }
  main > dl > dd { margin: 0 0 .6rem 1rem; }
}
"""


class Picture(NamedTuple):
    """A picture of the report.

    Attributes:
      image: uint8 [H, W, 3].
      caption: plain text.
    """

    image: np.ndarray
    caption: str


def page(
    title: str,
    record: Mapping[str, Any],
    sections: Mapping[str, Sequence[Picture]],
    findings: Sequence[str] | None = None,
) -> str:
    """The whole report as HTML.

    Args:
      title: plain text, as all else here is.
      record: what was measured and how. `fake` and `real` tell of the samples and the data (each
        with `count` and `source`), `extractor` (with `name` and, where there is one, a `warning`,
        which stands at the top) of what saw them, and `figures` holds by name the `value`, its
        `error` or None, `how` it was computed and, where one direction is `better`, "lower" or
        "higher". Whatever else it holds is shown at the end.
      sections: pictures by heading; a heading without any is left out.
      findings: what the diagnosis found, in words; None where there was no log to diagnose.
    """
    protocol = {name: value for name, value in record.items() if name != "figures"}
    warning = record["extractor"].get("warning")
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(_sentence(record))}</p>",
        "" if warning is None else _list([warning]),
        f"<h2>Metrics</h2>{_table(record['figures'])}",
        "" if findings is None else f"<h2>Diagnosis of the training log</h2>{_list(findings)}",
        *(f"<h2>{escape(name)}</h2>{_row(row)}" for name, row in sections.items() if row),
        f"<h2>Protocol</h2>{_entry(protocol)}",
    ]
    body = "\n".join(filter(None, parts))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _sentence(record: Mapping[str, Any]) -> str:
    """The protocol in short; what is nested stands at the end of the page alone."""
    fake, real = _side(record["fake"], "samples"), _side(record["real"], "examples")
    return f"{fake} against {real}, as the extractor {record['extractor']['name']} sees them."


def _side(side: Mapping[str, Any], kind: str) -> str:
    words = ", ".join(
        _words(name, value)
        for name, value in side.items()
        if name not in ("count", "source") and isinstance(value, str | int | float)
    )
    return f"{side['count']:,} {kind} of {side['source']}" + (f" ({words})" if words else "")


def _words(name: str, value: str | float) -> str:
    if isinstance(value, bool):
        return name if value else f"no {name}"
    return f"{name} {_plain(value)}"


def _plain(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
    return str(value)


def _table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    rows = "\n".join(_metric(name, figure) for name, figure in figures.items())
    head = "<th>metric</th><th>value</th><th>how it was computed</th>"
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"


def _metric(name: str, figure: Mapping[str, Any]) -> str:
    better = figure.get("better")
    arrow = f'&#160;<span title="{better} is better">{_ARROWS[better]}</span>' if better else ""
    value = escape(_with_error(figure["value"], figure["error"]))
    how = escape(figure["how"])
    return f'<tr><th scope="row">{escape(name)}{arrow}</th><td>{value}</td><td>{how}</td></tr>'


def _with_error(value: float | None, error: float | None) -> str:
    """A figure to four digits, or to the second digit of its error."""
    if value is None or not math.isfinite(value):
        return "undefined"
    if not error or not math.isfinite(error):
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    places = max(1 - math.floor(math.log10(error)), 0)
    if places > 6:
        return f"{value:.3g} ± {error:.2g}"
    return f"{value:,.{places}f} ± {error:,.{places}f}"


def _list(findings: Sequence[str]) -> str:
    if not findings:
        return '<p class="well">Nothing was found.</p>'
    return f"<ul>{''.join(f'<li>{escape(finding)}</li>' for finding in findings)}</ul>"


def _row(row: Sequence[Picture]) -> str:
    return f'<div class="pictures">{"".join(map(_figure, row))}</div>'


def _figure(picture: Picture) -> str:
    height, width, _ = picture.image.shape
    data = base64.b64encode(pictures.encode_png(picture.image)).decode()
    caption = escape(picture.caption)
    size = f'width="{width}" height="{height}"'
    image = f'<img src="data:image/png;base64,{data}" alt="{caption}" {size}/>'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _entry(value: Any) -> str:
    """A value of the record, however deeply nested."""
    if isinstance(value, Mapping):
        pairs = (f"<dt>{escape(name)}</dt><dd>{_entry(v)}</dd>" for name, v in value.items())
        return f"<dl>{''.join(pairs)}</dl>"
    if isinstance(value, list | tuple):
        return ", ".join(map(_entry, value))
    return escape(_plain(value))
