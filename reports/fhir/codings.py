"""Codes of the knowledge as FHIR writes them; a code that nobody checked is left out, and its text stands alone."""

from typing import Any

from facts.vocabulary import Codes

SYSTEMS = {
    "LOINC": "http://loinc.org",
    "SNOMED CT": "http://snomed.info/sct",
    "ICD-10-CM": "http://hl7.org/fhir/sid/icd-10-cm",
}
"""The URIs of the terminologies whose codes are written."""
_ORDERED = ("LOINC", "SNOMED CT")


def codings(codes: Codes, text: str, systems: tuple[str, ...] = tuple(SYSTEMS)) -> list[dict[str, Any]]:
    """Return the checked codes as Codings; `text` stands in where a code has no name."""
    return [
        {"system": SYSTEMS[system], "code": entry.code, "display": entry.display or text}
        for system, entries in codes.items()
        for entry in entries
        if system in systems and not entry.unchecked
    ]


def concept(text: str, codes: Codes) -> dict[str, Any]:
    """Return one CodeableConcept of a text and all its checked codes."""
    found = codings(codes, text)
    return {"coding": found, "text": text} if found else {"text": text}


def concepts_to_order(text: str, codes: Codes) -> list[dict[str, Any]]:
    """Return one CodeableConcept for each test that a step orders; a code that nobody checked is no basis for an order."""
    concepts = []
    for system, entries in codes.items():
        for entry in entries:
            shown = entry.display or text
            found = codings({system: [entry]}, text, _ORDERED)
            concepts.append({"coding": found, "text": shown} if found else {"text": shown})
    return concepts or [{"text": text}]
