"""The site: `python -m sphinx -b html -W --keep-going docs docs/_build/html` builds it, without any network."""

import re
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform

import te_audit_frames as taf

HERE = Path(__file__).parent

project = "te_audit_frames"
author = "te_audit_frames contributors"
project_copyright = author
version = release = taf.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_nb"]
exclude_patterns = ["_build"]
default_role = "literal"  # single backticks in docstrings; LinkPublicNames makes links of some

autodoc_typehints = "none"  # numpydoc lists the types; in signatures they only make long lines
autodoc_member_order = "bysource"
autosummary_generate = False
numpydoc_show_class_members = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the notebooks are published with the outputs that they are stored with
nb_ipywidgets_js: dict[str, Any] = {}  # would be fetched from a CDN

html_theme = "pydata_sphinx_theme"
html_title = "te_audit_frames"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "header_links_before_dropdown": 8,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
}
_WITHOUT_SIDEBAR = ["get-started", "cookbook", "schema", "reliability", "performance", "notebooks/*"]
html_sidebars: dict[str, list[str]] = {page: [] for page in _WITHOUT_SIDEBAR}

# Sphinx reads sources below this folder only.
for notebook in sorted((HERE.parent / "notebooks").glob("*.ipynb")):
    shutil.copy2(notebook, HERE / "notebooks" / notebook.name)
shutil.copy2(HERE.parent / "notebooks" / "explore.png", HERE / "notebooks")

_LOADS = re.compile(
    r"<(?:script|img|iframe|source)[^>]+src=\"(?:https?:)?//|<link[^>]+rel=\"stylesheet\"[^>]+\"https?://"
)
_VARIABLES = {"client": "Client", "archive": "Archive", "batches": "Batches"}


class LinkPublicNames(SphinxTransform):
    """Link code such as `taf.receipt`, `Archive.load` or `fetch_events` to the reference."""

    default_priority = 500

    def apply(self, **_: Any) -> None:
        """Wrap each literal that is a public name."""
        for literal in list(self.document.findall(nodes.literal)):
            target = _public_name(literal.astext())
            if target and not isinstance(literal.parent, nodes.reference | nodes.title | pending_xref):
                reference = pending_xref(
                    "", refdomain="py", reftype="obj", reftarget=target, refexplicit=True, refwarn=False
                )
                literal.replace_self(reference)
                reference += literal


def _public_name(code: str) -> str | None:
    match = re.fullmatch(r"(taf\.)?(\w+)(\.\w+)?(?:\(.*\))?", code)
    if not match:
        return None
    prefix, name, member = match.groups()
    name = _VARIABLES.get(name, name) if member else name
    # Words such as `activity` and `receipt` have other meanings too.
    is_ours = name in taf.__all__ and (prefix or name[0].isupper() or "_" in name)
    return f"te_audit_frames.{name}{member or ''}" if is_ours else None


def link_included_pages(app: Sphinx, path: Path, docname: str, content: list[str]) -> None:
    """Point links between the pages of the repository's root to their copies on the site."""
    content[0] = re.sub(
        r"\]\((ARCHITECTURE|CONTRIBUTING|SECURITY|CHANGELOG)\.md", lambda match: f"]({match[1].lower()}.md", content[0]
    )


def refuse_what_is_fetched(app: Sphinx, error: Exception | None) -> None:
    """Fail the build if a page would load a script, a style or an image from another site."""
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        if found := _LOADS.search(page.read_text(encoding="utf-8")):
            raise ExtensionError(f"{page.name} loads from another site: {found.group()}")


def setup(app: Sphinx) -> None:
    """Register what is above."""
    app.add_transform(LinkPublicNames)
    app.connect("include-read", link_included_pages)
    app.connect("build-finished", refuse_what_is_fetched)
