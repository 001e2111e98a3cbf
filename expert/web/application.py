"""The application: which address leads to which page, and what every visit passes on its way there.

A visit is signed in, and what it posts carries the token of the page it came from, before any page sees it. Pages are plain
functions, run in threads beside each other; what they share holds nothing of a patient.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from expert.cds_hooks.clients import HookSettings, read_clients
from expert.cds_hooks.routes import HookService, routes
from expert.consultation.moments import Consultation
from expert.web.access import audit
from expert.web.access.security import HEALTH, Guard
from expert.web.access.sign_in import Identity, new_cookie
from expert.web.access.users import UserError
from expert.web.lane import Lane
from expert.web.languages import Languages
from expert.web.openapi import description
from expert.web.pages import case_files as case_pages
from expert.web.pages import changing, consulting, health
from expert.web.pages import signing_in as entering
from expert.web.refusals import HANDLERS
from expert.web.service import Refused, Service, Visit, opened
from expert.web.settings import Settings
from reports.pages import stylesheet

Page: TypeAlias = Callable[[Visit], Response]
Entrance: TypeAlias = Callable[[Visit], tuple[Response, Identity | None]]
Result = TypeVar("Result")
Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

_MOST_FIELDS = 400
# Python reasons in one thread at a time: pages in turn are each done sooner than pages that take the turn from each other.
# A few may begin, because one that waits for the disk lets others go on.
_PAGES_BEGUN = 4
_IN_TURN: RunVar[CapacityLimiter] = RunVar("pages in turn")
_FILES = {"htmx.min.js": "text/javascript", "icon.svg": "image/svg+xml"}
_AN_HOUR = {"cache-control": "public, max-age=3600"}


def create_application(settings: Settings, consultation: Consultation) -> Starlette:
    """Make the application.

    Raises StoreError, UserError or CharleyError when the store, the file of users or that of clients cannot be used.
    """
    service = opened(settings, consultation)
    # What cannot be parsed is refused in words; the parser would log parts of it too.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    doors = _Doors(service)
    pages: list[BaseRoute] = [
        Route("/", doors.page(consulting.home)),
        Route("/sign-in", doors.open_page(entering.sign_in_page), methods=["GET"]),
        Route("/sign-in", doors.entrance(entering.sign_in, service.passwords), methods=["POST"]),
        Route("/enter/{key}", doors.entrance(entering.enter), methods=["GET"]),
        Route("/sign-out", doors.exit(entering.sign_out), methods=["POST"]),
        Route("/consultations", doors.page(consulting.begin), methods=["POST"]),
        Route("/consultations/{session}", doors.page(consulting.show), methods=["GET"]),
        Route("/consultations/{session}", doors.page(consulting.answer), methods=["POST"]),
        Route("/consultations/{session}/undo", doors.page(consulting.undo), methods=["POST"]),
        Route("/consultations/{session}/answers", doors.page(changing.answers), methods=["GET"]),
        Route("/consultations/{session}/answers", doors.page(changing.change), methods=["POST"]),
        Route("/consultations/{session}/report", doors.page(consulting.report), methods=["GET"]),
        Route("/case-files", doors.page(case_pages.case_files), methods=["GET"]),
        Route("/case-files", doors.page(case_pages.assess, service.files), methods=["POST"]),
        Route("/handbook", doors.page(case_pages.handbook), methods=["GET"]),
        Route("/handbook/{name}", doors.page(case_pages.handbook_entry_page), methods=["GET"]),
        Route(HEALTH, doors.plain(health.health), methods=["GET"]),
        Route("/static/{name}", _static),
        Route("/openapi.json", _openapi),
    ]
    # What programs ask. They show who they are by a token and not by a cookie, and the same guard is around it.
    try:
        hooks = _hooks(service)
    except BaseException:
        service.close()
        raise
    programs = routes(hooks) if hooks else []
    application = Starlette(
        routes=[*pages, *programs],
        middleware=[Middleware(Guard, settings=settings, shared=service.shared)],
        lifespan=_lifespan,
        exception_handlers=HANDLERS,
    )
    application.router.redirect_slashes = False
    application.state.service, application.state.hooks = service, hooks
    return application


def _hooks(service: Service) -> HookService | None:
    """Make the CDS Hooks services; None where the knowledge base declares none.

    Without a file of clients anybody on this machine may call; from elsewhere, also through a proxy, nobody. Raises
    StoreError, or CharleyError for the file of clients.
    """
    settings = service.settings
    if service.knowledge.decision_support is None:
        return None
    clients, origins = (None, ()) if settings.clients is None else read_clients(settings.clients)
    if clients is None and not (settings.is_local and settings.trusted_header is None):
        clients = ()
    feedback = settings.feedback or settings.store.with_name("feedback.sqlite")
    chosen = HookSettings(settings.base, feedback, clients, origins)

    def record(who: str, did: str, detail: str) -> None:
        audit.record(service.store, service.now(), who, did, detail=detail)

    return HookService(chosen, service.consultation.assessor, record=record)


@asynccontextmanager
async def _lifespan(application: Starlette) -> AsyncIterator[None]:
    yield
    if application.state.hooks is not None:
        application.state.hooks.close()
    application.state.service.close()


class _Doors:
    """Makes endpoints of pages: reads who visits and what was posted, and checks both."""

    def __init__(self, service: Service) -> None:
        self.service, self.settings = service, service.settings
        self.languages = Languages(service)
        # The prefix makes browsers refuse the cookie unless it came through TLS from this very host.
        self.cookie_name = "__Host-charley" if self.settings.is_encrypted else "charley"

    def plain(self, page: Callable[[Service], Response]) -> Endpoint:
        """What is the same for anybody, and needs no visit."""

        async def endpoint(_: Request) -> Response:
            return await self.run(partial(page, self.service))

        return endpoint

    def page(self, page: Page, lane: Lane | None = None) -> Endpoint:
        """A page for whoever is signed in; in a lane of its own where it takes long."""

        async def endpoint(request: Request) -> Response:
            visit, cookie = await self.visit(request)
            if visit.who is None:
                return self.to_sign_in(request, visit)
            work = self.languages.work(page, visit, request.headers)
            return self.with_cookie(await (lane.run if lane else self.run)(work), request, cookie)

        return endpoint

    def open_page(self, page: Page) -> Endpoint:
        """A page for anybody."""

        async def endpoint(request: Request) -> Response:
            visit, cookie = await self.visit(request)
            return self.with_cookie(await self.run(self.languages.work(page, visit, request.headers)), request, cookie)

        return endpoint

    def entrance(self, page: Entrance, lane: Lane | None = None) -> Endpoint:
        """A page that signs somebody in."""

        async def endpoint(request: Request) -> Response:
            visit, cookie = await self.visit(request)
            response, identity = await (lane.run if lane else self.run)(self.languages.work(page, visit, request.headers))
            if identity is None:
                return self.with_cookie(response, request, cookie)
            self.service.sign_ins.end(cookie)
            return self.with_cookie(response, request, self.service.sign_ins.begin(identity))

        return endpoint

    def exit(self, page: Page) -> Endpoint:
        """The page that signs out."""

        async def endpoint(request: Request) -> Response:
            visit, cookie = await self.visit(request)
            if visit.who is None:
                return self.to_sign_in(request, visit)
            response = await self.run(partial(page, visit))
            self.service.sign_ins.end(cookie)
            response.delete_cookie(self.cookie_name, path="/", secure=self.settings.is_encrypted, httponly=True, samesite="lax")
            return response

        return endpoint

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do something in a thread, in turn."""
        try:
            in_turn = _IN_TURN.get()
        except LookupError:
            _IN_TURN.set(in_turn := CapacityLimiter(_PAGES_BEGUN))
        return await to_thread.run_sync(work, limiter=in_turn)

    async def visit(self, request: Request) -> tuple[Visit, str]:
        """Read a visit and its cookie. Raises Refused when what is posted does not come from a page of this service."""
        cookie = request.cookies.get(self.cookie_name, "") or new_cookie()
        who = self.who(request, cookie)
        # Of somebody who is not signed in nothing is read, unless it is to sign in.
        is_read = request.method == "POST" and (who is not None or request.url.path == "/sign-in")
        form, files = await _posted(request, self.settings) if is_read else ({}, {})
        visit = Visit(
            service=self.service,
            who=who,
            csrf=self.service.sign_ins.token(cookie, who),
            caller=request.client.host if request.client else "",
            path=dict(request.path_params),
            query=dict(request.query_params),
            form=form,
            files=files,
            wants_part=request.headers.get("hx-request") == "true",
        )
        if is_read and not self.service.sign_ins.is_token(form.get("csrf", ""), cookie, who):
            raise Refused(403, "This form is too old, or came from elsewhere. Go back, load the page anew and try again.")
        return visit, cookie

    def who(self, request: Request, cookie: str) -> str | None:
        """Tell who visits; None for somebody who has to sign in."""
        if self.settings.trusted_header is not None:
            # The guard lets nobody but the proxy come so far.
            return request.headers.get(self.settings.trusted_header, "").strip()[:200] or None
        identity = self.service.sign_ins.who(cookie)
        if identity is None:
            return None
        if self.service.users is not None:
            try:
                # Whoever was removed, or has another password since, has to sign in anew.
                return identity.who if self.service.users.mark(identity.who) == identity.mark else None
            except UserError:
                raise Refused(503, "The file of users cannot be read now; whoever runs this service has to fix it.") from None
        return identity.who

    def to_sign_in(self, request: Request, visit: Visit) -> Response:
        """Send somebody to sign in, and after that back to the page that was asked for."""
        if self.settings.sign_in == "proxy":
            raise Refused(401, "The proxy before this service did not say who asks.")
        if request.method not in ("GET", "HEAD"):
            if visit.wants_part:
                return PlainTextResponse("Sign in first.", 401, {"hx-redirect": "/sign-in"})
            raise Refused(401, "Sign in first; what was sent is not recorded.")
        return RedirectResponse(f"/sign-in?next={entering.own_path(request.url.path)}", 303)

    def with_cookie(self, response: Response, request: Request, cookie: str) -> Response:
        """Return the browser its cookie, if it has not got it."""
        if request.cookies.get(self.cookie_name) != cookie:
            response.set_cookie(
                self.cookie_name, cookie, path="/", secure=self.settings.is_encrypted, httponly=True, samesite="lax"
            )
        return response


async def _posted(request: Request, settings: Settings) -> tuple[Mapping[str, str], Mapping[str, tuple[str, bytes]]]:
    """Read what was posted: fields, and files with their names. A field that was given twice counts once, as the last."""
    form: dict[str, str] = {}
    files: dict[str, tuple[str, bytes]] = {}
    async with request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=settings.largest_file) as fields:
        for name, value in fields.multi_items():
            if isinstance(value, UploadFile):
                files[name] = (value.filename or "", await value.read())
            else:
                form[name] = value
    return form, files


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name in ("pages.css", "handbook.css"):
        return Response(stylesheet(name), media_type="text/css", headers=_AN_HOUR)
    if name in _FILES:
        return FileResponse(Path(__file__).parent / "static" / name, media_type=_FILES[name], headers=_AN_HOUR)
    raise Refused(404, "There is no such file.")


async def _openapi(request: Request) -> Response:
    state = request.app.state
    return JSONResponse(description(state.service.settings, with_hooks=state.hooks is not None))
