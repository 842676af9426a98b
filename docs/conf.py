"""How the documents become a site: `make docs`. Their order there is that of the table in docs/README.md.

The pages are plain Markdown, as a code host shows them; nothing in them is meant for the generator alone.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]

project = "perpmaker"
author = "the authors of perpmaker"
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "examples/*.md"]
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = "perpmaker"
html_copy_source = False

nitpicky = True
myst_enable_extensions = ["tasklist"]
myst_heading_anchors = 4  # with the names that a code host gives to headings, so that links work in both places


def _pages() -> list[str]:
    """Every page that docs/README.md links to, in its order, after that page itself."""
    text = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)#:]+\.md)(?:#[^)]*)?\)", text)
    paths = [(ROOT / "docs" / target).resolve().relative_to(ROOT) for target in linked]
    names = [str(path.with_suffix("")) for path in paths]
    return ["docs/README", *dict.fromkeys(name for name in names if name != root_doc)]


def _with_contents(_app: Sphinx, name: str, source: list[str]) -> None:
    """The first page carries the list of all others, which is the site's navigation."""
    if name == root_doc:
        listed = "\n".join(_pages())
        source[0] += f"\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n"


def setup(app: Sphinx) -> None:
    app.connect("source-read", _with_contents)
