"""The small parts of FHIR R4 resources (codings, names, references), read so that no wrong type ever raises.

Plain getters rather than a model: a record is written by many hands, and one field that is wrong must not cost the others.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from facts.intake.fhir.shapes.systems import system_of
from facts.problems import quoted

_LONGEST_TEXT = 200
_APART = re.compile(r"[\s_]+")

# FHIR has no underscore in an id; many servers do.
_ID = r"[A-Za-z0-9.\-_]{1,64}"
_REFERENCE = re.compile(rf"(?:.*/)?([A-Z][A-Za-z]+)/({_ID})(?:/_history/[^/]*)?")


@dataclass(frozen=True, slots=True)
class Coding:
    """One code of a concept: the vocabulary's name of the terminology ("" when it is not one we know), code and display.

    `written` is the system as the record spells it.
    """

    system: str
    code: str
    display: str
    written: str = ""


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
        Coding(system_of(system := text_of(entry.get("system"))), code, text_of(entry.get("display")), system)
        for one in objects_of(concept)
        for entry in objects_of(one.get("coding"))
        if (code := text_of(entry.get("code")))
    )


def bare_code(concept: Any) -> str:
    """Return the code of a status: a plain code, or the first of a CodeableConcept (R4 has both)."""
    if isinstance(concept, str):
        return text_of(concept)
    return next((coding.code for coding in codings_of(concept)), "")


def statuses_of(concept: Any) -> set[str]:
    """Return every code of a status, and its names written as codes: "Entered in Error" is entered-in-error."""
    written = [concept] if isinstance(concept, str) else [coding.code for coding in codings_of(concept)] + [*names_of(concept)]
    return {_APART.sub("-", text_of(text).casefold()) for text in written} - {""}


def names_of(concept: Any) -> Iterator[str]:
    """Return the names that a concept goes by: the displays of its codes, then its text."""
    for one in objects_of(concept):
        yield from (display for entry in objects_of(one.get("coding")) if (display := text_of(entry.get("display"))))
        if text := text_of(one.get("text")):
            yield text


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
