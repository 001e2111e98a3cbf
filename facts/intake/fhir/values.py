"""The small parts of FHIR R4 resources (codings, dates, references), read so that no wrong type ever raises.

Plain getters rather than a model: a record is written by many hands, and one field that is wrong must not cost the others.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from facts.problems import quoted

_LONGEST_TEXT = 200

# How FHIR names the terminologies that a vocabulary names; the identifiers are those of the HL7 registry.
SYSTEMS = {
    "http://loinc.org": "LOINC",
    "urn:oid:2.16.840.1.113883.6.1": "LOINC",
    "http://snomed.info/sct": "SNOMED CT",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED CT",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "urn:oid:2.16.840.1.113883.6.90": "ICD-10-CM",
    "http://human-phenotype-ontology.org": "HPO",
    "http://purl.obolibrary.org/obo/hp.owl": "HPO",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "urn:oid:2.16.840.1.113883.6.88": "RxNorm",
    "http://www.whocc.no/atc": "ATC",
    "urn:oid:2.16.840.1.113883.6.73": "ATC",
    "http://terminology.hl7.org/codesystem/v3-observationinterpretation": "HL7 interpretation",
    "http://hl7.org/fhir/v2/0078": "HL7 interpretation",
    "http://terminology.hl7.org/codesystem/v2-0136": "HL7 yes/no",
    "http://hl7.org/fhir/administrative-gender": "FHIR gender",
    "http://terminology.hl7.org/codesystem/v3-actcode": "HL7 act",
}
UCUM = "http://unitsofmeasure.org"

_DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)(?P<time>T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[-+]\d\d:\d\d)?)?)?)?"
)
# FHIR has no underscore in an id; many servers do.
_ID = r"[A-Za-z0-9.\-_]{1,64}"
_REFERENCE = re.compile(rf"(?:.*/)?([A-Z][A-Za-z]+)/({_ID})(?:/_history/[^/]*)?")


@dataclass(frozen=True, slots=True)
class Coding:
    """One code of a concept: the vocabulary's name of the terminology ("" when it is not one we know), code and display."""

    system: str
    code: str
    display: str


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """When something was: an instant to order by, the date as written, and the day where the date is whole.

    A date without a time stands at the beginning of its day, one without a day at the beginning of its month or year.
    """

    instant: datetime
    shown: str
    day: date | None


def object_of(value: Any) -> Mapping[str, Any]:
    """Return a JSON object as it is, and anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list; a single object counts as a list of it, anything else as none."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """Return a text, cut when long; "" for anything that is no text."""
    return value.strip()[:_LONGEST_TEXT] if isinstance(value, str) else ""


def described(value: Any) -> str:
    """Show any value in a message; what has parts is only named, however deep it goes."""
    return "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else quoted(value)


def codings_of(concept: Any) -> tuple[Coding, ...]:
    """Return the codes of a CodeableConcept, or of a list of them."""
    return tuple(
        Coding(SYSTEMS.get(text_of(entry.get("system")).rstrip("/").lower(), ""), code, text_of(entry.get("display")))
        for one in objects_of(concept)
        for entry in objects_of(one.get("coding"))
        if (code := text_of(entry.get("code")))
    )


def bare_code(concept: Any) -> str:
    """Return the code of a status: a plain code, or the first of a CodeableConcept (R4 has both)."""
    if isinstance(concept, str):
        return text_of(concept)
    return next((coding.code for coding in codings_of(concept)), "")


def names_of(concept: Any) -> Iterator[str]:
    """Return the names that a concept goes by: the displays of its codes, then its text."""
    for one in objects_of(concept):
        yield from (display for entry in objects_of(one.get("coding")) if (display := text_of(entry.get("display"))))
        if text := text_of(one.get("text")):
            yield text


def moment_of(value: Any) -> Timestamp | None:
    """Read a FHIR date or dateTime; None for anything that is none. A time without a zone is taken as UTC."""
    match = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        day = date(int(match["year"]), int(match["month"] or 1), int(match["day"] or 1))
        if match["time"] is None:
            return Timestamp(datetime(day.year, day.month, day.day, tzinfo=UTC), match[0], day if match["day"] else None)
        written = datetime.fromisoformat(match[0])
        zoned = written if written.tzinfo else written.replace(tzinfo=UTC)
        return Timestamp(zoned.astimezone(UTC), day.isoformat(), day)
    except (ValueError, OverflowError):
        return None


def when(resource: Mapping[str, Any], *elements: str) -> Timestamp | None:
    """Return the first of these elements that holds a date: a dateTime, or a Period, whose end counts before its start."""
    for element in elements:
        value = resource.get(element)
        period = object_of(value)
        found = moment_of(value) or moment_of(period.get("end")) or moment_of(period.get("start"))
        if found is not None:
            return found
    return None


def days_between(earlier: date, later: date) -> int:
    """Count the days from one date to a later one."""
    return (later - earlier) // timedelta(days=1)


def is_id(text: str) -> bool:
    """Return whether a text can be the id of a resource."""
    return re.fullmatch(_ID, text) is not None


def reference_of(value: Any) -> str:
    """Return the target of a Reference as "Type/id", a "urn:…" or "#id" as it stands, or ""."""
    written = object_of(value).get("reference")
    if not isinstance(written, str):
        return ""
    if match := _REFERENCE.fullmatch(written.strip()):
        return f"{match[1]}/{match[2]}"
    return text_of(written) if written.startswith(("urn:", "#")) else ""
