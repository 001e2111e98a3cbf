"""The OpenAPI 3.1 description of the service, for whoever tests or watches it. The pages are HTML; programs use other doors."""

from typing import Any

from expert import __version__
from expert.cds_hooks.routes import PATH as HOOKS
from expert.web.settings import Settings

_TEXT = {"type": "string"}
_SESSION = {"name": "session", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}
_CSRF = {"type": "string", "description": "The token of the page that holds the form."}
_AFTER = {"type": "string", "description": "How many events the log had when the page was shown."}


def description(settings: Settings, *, with_hooks: bool = True) -> dict[str, Any]:
    """Describe the service as these settings run it, with or without the CDS Hooks services."""
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
                (200, 400, 403, 413, 422, 503),
                form={"text": _TEXT, "file": {"type": "string", "format": "binary"}, "content": _TEXT, "place": _TEXT},
                media="multipart/form-data",
            ),
        },
        "/handbook": {
            "get": _operation(
                "The chapters of the knowledge base, what was searched in it, or all of it",
                (200, 303),
                parameters=[
                    {"name": "words", "in": "query", "schema": _TEXT},
                    {"name": "all", "in": "query", "schema": _TEXT},
                ],
            )
        },
        "/handbook/{name}": {
            "parameters": [{"name": "name", "in": "path", "required": True, "schema": _TEXT}],
            "get": _operation("A cause, a warning sign or a next step", (200, 303, 404)),
        },
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
        "/healthz": {
            "get": {
                "summary": "Whether the service works; nothing of a patient",
                "security": [],
                "responses": {
                    "200": {"description": "It does", "content": {"application/json": {}}},
                    "503": {"description": "Its store cannot be used", "content": {"application/json": {}}},
                    **_refusals((429,)),
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
    if with_hooks:
        paths |= _hooks()
    return {
        "openapi": "3.1.0",
        "info": {"title": "Charley", "version": __version__},
        "paths": paths,
        "components": {
            "securitySchemes": {
                "cookie": {"type": "apiKey", "in": "cookie", "name": cookie},
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            }
        },
        "security": [{"cookie": []}],
    }


def _hooks() -> dict[str, Any]:
    """Describe what clinical systems call, in the words of CDS Hooks 2.0."""
    name = {"name": "id", "in": "path", "required": True, "schema": _TEXT}
    call = {
        "type": "object",
        "properties": {
            "hook": _TEXT,
            "hookInstance": {"type": "string", "format": "uuid"},
            "fhirServer": {"type": "string", "format": "uri"},
            "fhirAuthorization": {"type": "object"},
            "context": {"type": "object"},
            "prefetch": {"type": "object"},
        },
        "required": ["hook", "hookInstance", "context"],
    }
    told = {"type": "object", "properties": {"feedback": {"type": "array", "minItems": 1, "items": {"type": "object"}}}}
    return {
        HOOKS: {"get": _program("Discovery: the services and what they prefetch"), "options": _preflight()},
        HOOKS + "/{id}": {
            "parameters": [name],
            "post": _program("Call a service; it answers with cards", call),
            "options": _preflight(),
        },
        HOOKS + "/{id}/feedback": {
            "parameters": [name],
            "post": _program("Tell what was done with cards", {**told, "required": ["feedback"]}),
            "options": _preflight(),
        },
        "/cds-reports/{key}": {
            "parameters": [{"name": "key", "in": "path", "required": True, "schema": _TEXT}],
            "get": {
                "summary": "The report behind a card; its address is the key to it",
                "security": [],
                "responses": {
                    "200": {"description": "The report", "content": {"text/html": {}}},
                    **dict.fromkeys(("400", "404", "413", "429", "500", "503"), _OUTCOME),
                },
            },
        },
    }


_CONTENT: dict[str, Any] = {"application/json": {}, "text/html": {}}
_OUTCOME: dict[str, Any] = {"description": "An OperationOutcome says why not", "content": _CONTENT}


def _preflight() -> dict[str, Any]:
    text: dict[str, Any] = {"content": {"text/plain": {}}}
    refused = {status: {**_OUTCOME, "content": {**_CONTENT, "text/plain": {}}} for status in ("400", "408", "413", "429")}
    allowed = {
        "200": {"description": "Whether a page of that origin may call", **text},
        "204": {"description": "Nothing was asked"},
    }
    return {"summary": "What a browser asks before it calls", "security": [], "responses": {**allowed, **refused}}


def _program(summary: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    refused = ("400", "404", "408", "412", "413", "415", "422", "429", "500", "503")
    operation: dict[str, Any] = {
        "summary": summary,
        "security": [{"token": []}, {}],
        "responses": {
            "200": {"description": "Done", "content": {"application/json": {}}},
            "401": {"description": "The token is missing or wrong"},
            **dict.fromkeys(refused, _OUTCOME),
        },
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


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
