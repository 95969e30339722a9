"""The page to play with: one file, filled in once, that loads nothing but samples."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from .. import __version__
from ..report.page import template


@cache
def page() -> tuple[str, str]:
    """Return the page, and its content security policy: only its own script runs."""
    style, script = (
        files(__package__).joinpath(f"page.{one}").read_text("utf-8") for one in ("css", "js")
    )
    html = template("page.html", __package__).render(
        style=Markup(style), script=Markup(script), version=__version__
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; media-src data:; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    return html, policy
