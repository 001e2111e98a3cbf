"""Assessments as JSON, and the JSON Schemas of assessments and case files, for other programs."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from facts.assessment import Assessment
from facts.intake.case_files import Refusal
from facts.measuring.unit_systems import SYSTEMS
from facts.vocabulary import ChoiceFinding, QuantityFinding, Vocabulary

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def plain(assessment: Assessment) -> dict[str, Any]:
    """Return an assessment as plain data: what the JSON holds; fields that do not apply are left out, unknown ones are not."""
    data: dict[str, Any] = _adapter().dump_python(assessment, mode="json", by_alias=True)
    plain_data: dict[str, Any] = _without_absent(data)
    return plain_data


def as_plain(answer: Any) -> Any:
    """Return an explanation of a consultation (`facts.explanation`) as plain data, ready for JSON."""
    from pydantic import TypeAdapter

    return TypeAdapter(type(answer)).dump_python(answer, mode="json", by_alias=True)


def refused(refusal: Refusal) -> dict[str, Any]:
    """Return a refusal as plain data: the case's name where it could be read, and what was wrong."""
    problems = [
        {"file": p.place.file, "line": p.place.line, "column": p.place.column, "problem": p.message, "fix": p.fix}
        for p in refusal.problems
    ]
    return {"case": refusal.case, "refused": problems}


def to_json(data: Any) -> str:
    """Write plain data as JSON, the same bytes for the same data."""
    import json

    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def assessment_schema() -> dict[str, Any]:
    """Return the JSON Schema of one assessment."""
    schema: dict[str, Any] = _adapter().json_schema(mode="serialization", by_alias=True)
    for part in schema["$defs"].values():
        may_be_null = {key for key, entry in part.get("properties", {}).items() if {"type": "null"} in entry.get("anyOf", ())}
        part["required"] = [key for key in part.get("required", ()) if key not in may_be_null & _OPTIONAL]
    return {"$schema": _DIALECT, **schema}


def case_schema(vocabulary: Vocabulary, levels: Sequence[str], causes: Sequence[str]) -> dict[str, Any]:
    """Return the JSON Schema of a case file: one case or a list of cases, for editors that complete and check."""
    answer = {"enum": [True, False, "yes", "no", "true", "false", "present", "absent", "unknown", None]}
    findings: dict[str, Any] = {}
    for name, finding in vocabulary.findings.items():
        entry: dict[str, Any] = {
            "title": finding.label,
            "description": " ".join(filter(None, (finding.question, finding.help))),
        }
        if isinstance(finding, ChoiceFinding):
            entry["enum"] = [*finding.choices, "unknown", None]
        elif isinstance(finding, QuantityFinding):
            units = " or ".join([finding.unit, *finding.accepts])
            words = "" if finding.reference is None else ", or low, normal or high"
            entry["description"] += (
                f" A number in {finding.unit}, or text with a unit: {units}; a limit (< or >=), a range (from to to){words}."
            )
            low, high = finding.range
            entry["anyOf"] = [{"type": "number", "minimum": low, "maximum": high}, {"type": "string"}, {"type": "null"}]
        else:
            entry |= answer
        findings[name] = entry
    texts = {"type": "array", "items": {"type": "string"}}
    number = {"type": ["number", "null"], "minimum": 0}
    stopped = {
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "days_ago": number, "after_weeks": number},
            },
        ]
    }
    case = {
        "type": "object",
        "additionalProperties": False,
        "required": ["case"],
        "properties": {
            "case": {"type": ["string", "number"], "description": "Any text, unique in its file."},
            "units": {
                "enum": [*SYSTEMS, None],
                "description": "What bare laboratory numbers are in.",
            },
            "findings": {"type": ["object", "null"], "additionalProperties": False, "properties": findings},
            "medicines": {
                "anyOf": [texts, {"type": ["string", "null"]}],
                "description": "All current medicines; what is not listed is not taken.",
            },
            "stopped_medicines": {"type": ["array", "string", "null"], "items": stopped},
            "expected": {
                "type": ["object", "null"],
                "additionalProperties": False,
                "description": "Gold labels, used only for scoring.",
                "properties": {
                    "urgency": {"enum": list(levels)},
                    "causes": {"type": "array", "items": {"enum": list(causes)}},
                    "standings": {"type": "object", "propertyNames": {"enum": list(causes)}},
                    "fires": texts,
                    "ruled_out": texts,
                    "open": texts,
                },
            },
            "note": {"type": ["string", "null"]},
        },
    }
    return {
        "$schema": _DIALECT,
        "title": "Charley case file",
        "anyOf": [{"$ref": "#/$defs/case"}, {"type": "array", "items": {"$ref": "#/$defs/case"}}],
        "$defs": {"case": case},
    }


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Assessment)


_OPTIONAL = frozenset(
    {"unit", "given", "origin", "strength", "level", "told", "what_would_change", "record", "missing_because", "verified_level"}
)


def _without_absent(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_absent(value) for key, value in data.items() if value is not None or key not in _OPTIONAL}
    if isinstance(data, list):
        return [_without_absent(item) for item in data]
    return data
