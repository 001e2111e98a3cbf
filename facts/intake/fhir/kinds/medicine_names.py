"""What a record calls a medicine: by code, by name, by a Medication it refers to, or by what a mixture holds."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from facts.intake.fhir.codes import CodeIndex
from facts.intake.fhir.shapes.modifiers import why_not_understood
from facts.intake.fhir.shapes.values import codings_of, names_of, object_of, objects_of, reference_of, text_of
from facts.problems import quoted

Lookup: TypeAlias = Callable[[str], Mapping[str, Any] | None]
"""Finds a Medication by its reference, "Medication/id" or "urn:…"."""


def name_of(value: Mapping[str, Any], index: CodeIndex, lookup: Lookup) -> tuple[str, str]:
    """Return the name under which the dictionary knows a medicine best, and what is wrong with it ("" when nothing is)."""
    concepts, parts, missing = concepts_of(value, lookup)
    text, doubt = _best_name(concepts, index)
    # Who gives a mixture no name that is known has told what is in it.
    if parts and not doubt and not index.dictionary.recognize(text).medicines:
        named = [_best_name([part], index) for part in parts]
        doubt = next((why for _, why in named if why), "")
        if not any(name for name, _ in named):
            return text, "" if text else missing
        return " / ".join(name or "an unnamed ingredient" for name, _ in named), doubt
    return text, doubt if text else missing


def _best_name(concepts: list[Any], index: CodeIndex) -> tuple[str, str]:
    names = [name for concept in concepts for name in names_of(concept)]
    codings = [coding for concept in concepts for coding in codings_of(concept)]
    coded = {medicine for coding in codings if (medicine := index.medicines.get((coding.system, coding.code)))}
    found = [index.dictionary.recognize(name) for name in dict.fromkeys(names)]
    # Only "without doubt" is matched by itself; a name in part known is still the best that there is.
    best = next((one for one in found if not one.doubt), None) or next((one for one in found if one.medicines), None)
    if best is not None and best.medicines:
        if coded and not coded & set(best.medicines):
            return best.text, f"its code stands for {' and '.join(sorted(coded))}, its name for {', '.join(best.medicines)}"
        return best.text, ""
    if len(coded) == 1:
        return coded.pop(), ""
    if names:
        return names[0], ""
    if codings:
        return f"{codings[0].system} {codings[0].code}".strip(), ""
    return "", ""


def concepts_of(value: Mapping[str, Any], lookup: Lookup) -> tuple[list[Any], list[Any], str]:
    """Return the concepts that name the medicine or its Medication, those of its parts, and why there may be none."""
    # R5 has both in one element.
    both = object_of(value.get("medication"))
    if concept := objects_of(value.get("medicationCodeableConcept")) or objects_of(both.get("concept")):
        return [*concept], [], ""
    link = object_of(value.get("medicationReference") or both.get("reference"))
    shown = text_of(link.get("display"))
    reference = reference_of(link)
    if not reference:
        return [{"text": shown}] if shown else [], [], "it names no medicine"
    if reference.startswith("#"):
        contained = (one for one in objects_of(value.get("contained")) if f"#{text_of(one.get('id'))}" == reference)
        referred = next(contained, None)
    else:
        referred = lookup(reference)
    if referred is None:
        return [{"text": shown}] if shown else [], [], f"{quoted(reference)} is not in the record"
    if text_of(referred.get("status")) == "entered-in-error" or why_not_understood(referred):
        return [], [], f"{quoted(reference)} was entered in error, or is modified in a way that is not known here"
    # What is not active is no medicine; R5 has an ingredient's concept in `item`.
    active = [part for part in objects_of(referred.get("ingredient")) if part.get("isActive") is not False]
    parts = [object_of(part.get("itemCodeableConcept") or object_of(part.get("item")).get("concept")) for part in active]
    return [*objects_of(referred.get("code"))], parts, "the Medication has neither a code nor an ingredient"
