"""What stands before every page: host names, sizes, rates, headers, and errors that tell a stranger nothing.

One ASGI layer around the whole application, so that no route can forget it. Nothing of a request is logged but what kind of
error the program made and where in the program.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from time import monotonic
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from expert.cds_hooks.outcome import outcome as operation_outcome
from expert.cds_hooks.routes import PATH as HOOKS
from expert.failure_log import LOG, describe_failure
from expert.private_sqlite import StoreError
from expert.web.access.limiter import Limiter
from expert.web.access.shared import Shared
from expert.web.settings import Settings

HEALTH = "/healthz"
"""Asked by what watches over the service, not by way of the proxy."""
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

    def __init__(self, application: ASGIApp, settings: Settings, shared: Shared) -> None:
        self.application, self.settings = application, settings
        self.limiter = Limiter("requests", settings.requests_per_minute, shared)
        self.hosts = settings.accepted_hosts
        self.places = Places(settings.large_bodies, max(1, settings.large_bodies // 3))
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
        if refused is not None:
            await refuse(scope, sending, *refused)
            return
        # A large body holds its place until it is answered: that long it is in memory.
        async with AsyncExitStack() as held:
            body = await self.body(scope, receive, held)
            if not isinstance(body, bytes):
                await refuse(scope, sending, *body)
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
        if "content-length" in headers and "transfer-encoding" in headers:
            # A proxy that believes the one, before a server that believes the other, takes one request for two.
            return 400, "The request has both a Content-Length and a Transfer-Encoding."
        if self.settings.trusted_header is not None and scope["path"] != HEALTH:
            if _address(scope) not in self.settings.trusted_proxies:
                return 403, "This service is reached through its proxy alone."
            if len(headers.getlist(self.settings.trusted_header)) > 1:
                # One of them is the proxy's, and one came from outside.
                return 400, "The request says more than once who asks; the proxy has to remove what browsers send."
        try:
            is_admitted = self.limiter.admits(self.caller(scope))
        except StoreError as error:
            LOG.error("%s", error)
            return 503, "Nobody can be let in now; try again in a minute."
        return None if is_admitted else (429, "Too many requests; wait a minute.")

    def caller(self, scope: Scope) -> str:
        """Return whose request it is: the address that it came from, or who the proxy says."""
        if self.settings.trusted_header is None:
            return _address(scope)
        return Headers(scope=scope).get(self.settings.trusted_header, "")

    async def body(self, scope: Scope, receive: Receive, held: AsyncExitStack) -> bytes | tuple[int, str]:
        """Read the body whole, unless it is too large or comes too slowly; a large one waits for its place first."""
        largest = self.settings.largest_file if scope["path"].startswith(WITH_FILES) else self.settings.largest_form
        too_large = (413, f"That is more than the {largest:,} bytes that are taken here. `charley report` takes any size.")
        stated = Headers(scope=scope).get("content-length", "0")
        if not stated.isascii() or not stated.isdigit():
            return 400, "Content-Length is not a number."
        if int(stated[:12]) > largest:
            return too_large
        parts: list[bytes] = []
        size, more, has_place, left = 0, True, False, self.settings.slowest_body
        while more:
            begun = monotonic()
            try:
                async with asyncio.timeout(left):
                    message = await receive()
            except TimeoutError:
                return 408, "The request came too slowly."
            left -= monotonic() - begun
            if message["type"] != "http.request":
                return 400, "The request broke off."
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > largest:
                return too_large
            more = message.get("more_body", False)
            if size > self.settings.largest_form and not has_place:
                try:
                    async with asyncio.timeout(self.settings.patience):
                        await held.enter_async_context(self.places.one(self.caller(scope)))
                except TimeoutError:
                    return 503, "Other files are being read; try again in a minute."
                has_place = True
        return b"".join(parts)


class Places:
    """Places for what takes much memory: so many in all, and fewer for one caller."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self.most_of_one = most_of_one
        self.all = asyncio.Semaphore(most)
        self.of_callers: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def one(self, caller: str) -> AsyncIterator[None]:
        """Wait for a place and hold it; a caller's own places first, so that nobody waits for a stranger's."""
        own, users = self.of_callers.get(caller, (asyncio.Semaphore(self.most_of_one), 0))
        self.of_callers[caller] = (own, users + 1)
        try:
            async with own, self.all:
                yield
        finally:
            own, users = self.of_callers.pop(caller)
            if users > 1:
                self.of_callers[caller] = (own, users - 1)


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


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
    if status in (429, 503):
        headers.append((b"retry-after", b"60"))
    if status in (400, 408, 413):
        # Where one request ends and the next begins is not known any more, or not waited for.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def outcome(status: int, message: str) -> dict[str, Any]:
    """Return an OperationOutcome (FHIR R4) for something that was refused."""
    codes = {404: "not-found", 403: "forbidden", 408: "timeout", 413: "too-long", 429: "throttled", 500: "exception"}
    return operation_outcome((message,), codes.get(status, "invalid"))
