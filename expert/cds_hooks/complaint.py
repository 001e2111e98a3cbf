"""Whether a record shows the complaint that a knowledge base is about: coded, or as the reason of the encounter."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from facts.intake.fhir.shapes.moments import when
from facts.intake.fhir.shapes.resources import Resource
from facts.intake.fhir.shapes.values import bare_code, codings_of, names_of, objects_of, reference_of, statuses_of, text_of
from facts.vocabulary import Codes, Value
from knowledge_base.conditions.expression import Expression, names_used
from knowledge_base.conditions.logic import Truth, evaluate, evaluate_named
from knowledge_base.model import ComplaintShown, KnowledgeBase

_PRESENT = frozenset({"active", "recurrence", "relapse"})
_NOT_SO = frozenset({"refuted", "entered-in-error"})
_NO_ENCOUNTER = frozenset({"cancelled", "entered-in-error"})


def places_shown(
    complaint: ComplaintShown,
    resources: Iterable[Resource],
    encounter: str | None,
    values: Mapping[str, Value],
    knowledge: KnowledgeBase,
) -> tuple[str, ...]:
    """Return every place of the record that shows the complaint, in words; nothing where none does.

    Of conditions only present ones count; of encounters the one of the request, or any where it names none. Phrases match
    whole words, and not beside a word that makes them something else.
    """
    kept = list(resources)
    conditions = [
        one for one in kept if one.kind == "Condition" and not statuses_of(one.value.get("verificationStatus")) & _NOT_SO
    ]
    by_name = {one.name: one for one in conditions}
    places: dict[str, None] = {}
    for condition in conditions:
        if _is_present(condition.value) and (what := _match(complaint, condition.value.get("code"))):
            places[_dated_name(condition, what, "onsetDateTime", "recordedDate")] = None
    for visit in kept:
        if visit.kind != "Encounter" or bare_code(visit.value.get("status")) in _NO_ENCOUNTER:
            continue
        if encounter is not None and text_of(visit.value.get("id")) != encounter:
            continue
        reasons = [*objects_of(visit.value.get("reasonCode"))]
        referred = (by_name.get(reference_of(link)) for link in objects_of(visit.value.get("reasonReference")))
        reasons += [one.value["code"] for one in referred if one and isinstance(one.value.get("code"), dict)]
        for reason in reasons:
            if what := _match(complaint, reason):
                places[_dated_name(visit, what, "period")] = None
    if complaint.condition is not None and holds(complaint.condition, values, knowledge) is True:
        places["what the record tells of the complaint itself"] = None
    return tuple(places)


def holds(condition: Expression, values: Mapping[str, Value], knowledge: KnowledgeBase) -> Truth:
    """Judge one condition, with no more of the knowledge base than it names."""
    needed: set[str] = set()
    waiting = list(names_used(condition))
    while waiting:
        name = waiting.pop()
        if name in knowledge.conditions and name not in needed:
            needed.add(name)
            waiting.extend(names_used(knowledge.conditions[name]))
    named = {name: tree for name, tree in knowledge.conditions.items() if name in needed}
    return evaluate(condition, values, evaluate_named(named, values))


def _is_present(condition: Mapping[str, Any]) -> bool:
    """Return whether a condition is present; a diagnosis of an encounter may come without a status, until it ends."""
    status = bare_code(condition.get("clinicalStatus"))
    return status in _PRESENT or (not status and not any(key.startswith("abatement") for key in condition))


def _dated_name(resource: Resource, what: str, *dates: str) -> str:
    moment = when(resource.value, *dates)
    return f"{what} ({resource.name}{', ' + moment.shown if moment else ''})"


def _match(complaint: ComplaintShown, concept: Any) -> str:
    """Return the name of a concept that is the complaint, or ""."""
    for coding in codings_of(concept):
        if display := _find_code(complaint.codes, coding.system, coding.code):
            return coding.display or display
    return next((name for name in names_of(concept) if _is_in_text(complaint, name)), "")


def _find_code(codes: Codes, system: str, code: str) -> str:
    for entry in codes.get(system, []):
        same = entry.code == code
        if system == "ICD-10-CM":
            # A subdivision is one of its category, and claims write codes without the dot.
            same = code.replace(".", "").upper().startswith(entry.code.replace(".", ""))
        if same:
            return entry.display or entry.code
    return ""


def _is_in_text(complaint: ComplaintShown, text: str) -> bool:
    words = list(_words(text))
    if set(words) & {word.casefold() for word in complaint.not_with}:
        return False
    spaced = f" {' '.join(words)} "
    return any(f" {' '.join(_words(phrase))} " in spaced for phrase in complaint.phrases)


def _words(text: str) -> Iterator[str]:
    return (found[0] for found in re.finditer(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold()))
