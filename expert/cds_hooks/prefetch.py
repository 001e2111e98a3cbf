"""What a CDS Hooks service needs of a patient's record: asked for by prefetch templates, taken from a request, or fetched.

A key that is absent, or holds an OperationOutcome, was not satisfied: it is fetched, or the call cannot be answered (412). Null
says that there is nothing. A Bundle with further pages is read on where that may be; else what is there counts, and it is said
that there is more: what a record does not show is unknown in any case.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from expert.cds_hooks.outcome import CallRefused
from expert.cds_hooks.request import HookRequest
from facts.intake.fhir.files import resources_of
from facts.intake.fhir.shapes.resources import NOT_READ, Resource, patient_of
from facts.intake.fhir.shapes.values import bare_code, object_of, objects_of, reference_of, text_of
from facts.problems import Place, Problem
from facts.vocabulary import Finding, Vocabulary

Key: TypeAlias = Literal["patient", "encounter", "conditions", "medications", "observations"]
COMPLAINT_KEYS: tuple[Key, ...] = ("conditions", "encounter")
"""What has to be known before it can be said that a patient has no complaint."""

_LOINC = "http://loinc.org"
_ABSENT = object()


class FetchFailed(Exception):
    """Something could not be fetched; the text says why, without anything of a patient."""


class Fetch(Protocol):
    """Fetches from the FHIR server that a request names. Raises FetchFailed."""

    def __call__(self, server: str, token: str | None, query: str) -> Any:
        """Return the resource that a relative address, or that of a further page, leads to."""
        ...


def templates(vocabulary: Vocabulary) -> dict[Key, str]:
    """Return the prefetch template of each key: what every service here needs, in the subset that clients should support."""
    patient = "{{context.patientId}}"
    known: dict[Key, str] = {
        "patient": f"Patient/{patient}",
        "encounter": "Encounter/{{context.encounterId}}",
        "conditions": f"Condition?patient={patient}",
        "medications": f"MedicationRequest?patient={patient}",
    }
    codes = sorted({code for finding in vocabulary.findings.values() for code in _loinc(finding)})
    if codes:
        listed = ",".join(f"{_LOINC}|{code}" for code in codes)
        known["observations"] = f"Observation?patient={patient}&code={listed}&_sort=-date"
    return known


def _loinc(finding: Finding) -> Iterator[str]:
    for codes in (finding.codes, finding.panels, *finding.answer_codes.values()):
        yield from (entry.code for entry in codes.get("LOINC", []))


@dataclass
class PrefetchedRecord:
    """What is known of one patient's record while one request is answered."""

    request: HookRequest
    templates: Mapping[Key, str]
    fetch: Fetch | None
    resources: list[Resource] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    known: set[Key] = field(default_factory=set)
    incomplete: set[Key] = field(default_factory=set)
    failed: dict[Key, str] = field(default_factory=dict)

    def take_prefetched(self) -> None:
        """Take what came with the request; nothing is fetched. Raises CallRefused (400) for what is not what was asked for."""
        for key in self.templates:
            value = self.request.prefetch.get(key, _ABSENT)
            if value is _ABSENT:
                self.failed[key] = "it was not prefetched"
            elif value is None:
                self.known.add(key)
            else:
                self.take(key, value, f"prefetch.{key}")

    def take(self, key: Key, value: Any, shown: str) -> None:
        """Take the answer to one template. Raises CallRefused (400) when it is none."""
        kind = object_of(value).get("resourceType")
        expected = self.templates[key].split("?")[0].split("/")[0] if "?" not in self.templates[key] else "Bundle"
        if kind == "OperationOutcome" or (kind == "Bundle" and _holds_an_error(value)):
            self.failed[key] = "it holds an OperationOutcome instead of data"
            return
        if kind != expected:
            raise CallRefused(400, "structure", f"{shown}: expected a {expected}")
        for found in resources_of(value, Place(shown)):
            if isinstance(found, Problem):
                raise CallRefused(400, "structure", f"{found.place}: {found.message}")
            self._keep(found, shown)
        self.known.add(key)
        self.failed.pop(key, None)
        if kind == "Bundle":
            self._read_on(key, value, shown)

    def _is_about_the_patient(self, resource: Resource, shown: str) -> None:
        try:
            about = patient_of(resource.value)
        except ValueError:
            about = ""
        if about is not None and about.rpartition("/")[2].rpartition(":")[2] != self.request.patient:
            raise CallRefused(400, "business-rule", f"{shown}: a resource in it is not about the patient of context.patientId")

    def _read_on(self, key: Key, bundle: Any, shown: str) -> None:
        following = _next_page(bundle)
        if following is None:
            return
        try:
            if following:
                for page in self._pages(following):
                    self._take_page(key, page, shown)
                return
        except FetchFailed:
            pass
        self.incomplete.add(key)
        self.notes.append(f"Only a part of the patient's {key} was sent, and the rest could not be fetched.")

    def _pages(self, following: str) -> Iterator[Any]:
        while following:
            page = self._fetch(following)
            yield page
            following = _next_page(page) or ""

    def _take_page(self, key: Key, page: Any, shown: str) -> None:
        if object_of(page).get("resourceType") != "Bundle" or _holds_an_error(page):
            raise FetchFailed("a page is no Bundle")
        for found in resources_of(page, Place(shown)):
            if isinstance(found, Problem):
                raise FetchFailed("a page cannot be read")
            self._keep(found, shown)

    def _keep(self, found: Resource, shown: str) -> None:
        if release := NOT_READ.get(found.kind):
            self.notes.append(f"Not read: a {found.kind}, which is a resource of {release}.")
            return
        if found.kind not in ("Medication", "OperationOutcome"):
            self._is_about_the_patient(found, shown)
        self.resources.append(found)

    def _fetch(self, query: str) -> Any:
        if self.fetch is None or self.request.server is None:
            raise FetchFailed("this service may not fetch from the FHIR server of the request")
        return self.fetch(self.request.server, self.request.token, query)

    def need(self, keys: Sequence[Key]) -> None:
        """Make sure of some keys: fetch what is not there yet. Raises CallRefused (412) with everything that cannot be had."""
        missing: list[str] = []
        for key in keys:
            if key not in self.templates or key in self.known or (key == "encounter" and self.request.encounter is None):
                continue
            try:
                self.take(key, self._fetch(self._query(key)), f"what was fetched as {key}")
                if key in self.failed:
                    raise FetchFailed(self.failed[key])
            except FetchFailed as error:
                missing.append(f"prefetch.{key} is needed: {self.failed[key]}, and fetching it failed: {error}")
        if missing:
            raise CallRefused(412, "processing", *missing)

    def _query(self, key: Key) -> str:
        filled = self.templates[key].replace("{{context.patientId}}", self.request.patient)
        return filled.replace("{{context.encounterId}}", self.request.encounter or "")

    def medication(self, reference: str) -> Mapping[str, Any] | None:
        """Find a Medication that stands in the record or beside the draft orders."""
        for resource in self.resources:
            if resource.kind == "Medication" and resource.name == reference:
                return resource.value
        for beside in self.request.beside:
            if f"Medication/{text_of(beside.get('id'))}" == reference:
                return beside
        return None

    def need_medications_of(self, drafts: Sequence[Mapping[str, Any]]) -> None:
        """Make sure that every draft order names its medicine. Raises CallRefused (412) when one cannot be had."""
        for draft in drafts:
            reference = reference_of(draft.get("medicationReference"))
            named = object_of(draft.get("medicationReference")).get("display") or draft.get("medicationCodeableConcept")
            if not reference.startswith("Medication/") or named or self.medication(reference):
                continue
            try:
                found = self._fetch(reference)
            except FetchFailed as error:
                told = (
                    f"context.draftOrders: an order refers to a Medication that was not sent, and fetching it failed: {error}"
                )
                raise CallRefused(412, "processing", told) from None
            self.resources.append(Resource({**object_of(found), "id": reference.partition("/")[2]}, Place("fetched")))


def _holds_an_error(bundle: Any) -> bool:
    for entry in objects_of(object_of(bundle).get("entry")):
        resource = object_of(entry.get("resource"))
        if resource.get("resourceType") == "OperationOutcome" and any(
            bare_code(issue.get("severity")) in ("fatal", "error") for issue in objects_of(resource.get("issue"))
        ):
            return True
    return False


def _next_page(bundle: Any) -> str | None:
    """Return the address of the next page; "" for one that is no text, None where there is none."""
    for link in objects_of(object_of(bundle).get("link")):
        if link.get("relation") == "next":
            address = link.get("url")
            return address if isinstance(address, str) else ""
    return None
