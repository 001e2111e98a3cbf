"""Every lint has a faulty knowledge base that it catches."""

from pathlib import Path
from typing import Any

import pytest

from knowledge_base.lint import CHECKS, lint
from knowledge_base.model import KnowledgeBase
from tests.small_knowledge import LEVELS, load, quantity, yes_no

FINDINGS = {"cough": yes_no("cough"), "fever": yes_no("fever"), "takes_p": yes_no("takes_p")}
SOUND: dict[str, Any] = {"causes": {"flu": {"confirms": {"a": "cough and fever"}}}}

FAULTY: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "unused_definitions": ({}, {"definitions": {"ill": "cough"}}, "nothing uses the definition ill"),
    "idle_medicine_classes": (
        {},
        {"more": {"medicines.yaml": {"classes": {"p": {"label": "p"}}, "medicines": {}}}},
        "no medicine is in the class p",
    ),
    "findings_nobody_asks_for": (
        {},
        {
            "more": {
                "interview.yaml": {
                    "opening": ["first"],
                    "screens": {"first": {"label": "f", "lead_in": "f", "by": "history", "ask": ["cough", "takes_p"]}},
                }
            }
        },
        "no screen asks for fever",
    ),
    "sources_given_twice": (
        {},
        {
            "more": {
                "next_steps/more.yaml": {
                    "next_steps": {
                        "b": {"kind": "advice", "do": "Do.", "when": "cough", "because": "So.", "source": ["book", "book"]}
                    }
                }
            }
        },
        "b cites a source twice",
    ),
    "repeated_arguments": (
        {},
        {"causes": {"flu": {"supports": {"a": ("cough", "weak"), "b": ("cough", "weak")}}}},
        "b has the same condition as a",
    ),
    "arguments_for_and_against_alike": (
        {},
        {"causes": {"flu": {"confirms": {"a": "cough"}, "excludes": {"b": "cough"}}}},
        "b speaks against flu when a speaks for it",
    ),
    "sentences_without_end": ({"shiver": yes_no("shiver", present="Shivers.")}, {}, "shiver: 'Shivers.' is not a clause"),
    "questions_without_mark": ({"shiver": yes_no("shiver", question="Shivers")}, {}, "no question mark"),
    "orders_that_no_medicine_meets": (
        {},
        {
            "definitions": {"ill": "cough"},
            "more": {
                "knowledge.yaml": {
                    "title": "Test",
                    "version": "1",
                    "categories": ["some"],
                    "complaint": {"label": "an illness", "definition": "ill"},
                },
                "cds_hooks.yaml": {
                    "services": {},
                    "complaint": {"when": "ill"},
                    "indicators": dict.fromkeys(LEVELS, "info"),
                    "priorities": dict.fromkeys(LEVELS, "routine"),
                    "orders": {
                        "b": {"when": "ill", "summary": "So.", "because": "So.", "source": "book", "indicator": "info"},
                    },
                },
            },
        },
        "b: no medicine class tells cough",
    ),
    "no_plain_words": (
        {},
        {
            "more": {
                "leaflet.yaml": {
                    "mark": "Unchecked.",
                    "title": "Cough",
                    "verdicts": {level: {"decided": "So.", "open": "So."} for level in LEVELS},
                    "awaiting": "Wait.",
                    "standings": {"good": "Likely:"},
                    "no_cause": "None.",
                    "help": {"says": "Call if:", "always": ["worse"]},
                    "causes": {},
                    "warning_signs": {},
                }
            }
        },
        "patients are told nothing of flu",
    ),
    "units_that_cannot_be_converted": ({"salt": quantity("salt", accepts=["mg/dL"])}, {}, "mg/dL cannot be turned into mmol/L"),
}


def test_the_shipped_knowledge_is_clean(knowledge: KnowledgeBase) -> None:
    assert lint(knowledge) == []


def test_a_sound_knowledge_base_is_clean(tmp_path: Path) -> None:
    assert lint(load(tmp_path, FINDINGS, **SOUND)) == []


def test_a_definition_in_which_a_step_is_set_aside_is_used(tmp_path: Path) -> None:
    step = {"kind": "advice", "do": "Do.", "when": "cough", "unless": "ill", "because": "So.", "source": "book"}
    more = {"next_steps/more.yaml": {"next_steps": {"b": step}}}
    assert lint(load(tmp_path, FINDINGS, **SOUND, definitions={"ill": "fever"}, more=more)) == []


@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
def test_each_lint_catches_its_fault(tmp_path: Path, check: Any) -> None:
    findings, parts, told = FAULTY[check.__name__]
    problems = list(check(load(tmp_path, {**FINDINGS, **findings}, **{**SOUND, **parts})))
    assert told in " ".join(map(str, problems))
    assert all(problem.place.line for problem in problems)
