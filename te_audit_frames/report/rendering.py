"""Rendering of templates, which escape everything but their own markup."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("te_audit_frames.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["dates"] = _keep_dates_whole
    return environment


_DATE = re.compile(r"(\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?)")


def _keep_dates_whole(text: str) -> Markup:
    """Escape text, and keep browsers from breaking lines within its dates, as they do after hyphens."""
    from markupsafe import Markup

    whole = Markup('<span class="d">{}</span>')
    parts = enumerate(_DATE.split(text))  # every second one is a date
    return Markup("").join(whole.format(part) if place % 2 else part for place, part in parts)


def render_page(**content: Any) -> bytes:
    """Return the page as UTF-8, with a policy that allows its own style, pictures that it carries, and nothing else."""
    environment = _environment()
    style = environment.get_template("style.css").render().strip()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    page = environment.get_template("report.html").render(style=style, policy=policy, **content)
    # UTF-8 cannot encode lone surrogates. `clean` removes them; "replace" is for text that was not cleaned.
    return (page + "\n").encode("utf-8", "replace")


def render_picture(template: str, **content: Any) -> str:
    """Return a picture as a data URI."""
    svg = _environment().get_template(template).render(**content)
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode("utf-8", "replace")).decode()
