"""The report of an evaluation, a page of HTML."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from experiments import html_page
from experiments.html_page import Picture

_ARROWS = {"lower": "↓", "higher": "↑"}
_STYLE = """
dl {
  display: grid; grid-template-columns: minmax(5.5rem, max-content) 1fr; gap: .15rem 1.25rem;
  margin: 0; font-size: .85rem; line-height: 1.5;
}
dd { margin: 0; }
dd > dl { font-size: 1em; }
main > dl { row-gap: .8rem; }
td:last-child { color: var(--quiet); }
td:nth-child(2) { white-space: nowrap; font-variant-numeric: tabular-nums; }
@media (max-width: 34rem) {
  thead { display: none; }
  tbody tr { display: grid; grid-template-columns: 1fr auto; padding: .5rem 0; }
  tbody th, tbody td { padding: 0; }
  td:last-child { grid-column: 1 / -1; }
  main > dl { grid-template-columns: 1fr; row-gap: .2rem; }
  main > dl > dd { margin: 0 0 .6rem 1rem; }
}
"""


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
        f"<p>{escape(_sentence(record))}</p>",
        "" if warning is None else html_page.notes([warning]),
        f"<h2>Metrics</h2>{_table(record['figures'])}",
        "" if findings is None else f"<h2>Diagnosis of the training log</h2>{_list(findings)}",
        *(f"<h2>{escape(name)}</h2>{html_page.row(row)}" for name, row in sections.items() if row),
        f"<h2>Protocol</h2>{_entry(protocol)}",
    ]
    return html_page.page(title, parts, _STYLE)


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
    return html_page.notes(findings)


def _entry(value: Any) -> str:
    """A value of the record, however deeply nested."""
    if isinstance(value, Mapping):
        pairs = (f"<dt>{escape(name)}</dt><dd>{_entry(v)}</dd>" for name, v in value.items())
        return f"<dl>{''.join(pairs)}</dl>"
    if isinstance(value, list | tuple):
        return ", ".join(map(_entry, value))
    return escape(_plain(value))
