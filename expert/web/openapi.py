"""The OpenAPI 3.1 description of the service, for whoever tests or watches it. The pages are HTML; programs use other doors."""

from typing import Any

from expert import __version__
from expert.web.settings import Settings

_TEXT = {"type": "string"}
_SESSION = {"name": "session", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}
_CSRF = {"type": "string", "description": "The token of the page that holds the form."}
_AFTER = {"type": "string", "description": "How many events the log had when the page was shown."}


def description(settings: Settings) -> dict[str, Any]:
    """Describe the service as these settings run it."""
    cookie = "__Host-charley" if settings.is_encrypted else "charley"
    paths: dict[str, Any] = {
        "/": {"get": _operation("Where consultations begin, and those that are kept", (200, 303))},
        "/sign-in": {
            "get": _operation("The form to sign in", (200, 303), is_open=True),
            "post": _operation(
                "Sign in",
                (303, 403, 404, 429, 503),
                is_open=True,
                form={"user": _TEXT, "password": _TEXT, "key": _TEXT, "next": _TEXT},
            ),
        },
        "/enter/{key}": {
            "get": _operation(
                "Sign in with the key in a link",
                (303, 403, 404),
                is_open=True,
                parameters=[{"name": "key", "in": "path", "required": True, "schema": _TEXT}],
            )
        },
        "/sign-out": {"post": _operation("Sign out", (303, 403), form={})},
        "/consultations": {
            "post": _operation("Begin a consultation", (303, 403, 422), form={"name": {"type": "string", "maxLength": 200}})
        },
        "/consultations/{session}": {
            "parameters": [_SESSION],
            "get": _operation("The page that comes next, or why none does", (200, 303, 404, 409)),
            "post": _operation(
                "Answer a page, or ask back (ask)",
                (200, 303, 400, 403, 404, 409, 422),
                form={"after": _AFTER, "ask": _TEXT, "about": _TEXT, "supposed": _TEXT, "value": _TEXT, "rest": _TEXT},
                more={"type": "string", "description": "answer.FINDING and unknown.FINDING, for each question of the page"},
            ),
        },
        "/consultations/{session}/undo": {
            "parameters": [_SESSION],
            "post": _operation("Take the last page back", (303, 403, 404, 409), form={"after": _AFTER}),
        },
        "/consultations/{session}/answers": {
            "parameters": [_SESSION],
            "get": _operation("Every answer that stands", (200, 303, 404, 409)),
            "post": _operation(
                "Change an answer", (303, 403, 404, 409, 422), form={"after": _AFTER, "finding": _TEXT, "value": _TEXT}
            ),
        },
        "/consultations/{session}/report": {
            "parameters": [_SESSION],
            "get": _operation("The explained report", (200, 303, 404, 409)),
        },
        "/case-files": {
            "get": _operation("Where a case file is dropped", (200, 303)),
            "post": _operation(
                "Assess a case file; nothing of it is kept",
                (200, 400, 403, 422, 503),
                form={"text": _TEXT, "file": {"type": "string", "format": "binary"}, "content": _TEXT, "place": _TEXT},
                media="multipart/form-data",
            ),
        },
        "/handbook": {"get": _operation("The whole knowledge base", (200, 303))},
        "/static/{name}": {
            "get": {
                "summary": "Style and script of the pages",
                "security": [],
                "parameters": [{"name": "name", "in": "path", "required": True, "schema": _TEXT}],
                "responses": {
                    "200": {"description": "The file", "content": {"text/css": {}, "text/javascript": {}}},
                    **_refusals((404, 429)),
                },
            }
        },
        "/openapi.json": {
            "get": {
                "summary": "This description",
                "security": [],
                "responses": {"200": {"description": "It", "content": {"application/json": {}}}, **_refusals((429,))},
            }
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Charley", "version": __version__},
        "paths": paths,
        "components": {"securitySchemes": {"cookie": {"type": "apiKey", "in": "cookie", "name": cookie}}},
        "security": [{"cookie": []}],
    }


def _operation(
    summary: str,
    statuses: tuple[int, ...],
    *,
    is_open: bool = False,
    form: dict[str, Any] | None = None,
    more: dict[str, Any] | None = None,
    media: str = "application/x-www-form-urlencoded",
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Describe an operation. What the guard and the sign-in may answer is added to its statuses."""
    always = (429, 503) if form is None else (400, 408, 413, 429, 503)
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": _refusals((*statuses, *always, *(() if is_open else (401,)))),
    }
    if is_open:
        operation["security"] = []
    if parameters:
        operation["parameters"] = parameters
    if form is not None:
        schema: dict[str, Any] = {"type": "object", "properties": {"csrf": _CSRF, **form}, "required": ["csrf"]}
        schema["additionalProperties"] = more if more is not None else False
        operation["requestBody"] = {"required": True, "content": {media: {"schema": schema}}}
    return operation


def _refusals(statuses: tuple[int, ...]) -> dict[str, Any]:
    told = {
        200: "The page",
        303: "Another page, or the form to sign in",
        400: "It cannot be read",
        401: "Nobody is signed in",
        403: "The form does not come from a page of this service, or the sign-in was refused",
        404: "There is none, or it is another clinician's",
        408: "It came too slowly",
        409: "The consultation went on elsewhere meanwhile",
        413: "It is too large",
        422: "What was answered cannot stand; the page says why",
        429: "Too many requests",
        503: "Consultations cannot be kept or read now",
    }
    return {
        str(status): {"description": told[status], **({} if status == 303 else {"content": {"text/html": {}}})}
        for status in sorted(set(statuses))
    }
