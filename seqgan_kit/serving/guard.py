"""What every request passes first: who may ask, and from where; and what every answer carries."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = [
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"vary", b"accept, authorization"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
]
"""Headers of every answer."""


def is_loopback(host: str) -> bool:
    """Whether an address is one that only this machine can reach.

    >>> [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "10.0.0.7")]
    [True, True, True, False, False]
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Guard:
    """Turns requests away before they reach the application.

    Without a token the server listens to this machine only, and a page of another site must not
    reach it: neither by a name that it lets point here (DNS rebinding), nor as a picture.

    Args:
        app: the application.
        token: what requests have to show; none where only this machine can ask.
    """

    def __init__(self, app: ASGIApp, *, token: str | None) -> None:
        self._app = app
        self._token = None if token is None else token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        if (refusal := self._refusal(scope, headers)) is not None:
            status, detail = refusal
            extra = {"www-authenticate": "Bearer"} if status == 401 else {}
            await JSONResponse({"detail": detail}, status, extra)(scope, receive, answer)
            return
        await self._app(scope, receive, answer)

    def _refusal(self, scope: Scope, headers: Mapping[bytes, bytes]) -> tuple[int, str] | None:
        """Return the status and the sentence with which a request is turned away, if it is."""
        if headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers:
            return 413, "requests have no body here: everything is in the address"
        if self._token is not None:
            shown = _shown(scope, headers)
            if hmac.compare_digest(shown, self._token):
                return None
            return 401, "this server asks for its token: Authorization: Bearer TOKEN, or ?token="
        host = urlsplit(f"//{headers.get(b'host', b'').decode('latin-1')}").hostname or ""
        if not is_loopback(host):
            return 421, f"this server answers to 127.0.0.1 and localhost, not to {host[:80]!r}"
        site, mode = (headers.get(name, b"") for name in (b"sec-fetch-site", b"sec-fetch-mode"))
        if site == b"cross-site" and mode != b"navigate":
            return 403, "pages of other sites may not use this server"
        return None


def _shown(scope: Scope, headers: Mapping[bytes, bytes]) -> bytes:
    """Return the token that a request shows, and take it out of its query."""
    kind, _, bearer = headers.get(b"authorization", b"").partition(b" ")
    query = scope["query_string"]
    found = b""
    if b"token=" in query:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        found = next((value for name, value in pairs if name == "token"), "").encode()
        kept = [(name, value) for name, value in pairs if name != "token"]
        scope["query_string"] = urlencode(kept).encode()
    return bearer if kind.lower() == b"bearer" else found
