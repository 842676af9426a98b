"""A little HTML, escaped by construction: text becomes markup only through `Markup`.

Every string from outside (symbols, settings, paths, sentences of the journal) passes `text` on its way into a page, and
data for the page's script passes `script_json`, so nothing of it can become a tag or a script.
"""

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any


class Markup(str):
    """HTML that is safe as it stands."""

    __slots__ = ()


Content = Markup | str | int


def text(content: Content) -> Markup:
    """Any content as HTML: what is not markup is escaped."""
    return content if isinstance(content, Markup) else Markup(escape(str(content), quote=True))


def tag(name: str, *children: Content, **attributes: str) -> Markup:
    """One element; ``class_`` and the like lose their last underscore."""
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return Markup(f"<{name}{written}>{''.join(text(child) for child in children)}</{name}>")


def joined(parts: Iterable[Content]) -> Markup:
    return Markup("".join(text(part) for part in parts))


def table(
    head: Sequence[str], rows: Iterable[Sequence[Content]], *, words: Sequence[int] = (), last_sums: bool = False
) -> Markup:
    """A table that scrolls on a small screen; ``words`` are the columns with sentences, which may wrap."""
    listed = list(rows)
    kinds = ["words" if index in words else "" for index in range(len(head))]
    lines = [tag("tr", *(tag("th", name, class_=kind) for name, kind in zip(head, kinds, strict=True)))]
    for number, row in enumerate(listed):
        cells = [tag("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=True)]
        lines.append(tag("tr", *cells, class_="sum" if last_sums and number == len(listed) - 1 else ""))
    return tag("div", tag("table", *lines), class_="scroll")


def script_json(value: Any) -> Markup:
    """JSON for a script element: no ``<`` in it, so no text can end the element."""
    plain = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return Markup(plain.replace("<", "\\u003c"))
