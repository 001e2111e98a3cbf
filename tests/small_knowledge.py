"""Small knowledge bases for tests, written as YAML and loaded through the real loader."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facts.case import Case, Observed
from facts.vocabulary import Value
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase

LEVELS = ("low", "middle", "high")
GRADES = [
    {"standing": "both", "when": "confirms >= 1 and excludes >= 1"},
    {"standing": "proved", "when": "confirms >= 1"},
    {"standing": "out", "when": "excludes >= 1"},
    {"standing": "good", "when": "supports_strong >= 1 and not opposes_strong >= 1 and opposes_weak < 2"},
    {"standing": "fair", "when": "at_least(2, supports_strong >= 1 or supports_weak >= 2, opposes_strong < 2)"},
    {"standing": "poor", "when": "1 <= supports_weak or opposes_weak >= 1 or opposes_strong >= 1"},
]


def yes_no(name: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": "yes_no",
        "label": name,
        "question": f"{name}?",
        "present": f"{name} is so",
        "absent": f"{name} is not so",
        **more,
    }


def quantity(name: str, low: float = 0, high: float = 10, **more: Any) -> dict[str, Any]:
    return {"kind": "quantity", "label": name, "question": f"{name}?", "unit": "mmol/L", "range": [low, high], **more}


def choice(name: str, *choices: str, **more: Any) -> dict[str, Any]:
    return {"kind": "choice", "label": name, "question": f"{name}?", "choices": {c: f"{name} is {c}" for c in choices}, **more}


def write(
    folder: Path,
    findings: Mapping[str, Any],
    *,
    definitions: Mapping[str, str] | None = None,
    causes: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
    signs: Mapping[str, Mapping[str, Any]] | None = None,
    steps: Mapping[str, str] | None = None,
    contradictions: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Path:
    """Write a knowledge folder.

    Causes are {id: {kind: {rule: condition, or (condition, strength)}}}, signs are {id: {rule: (condition, level)}}.
    """
    files: dict[str, Any] = {
        "knowledge.yaml": {"title": "Test", "version": "1", "categories": ["some"]},
        "urgency.yaml": {"levels": {level: {"label": level, "says": f"Level {level}."} for level in LEVELS}},
        "grading.yaml": {
            "standings": {name: name for name in ("proved", "good", "fair", "poor", "out", "both", "none")},
            "grades": GRADES,
            "otherwise": "none",
            "likely": "good",
            "considered": "fair",
        },
        "evidence.yaml": {"evidence": {"book": {"by": "Somebody", "title": "A book", "kind": "review"}}},
        "findings/all.yaml": {"group": "all", "label": "All", "findings": dict(findings)},
        "definitions.yaml": {
            "definitions": {
                name: {"label": name, "when": when, "says": [f"{name} holds", f"{name} does not hold"]}
                for name, when in (definitions or {}).items()
            }
        },
        "causes/some.yaml": {
            "category": "some",
            "label": "Some",
            "causes": {
                name: {
                    "label": name,
                    **{kind: {rule: _rule(entry) for rule, entry in rules.items()} for kind, rules in kinds.items()},
                }
                for name, kinds in (causes or {}).items()
            },
        },
        "warning_signs.yaml": {
            "warning_signs": {
                name: {
                    "label": name,
                    "level": min((level for _, level in rules.values()), key=LEVELS.index),
                    "rules": {rule: {**_rule(when), "level": level} for rule, (when, level) in rules.items()},
                }
                for name, rules in (signs or {}).items()
            }
        },
        "next_steps/some.yaml": {
            "next_steps": {name: {"kind": "advice", "do": f"Do {name}.", **_rule(when)} for name, when in (steps or {}).items()}
        },
        "contradictions.yaml": {
            "contradictions": {name: {"when": when, "because": name} for name, when in (contradictions or {}).items()}
        },
    }
    files.update(more or {})
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # JSON is YAML; a text is written as it is, for tests of what is wrong in it.
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
    return folder


def load(folder: Path, findings: Mapping[str, Any], **parts: Any) -> KnowledgeBase:
    return load_knowledge_base(write(folder, findings, **parts))


def case(values: Mapping[str, Value], name: str = "case") -> Case:
    return Case(name, {finding: Observed(value) for finding, value in values.items()})


def _rule(entry: str | Sequence[str]) -> dict[str, Any]:
    when, *strength = (entry,) if isinstance(entry, str) else entry
    rule = {"when": when, "because": "So it is.", "source": "book"}
    return {**rule, "strength": strength[0]} if strength else rule
