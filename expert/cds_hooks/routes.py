"""CDS Hooks 2.0 over HTTP: discovery, the services, feedback, and the reports that cards link to.

Every refusal is an OperationOutcome; an error is never an empty list of cards. A token that is missing or wrong is answered
with a bare 401. Nothing of a request is logged but the kind of an error and where in the program it was.
"""

import hashlib
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeAlias

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from expert.cds_hooks.clients import HookSettings
from expert.cds_hooks.feedback import FeedbackStore, Issued, QuotaFull
from expert.cds_hooks.feedback_reading import read_feedback
from expert.cds_hooks.fetching import FhirFetch, new_client
from expert.cds_hooks.outcome import CallRefused, outcome
from expert.cds_hooks.request import read_request
from expert.cds_hooks.service import Addresses, Answer, CdsService
from expert.cds_hooks.tokens import TokenChecker, TokenRefused, TrustedClient, fetch_key_set
from expert.failure_log import LOG, describe_failure
from expert.inference.assessing import Assessor
from expert.private_sqlite import StoreError
from reports.formats import HTML

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

PATH = "/cds-services"
"""Below this, programs ask and not browsers: whatever is refused there is an OperationOutcome."""
_ANYBODY = TrustedClient("")
_CALLS_THAT_FETCH = 8
_LOOK_UPS = 4
_ALLOWED_HEADERS = ("Content-Type", "Authorization")
_EXPOSED_HEADERS = ("Origin", "Accept", "Content-Location", "Location", "X-Requested-With")
_NO_STORE = {"cache-control": "no-store"}


class HookService:
    """What the routes share: the services, the store of feedback, who may call, and the client that fetches."""

    def __init__(
        self,
        settings: HookSettings,
        assessor: Assessor,
        *,
        fetch_keys: Callable[[str], bytes] = fetch_key_set,
        record: Callable[[str, str, str], None] = lambda who, did, detail: None,
    ) -> None:
        """`record` is told who did what with which service before it is done.

        Raises StoreError for a store that cannot be used, ValueError for a knowledge base without services.
        """
        self.settings, self.record = settings, record
        self.services = CdsService(assessor)
        self.store = FeedbackStore(settings.store, quotas=settings.quotas)
        self.addresses = Addresses(settings.base, self.store.report_key)
        # Beside the cards, where every worker of the service finds it and a restart does not lose it.
        seen = self.store.is_new_token
        self.checker = None if settings.clients is None else TokenChecker(settings.clients, fetch_keys, seen)
        self.discovery = self.services.discovery()
        self.http = new_client()

    @property
    def may_fetch(self) -> bool:
        """Return whether a call may have to wait for a FHIR server."""
        return bool(self.settings.open_fhir_servers) or any(client.fhir_servers for client in self.settings.clients or ())

    def close(self) -> None:
        """Let go of the store and of connections."""
        self.store.close()
        self.http.close()

    def client(self, header: str | None, path: str) -> TrustedClient:
        """Return who calls a path. Raises TokenRefused."""
        return _ANYBODY if self.checker is None else self.checker.check(header, f"{self.settings.base}{path}")

    def call(self, name: str, body: bytes, client: TrustedClient) -> dict[str, Any]:
        """Answer a call of a service. Raises CallRefused."""
        request = read_request(body, self.services.support.services[name])
        self.record(client.issuer, "called a CDS Hooks service", name)
        allowed = self.settings.open_fhir_servers if self.checker is None else client.fhir_servers
        fetch = FhirFetch(allowed, self.http) if allowed else None
        # It is still yesterday in some places, and a death of today is dated by their clocks: the latest day there is counts.
        today = (datetime.now(UTC) + timedelta(hours=14)).date()
        answers = self.services.answers(name, request, self.addresses, fetch, today)
        if answers:
            self.store.keep_issued([self._issue(name, client, answer) for answer in answers])
        return {"cards": [dict(answer.card.content) for answer in answers]}

    def _issue(self, name: str, client: TrustedClient, answer: Answer) -> tuple[Issued, str, str]:
        card, knowledge = answer.card, self.services.knowledge.hash
        issued = Issued(card.uuid, name, client.issuer, knowledge, card.content["indicator"], card.rules, card.suggestions)
        return issued, answer.key, HTML.render_view(answer.report)

    def feedback(self, name: str, body: bytes, client: TrustedClient) -> None:
        """Keep what was done with cards. Raises CallRefused; what is about cards that were sent is kept all the same."""
        entries = read_feedback(body)
        self.record(client.issuer, "told what was done with cards", name)
        missed = self.store.record(name, client.issuer, entries)
        texts = [f"feedback[{place}]: this service sent you no such card or suggestion" for place in missed.unknown]
        texts += [f"feedback[{place}]: of this card as much is kept as may be" for place in missed.full]
        if texts:
            kind = (404, "not-found") if missed.unknown else (429, "throttled")
            raise CallRefused(*kind, *texts, "everything else in this request was kept")

    def report(self, key: str) -> str | None:
        """Return the report that a card linked to, None when there is none any more."""
        content = self.store.report(key)
        if content is not None:
            # The key opens the report, so the trail has a mark of it and not itself.
            self.record("", "read the report of a card", hashlib.sha256(key.encode()).hexdigest()[:12])
        return content


def routes(service: HookService) -> list[BaseRoute]:
    """Return the routes, for an application of their own or beside the pages of the consultation."""

    # Python reasons in one thread at a time: calls in turn are each done sooner than calls that take the turn from each other.
    # Only where a call may have to wait for a FHIR server do others go on beside it.
    one_by_one = CapacityLimiter(_CALLS_THAT_FETCH if service.may_fetch else 1)

    # Whoever asks may have to be looked up at another server; the threads of the pages do not wait for that.
    by_token = CapacityLimiter(_LOOK_UPS)

    async def discovery(request: Request) -> Response:
        await _admit(service, request, by_token)
        return JSONResponse(service.discovery, headers=_NO_STORE)

    async def call(request: Request) -> Response:
        name, client, body = await _read_call(service, request, by_token)
        answer = await to_thread.run_sync(service.call, name, body, client, limiter=one_by_one)
        return JSONResponse(answer, headers=_NO_STORE)

    async def feedback(request: Request) -> Response:
        name, client, body = await _read_call(service, request, by_token)
        await run_in_threadpool(service.feedback, name, body, client)
        return JSONResponse({}, headers=_NO_STORE)

    async def report(request: Request) -> Response:
        content = await run_in_threadpool(service.report, request.path_params["key"])
        if content is None:
            raise CallRefused(404, "not-found", "there is no such report; reports are kept for a day")
        return Response(content, media_type=HTML.media_type, headers={**_NO_STORE, **_report_headers(content)})

    shared = Middleware(
        CORSMiddleware,
        allow_origins=service.settings.origins,
        allow_methods=("GET", "POST", "OPTIONS"),
        allow_headers=_ALLOWED_HEADERS,
        allow_credentials=bool(service.settings.origins),
        expose_headers=_EXPOSED_HEADERS,
    )
    return [
        Route(PATH, _answering(discovery), methods=["GET", "OPTIONS"], middleware=[shared]),
        Route(f"{PATH}/{{id}}", _answering(call), methods=["POST", "OPTIONS"], middleware=[shared]),
        Route(f"{PATH}/{{id}}/feedback", _answering(feedback), methods=["POST", "OPTIONS"], middleware=[shared]),
        Route("/cds-reports/{key}", _answering(report), methods=["GET"]),
    ]


def hooks_application(service: HookService) -> Starlette:
    """Make an application of the CDS Hooks services alone."""

    async def not_here(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - what Starlette registered it for
        meant = {404: "there is nothing at this address", 405: "this method is not for this address"}
        content = outcome((meant.get(error.status_code, "the request cannot be read"),), "not-supported")
        return JSONResponse(content, error.status_code, headers=error.headers)

    application = Starlette(routes=routes(service), exception_handlers={HTTPException: not_here})
    application.router.redirect_slashes = False
    return application


async def _admit(service: HookService, request: Request, by_token: CapacityLimiter) -> TrustedClient:
    if service.checker is None:
        # Nothing is looked up, so no thread is needed.
        return service.client(None, request.url.path)
    return await to_thread.run_sync(service.client, request.headers.get("authorization"), request.url.path, limiter=by_token)


async def _read_call(service: HookService, request: Request, by_token: CapacityLimiter) -> tuple[str, TrustedClient, bytes]:
    """Return the service that is called, who calls, and the body. Raises CallRefused or TokenRefused."""
    client = await _admit(service, request, by_token)
    name = request.path_params["id"]
    if name not in service.services.support.services:
        raise CallRefused(404, "not-found", f"there is no such service; GET {PATH} lists them")
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in ("application/json", "application/fhir+json"):
        raise CallRefused(415, "not-supported", "expected Content-Type: application/json")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > service.settings.largest_request:
            raise CallRefused(413, "too-long", f"the request is longer than {service.settings.largest_request:,} bytes")
    return name, client, bytes(body)


def _answering(endpoint: Endpoint) -> Endpoint:
    """Let an endpoint answer every error as the specification says, and tell nobody more than it may know."""

    async def answering(request: Request) -> Response:
        if request.method == "OPTIONS":
            # What is asked before a call from another origin was answered already; this is no call.
            return Response(status_code=204, headers=_NO_STORE)
        try:
            return await endpoint(request)
        except TokenRefused:
            return Response(status_code=401, headers={**_NO_STORE, "www-authenticate": "Bearer"})
        except CallRefused as error:
            return JSONResponse(outcome(error.diagnostics, error.code), error.status, headers=_NO_STORE)
        except ClientDisconnect:
            return JSONResponse(outcome(("the request broke off",), "structure"), 400, headers=_NO_STORE)
        except QuotaFull as error:
            LOG.error("%s", error)
            full = outcome(("no more cards are kept, so none is sent; tell whoever runs this service",), "throttled")
            return JSONResponse(full, 503, headers=_NO_STORE)
        except StoreError as error:
            LOG.error("%s", error)
            return JSONResponse(outcome(("the store cannot be used now; try again",), "no-store"), 503, headers=_NO_STORE)
        except Exception as error:
            # The text of an error may quote what a record says; its kind and place do not.
            LOG.error("%s", describe_failure(error))
            return JSONResponse(outcome(("Charley made a mistake here",), "exception"), 500, headers=_NO_STORE)

    return answering


# Reports


def _report_headers(content: str) -> Mapping[str, str]:
    style = content.partition("<style>")[2].partition("</style>")[0]
    return {
        "content-security-policy": f"default-src 'none'; style-src '{_hash(style)}'; base-uri 'none'; frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-robots-tag": "noindex",
    }


@cache
def _hash(style: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(style.encode()).digest()).decode()}"
