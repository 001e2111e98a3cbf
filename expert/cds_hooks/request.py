"""A CDS Hooks 2.0 request read and checked: what it is about, what came with it, and where more may be fetched.

Everything in a request is untrusted. What cannot be used is refused with a status, a kind of issue (FHIR R4 IssueType) and
words for whoever runs the clinical system; nothing of a patient stands in them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeGuard
from uuid import UUID

from expert.cds_hooks.outcome import CallRefused
from facts.intake.fhir.shapes.values import object_of, objects_of, text_of
from facts.nesting import DEEPEST_RECORD, is_deeper
from facts.problems import quoted
from knowledge_base.declarations import ServiceEntry

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
"""A FHIR id. Anything else never gets into an address."""
_LONGEST_ADDRESS = 2_000
_LONGEST_TOKEN = 16_384
_MOST_PARTS = 250_000
"""Values of a request, lists and objects. A record as large as a request may be has fewer; empty ones take gigabytes."""


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A call of a service. `prefetch` holds what the client sent under each key, which may be null or an OperationOutcome.

    `drafts` are the draft orders that count: all of them, or with order-select those that were selected. `extension` holds
    what the two sides agreed on beside the specification, and is not read.
    """

    hook: str
    instance: str
    patient: str
    encounter: str | None
    drafts: tuple[Mapping[str, Any], ...]
    beside: tuple[Mapping[str, Any], ...]
    """What else stands among the draft orders: the Medication that one of them refers to."""
    prefetch: Mapping[str, Any]
    server: str | None
    token: str | None


def read_request(body: bytes, service: ServiceEntry) -> HookRequest:
    """Read the body of a call. Raises CallRefused (400) with everything that is wrong with it."""
    return _Reading(parse(body), service).request()


def parse(body: bytes) -> Mapping[str, Any]:
    """Parse a JSON object; numbers stay the text that was written. Raises CallRefused (400)."""
    try:
        text = body.decode("utf-8-sig")
        if (parts := sum(map(text.count, ",[{"))) > _MOST_PARTS:
            raise CallRefused(413, "too-long", f"the request has about {parts:,} values, and {_MOST_PARTS:,} are taken")
        value = json.loads(text, parse_float=Number, parse_int=Number, parse_constant=Number, object_pairs_hook=_object)
        if is_deeper(value, DEEPEST_RECORD):
            raise RecursionError
        if "\\ud" in text.lower():
            # Half of a surrogate pair is no text, and could not be sent back.
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        _refuse(f"this is not JSON: {error.msg.lower()} (line {error.lineno}, column {error.colno})")
    except UnicodeError:
        _refuse("this is not UTF-8 text")
    except _TwiceError:
        _refuse("an object has one key twice, so that nobody knows which value is meant")
    except RecursionError:
        _refuse("it is nested too deep")
    if not isinstance(value, dict):
        _refuse("found no JSON object")
    return value


class Number(str):
    """A number as it was written, so that no decimal changes; the readers of FHIR take it for what it says."""

    __slots__ = ()


class _TwiceError(ValueError):
    pass


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and not isinstance(value, Number)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) < len(pairs):
        raise _TwiceError
    return built


def _refuse(message: str) -> NoReturn:
    raise CallRefused(400, "structure", message)


class _Reading:
    """One request on its way; gathers everything that is wrong, so that a client's author can fix it at once."""

    def __init__(self, value: Mapping[str, Any], service: ServiceEntry) -> None:
        self.value, self.service = value, service
        self.context = object_of(value.get("context"))
        self.wrong: list[str] = []

    def request(self) -> HookRequest:
        hook = self.hook()
        instance = self.instance()
        if not isinstance(self.value.get("context"), dict):
            self.wrong.append("context: expected an object; it is required")
        self.user()
        patient = self.id("patientId", "Patient", needed=True)
        encounter = self.id("encounterId", "Encounter", needed=hook == "encounter-start")
        drafts, beside = self.orders(hook) if hook in ("order-select", "order-sign") else ([], [])
        server, token = self.server()
        prefetch = self.value.get("prefetch")
        if prefetch is not None and not isinstance(prefetch, dict):
            self.wrong.append("prefetch: expected an object")
        if self.wrong:
            raise CallRefused(400, "structure", *self.wrong)
        return HookRequest(
            hook, instance, patient, encounter or None, tuple(drafts), tuple(beside), object_of(prefetch), server, token
        )

    def hook(self) -> str:
        hook = self.value.get("hook")
        if not _is_text(hook) or hook not in self.service.hooks:
            self.wrong.append(f"hook: found {quoted(hook)}, expected {' or '.join(self.service.hooks)} for this service")
            return ""
        return hook

    def instance(self) -> str:
        written = self.value.get("hookInstance")
        try:
            return str(UUID(written)) if _is_text(written) else self.no_uuid()
        except ValueError:
            return self.no_uuid()

    def no_uuid(self) -> str:
        self.wrong.append("hookInstance: expected a UUID; it is required")
        return ""

    def user(self) -> None:
        if self.context and not text_of(self.context.get("userId")):
            self.wrong.append("context.userId: expected Type/id; it is required")

    def id(self, key: str, kind: str, *, needed: bool) -> str:
        written = self.context.get(key)
        if written is None and not needed:
            return ""
        bare = written.removeprefix(f"{kind}/") if _is_text(written) else ""
        if not _ID.fullmatch(bare):
            if self.context:
                self.wrong.append(f"context.{key}: expected a FHIR id{'; it is required' if needed else ''}")
            return ""
        return bare

    def orders(self, hook: str) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
        bundle = self.context.get("draftOrders")
        if object_of(bundle).get("resourceType") != "Bundle":
            if self.context:
                self.wrong.append("context.draftOrders: expected a FHIR Bundle; it is required")
            return [], []
        resources = list(_entries(bundle))
        drafts = [resource for resource in resources if resource.get("resourceType") == "MedicationRequest"]
        beside = [resource for resource in resources if resource.get("resourceType") == "Medication"]
        if hook == "order-select":
            selections = self.context.get("selections")
            if not isinstance(selections, list) or not all(isinstance(chosen, str) for chosen in selections):
                self.wrong.append("context.selections: expected a list of Type/id; it is required")
                return [], []
            names = {chosen.rpartition("/")[2] for chosen in selections}
            drafts = [draft for draft in drafts if draft.get("id") in names]
        return drafts, beside

    def server(self) -> tuple[str | None, str | None]:
        server, authorization = self.value.get("fhirServer"), self.value.get("fhirAuthorization")
        if server is not None and (not _is_text(server) or len(server) > _LONGEST_ADDRESS):
            self.wrong.append("fhirServer: expected an address")
            return None, None
        token = object_of(authorization).get("access_token")
        if authorization is None:
            return server, None
        if server is None:
            self.wrong.append("fhirServer: it is required where fhirAuthorization is given")
        if not isinstance(token, str) or not 0 < len(token) <= _LONGEST_TOKEN or not token.isascii() or not token.isprintable():
            self.wrong.append("fhirAuthorization.access_token: expected a token; it is required")
            return server, None
        if str(object_of(authorization).get("token_type", "")).lower() != "bearer":
            self.wrong.append("fhirAuthorization.token_type: expected Bearer; it is required")
        return server, token


def _entries(bundle: Any) -> Iterator[Mapping[str, Any]]:
    for entry in objects_of(object_of(bundle).get("entry")):
        yield object_of(entry.get("resource"))
