"""What turns a resource into something other than it seems to say: unknown modifiers, and the "not" of older releases.

FHIR R4, Extensibility: whoever does not know a modifierExtension must not use the resource; implicitRules likewise.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from facts.intake.fhir.shapes.values import text_of
from facts.problems import quoted

# DSTU2 and STU3 have "not" as an element that R4 turned into a status.
_NEGATIONS = {
    "wasNotTaken": "FHIR DSTU2",
    "wasNotGiven": "FHIR DSTU2",
    "notPerformed": "FHIR DSTU2",
    "notDone": "FHIR STU3",
    "notGiven": "FHIR STU3",
}
_TAKEN_OR_NOT = {
    "n": "the patient does not take it",
    "unk": "whether the patient takes it is not known",
    "na": "whether the patient takes it does not apply",
}
# Other resources, people's text, and plain extensions have modifiers of their own, which say nothing of this resource.
_APART = frozenset({"contained", "text", "extension", "meta"})


def why_not_understood(resource: Mapping[str, Any]) -> str:
    """Return why nothing that a resource says may be relied on; "" when that may be."""
    if rules := resource.get("implicitRules"):
        return f"its implicitRules {quoted(rules, 120)} are not known here, so what it says may mean something else"
    for part in _parts(resource):
        if found := part.get("modifierExtension"):
            return f"its modifierExtension {quoted(_url(found), 120)} is not known here, and may mean the opposite"
    for element, release in _NEGATIONS.items():
        if is_said(resource.get(element)):
            return f"{element} is true ({release}): it did not happen"
    if is_said(resource.get("reasonNotTaken")):
        return "reasonNotTaken is given (FHIR DSTU2 and STU3): the patient does not take it"
    if "reliability" in resource and resource["reliability"] != "ok":
        return f"reliability {quoted(resource['reliability'])} (FHIR DSTU1)"
    taken = resource.get("taken")
    if taken is not None and taken != "y":
        known = _TAKEN_OR_NOT.get(text_of(taken), "what that means is not known")
        return f"taken {quoted(taken)} (FHIR STU3): {known}"
    return ""


def is_said(flag: Any) -> bool:
    """Return whether a flag that turns a resource into its opposite is there, however it is written, and not false."""
    return flag not in (None, False, "", [], {}) and text_of(flag).casefold() not in ("false", "no", "n", "0")


def _parts(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Return a resource and every object in it, without ever calling itself: a record may be nested as deep as it likes."""
    waiting: list[Any] = [resource]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(value for key, value in part.items() if key not in _APART and isinstance(value, dict | list))
        else:
            waiting.extend(value for value in part if isinstance(value, dict | list))


def _url(found: Any) -> str:
    first = found[0] if isinstance(found, list) and found else found
    return text_of(first.get("url")) if isinstance(first, dict) else str(found)
