"""What stands before every page: host names, sizes, rates, headers, and errors that tell a stranger nothing.

One ASGI layer around the whole application, so that no route can forget it. Nothing of a request is logged but what kind of
error the program made and where in the program.
"""

import asyncio
import json
import re
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from expert.cds_hooks.outcome import outcome as operation_outcome
from expert.cds_hooks.routes import PATH as HOOKS
from expert.failure_log import LOG, describe_failure
from expert.web.limiter import Limiter
from expert.web.settings import Settings

WITH_FILES = ("/case-files", HOOKS)
"""Where a body may be as large as a file."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
_YEAR = "max-age=31536000"
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?", re.IGNORECASE)


class Guard:
    """The layer around the application."""

    def __init__(self, application: ASGIApp, settings: Settings) -> None:
        self.application, self.settings = application, settings
        self.limiter = Limiter(settings.requests_per_minute)
        self.hosts = settings.accepted_hosts
        self.headers = dict(HEADERS)
        if settings.is_encrypted:
            self.headers["strict-transport-security"] = _YEAR

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or say why not."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = self.refused(scope)
        body = b""
        if refused is None:
            outcome = await self.body(scope, receive)
            if isinstance(outcome, bytes):
                body = outcome
            else:
                refused = outcome
        if refused is not None:
            await refuse(scope, sending, *refused)
            return
        try:
            await self.application(scope, _replaying(body, receive), sending)
        except Exception as error:
            LOG.error("%s", describe_failure(error))
            if not begun:
                await refuse(scope, sending, 500, "Charley made a mistake here. Nothing that was kept before is lost.")

    def refused(self, scope: Scope) -> tuple[int, str] | None:
        """Return status and words when a request is not to be served at all."""
        headers = Headers(scope=scope)
        named = _HOST.fullmatch(headers.get("host", ""))
        if named is None or named[1].strip("[]").lower() not in self.hosts:
            # A page of another site may give its own name our address, and read what we answer to it.
            return 421, "This service does not go by that name. --host-name adds the name that browsers use."
        client = scope.get("client")
        address = client[0] if client else ""
        caller = address
        if self.settings.trusted_header is not None:
            if address not in self.settings.trusted_proxies:
                return 403, "This service is reached through its proxy alone."
            caller = headers.get(self.settings.trusted_header, "")
        if not self.limiter.admits(caller):
            return 429, "Too many requests; wait a minute."
        return None

    async def body(self, scope: Scope, receive: Receive) -> bytes | tuple[int, str]:
        """Read the body whole, unless it is too large or comes too slowly."""
        largest = self.settings.largest_file if scope["path"].startswith(WITH_FILES) else self.settings.largest_form
        too_large = (413, f"That is more than the {largest:,} bytes that are taken here. `charley report` takes any size.")
        stated = Headers(scope=scope).get("content-length", "0")
        if not stated.isascii() or not stated.isdigit():
            return 400, "Content-Length is not a number."
        if int(stated[:12]) > largest:
            return too_large
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.settings.slowest_body):
                more = True
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        return 400, "The request broke off."
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > largest:
                        return too_large
                    more = message.get("more_body", False)
        except TimeoutError:
            return 408, "The request came too slowly."
        return b"".join(parts)


def _replaying(body: bytes, receive: Receive) -> Receive:
    """Return a body that was read already once more, and after it whatever follows."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def refuse(scope: Scope, send: Send, status: int, message: str) -> None:
    """Answer with a status and a sentence: an OperationOutcome for programs, a small page for people."""
    if scope["path"].startswith(HOOKS):
        kind, content = "application/json", json.dumps(outcome(status, message))
    else:
        from reports.pages import render_page

        kind = "text/html; charset=utf-8"
        content = render_page("refused.html.j2", status=status, heading=HTTPStatus(status).phrase, message=message)
    body = content.encode()
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    if status == 429:
        headers.append((b"retry-after", b"60"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def outcome(status: int, message: str) -> dict[str, Any]:
    """Return an OperationOutcome (FHIR R4) for something that was refused."""
    codes = {404: "not-found", 403: "forbidden", 408: "timeout", 413: "too-long", 429: "throttled", 500: "exception"}
    return operation_outcome((message,), codes.get(status, "invalid"))
