"""The findings as a FHIR R4 Questionnaire (SDC), for patients and clinicians to answer in another system before a visit.

Each item's `linkId` is a finding's id, so that a QuestionnaireResponse can be read back as part of a record. What is left out
stays unknown: nothing has an initial value, and nothing is required.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID, uuid5

from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding
from knowledge_base.model import KnowledgeBase

_NAMESPACE = UUID("9d0c3b6e-2f0e-5d55-9a57-3e2f2b0c7a41")
_UCUM = "http://unitsofmeasure.org"
_PROFILE = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire"
_UNIT_OPTION = "http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption"
_CONTROL = "http://hl7.org/fhir/StructureDefinition/questionnaire-itemControl"
_LIMIT = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-{}Quantity"
_DECIMAL_LIMIT = "http://hl7.org/fhir/StructureDefinition/{}Value"
_SYSTEMS = {"LOINC": "http://loinc.org", "SNOMED CT": "http://snomed.info/sct"}
_UCUM_CODES = {
    "years": "a",
    "months": "mo",
    "weeks": "wk",
    "days": "d",
    "hours": "h",
    "minutes": "min",
    "seconds": "s",
    "degC": "Cel",
    "degF": "[degF]",
    "mmHg": "mm[Hg]",
    "bpm": "/min",
    "mEq/L": "meq/L",
    "IU/L": "[IU]/L",
    "mIU/L": "m[IU]/L",
    "uIU/mL": "u[IU]/mL",
}
"""How UCUM writes the units that a vocabulary spells otherwise."""


def questionnaire(knowledge: KnowledgeBase) -> dict[str, Any]:
    """Return the Questionnaire of a knowledge base. Age and sex stand in the Patient, and are not asked."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for finding in knowledge.vocabulary.findings.values():
        if "FHIR" not in finding.codes:
            groups.setdefault(finding.group, []).append(_item(finding))
    return {
        "resourceType": "Questionnaire",
        "meta": {"profile": [_PROFILE]},
        "url": f"urn:uuid:{uuid5(_NAMESPACE, knowledge.hash)}",
        "version": knowledge.version,
        "name": "".join(word.capitalize() for word in knowledge.title.split() if word.isalnum()) or "Questionnaire",
        "title": knowledge.title,
        "status": "active",
        "subjectType": ["Patient"],
        "description": "Leave out what is not known: an answer that is missing is unknown, and never no.",
        "item": [
            # A finding's id has no dot, so a group is never taken for one.
            {"linkId": f"group.{name}", "text": knowledge.vocabulary.groups[name], "type": "group", "item": items}
            for name, items in groups.items()
        ],
    }


def _item(finding: Finding) -> dict[str, Any]:
    item: dict[str, Any] = {"linkId": finding.id}
    if codes := list(_codes(finding)):
        item["code"] = codes
    item |= {"text": finding.question, **_answer(finding)}
    if finding.requires is not None:
        item["enableWhen"] = [{"question": finding.requires, "operator": "=", "answerBoolean": True}]
    if finding.help:
        control = {"coding": [{"system": "http://hl7.org/fhir/questionnaire-item-control", "code": "help"}]}
        shown = {"url": _CONTROL, "valueCodeableConcept": control}
        item["item"] = [{"extension": [shown], "linkId": f"{finding.id}.help", "text": finding.help, "type": "display"}]
    return item


def _answer(finding: Finding) -> Mapping[str, Any]:
    """Return the type of an answer, with its choices, or its units and plausible limits."""
    if isinstance(finding, ChoiceFinding):
        options = [{"valueCoding": {"code": name, "display": name.replace("_", " ")}} for name in finding.choices]
        return {"type": "choice", "answerOption": options}
    if not isinstance(finding, QuantityFinding):
        return {"type": "boolean"}
    limits = list(zip(("min", "max"), finding.range, strict=True))
    if finding.unit == "count":
        extensions = [{"url": _DECIMAL_LIMIT.format(end), "valueDecimal": limit} for end, limit in limits]
        return {"type": "decimal", "extension": extensions}
    units = [_unit(unit) for unit in (finding.unit, *finding.accepts)]
    extensions = [{"url": _UNIT_OPTION, "valueCoding": unit} for unit in units]
    own = {"unit": units[0]["display"], "system": _UCUM, "code": units[0]["code"]}
    extensions += [{"url": _LIMIT.format(end), "valueQuantity": {"value": limit, **own}} for end, limit in limits]
    return {"type": "quantity", "extension": extensions}


def _unit(unit: str) -> dict[str, str]:
    return {"system": _UCUM, "code": _UCUM_CODES.get(unit, unit), "display": unit}


def _codes(finding: Finding) -> Iterator[dict[str, str]]:
    for system, entries in finding.codes.items():
        for entry in entries:
            if system in _SYSTEMS and not entry.unchecked:
                yield {"system": _SYSTEMS[system], "code": entry.code, "display": entry.display or finding.label}
