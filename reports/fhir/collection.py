"""Several FHIR documents as one Bundle, with what was refused."""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID, uuid5

from facts.assessment import Assessment
from facts.intake.case_files import Refusal
from knowledge_base.model import KnowledgeBase
from reports.fhir.document import document
from reports.fhir.narrative import told

_NAMESPACE = UUID("64b1f3a5-3f0c-5c0e-8f5d-0f1d8b0f7a29")


def collection(
    assessed: Sequence[Assessment], refusals: Sequence[Refusal], knowledge: KnowledgeBase, day: str | None = None
) -> dict[str, Any]:
    """Return several documents, and what was refused, as one Bundle."""
    entries = [document(assessment, knowledge, day) for assessment in assessed]
    names = [bundle["identifier"]["value"] for bundle in entries]
    if refusals:
        entries.append(operation_outcome(refusals))
        names.append(f"urn:uuid:{uuid5(_NAMESPACE, json.dumps(entries[-1], sort_keys=True))}")
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": name, "resource": entry} for name, entry in zip(names, entries, strict=True)],
    }


def operation_outcome(refusals: Iterable[Refusal]) -> dict[str, Any]:
    """Return what was refused, with its place and how to fix it."""
    issues = [
        {"severity": "error", "code": "invalid", "diagnostics": told(str(problem))}
        for refusal in refusals
        for problem in refusal.problems
    ]
    return {"resourceType": "OperationOutcome", "issue": issues}
