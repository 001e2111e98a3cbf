"""What is answered where a request is not done as asked: a page for people, an OperationOutcome for programs."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from expert.cds_hooks.routes import PATH as HOOKS
from expert.failure_log import LOG
from expert.private_sqlite import StoreError
from expert.web.access.security import outcome
from expert.web.lane import LaneFull
from expert.web.service import Refused
from reports.pages import render_page


def _refused(request: Request, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    if request.url.path.startswith(HOOKS):
        return JSONResponse(outcome(status, message), status, headers)
    text = render_page("refused.html.j2", status=status, heading=HTTPStatus(status).phrase, message=message)
    return Response(text, status, headers, "text/html")


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what Starlette registered it for
    message = {404: "There is no such page.", 405: "That cannot be done here."}.get(error.status_code, "It cannot be read.")
    return _refused(request, error.status_code, message, error.headers)


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - what Starlette registered it for
    return _refused(request, error.status, error.message)


async def _lane_full(request: Request, _: Exception) -> Response:
    return _refused(request, 503, "Many others ask for the same; try again in a minute.", {"retry-after": "60"})


async def _store_problem(request: Request, error: Exception) -> Response:
    # The text names a path and a reason, never an answer; whoever runs the service needs it, whoever visits does not.
    LOG.error("%s", error)
    return _refused(request, 503, "Consultations cannot be kept or read now; nothing was recorded. Try again in a minute.")


HANDLERS: Mapping[Any, Any] = {
    HTTPException: _http_problem,
    Refused: _refusal,
    StoreError: _store_problem,
    LaneFull: _lane_full,
}
