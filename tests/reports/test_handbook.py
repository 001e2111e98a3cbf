"""`charley knowledge handbook`: every rule, finding and source is in it, with marks for what nobody checked."""

from pathlib import Path

import pytest

from knowledge_base.model import KnowledgeBase
from reports.knowledge.handbook import rests_on_unchecked
from tests.functional.charley import charley

ROOT = Path(__file__).parents[2]
KNOWLEDGE = ROOT / "knowledge_base"
HEADACHES = ROOT / "tests" / "foreign" / "headaches"


def test_the_handbook_holds_every_rule_finding_source_and_class(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    target = tmp_path / "handbook.html"
    assert charley("knowledge", "handbook", "--output", target).status == 0
    html = target.read_text(encoding="utf-8")
    for name in (*knowledge.rules, *knowledge.vocabulary.findings, *knowledge.evidence, *knowledge.definitions):
        assert name in html
    assert html.count("Unchecked: no source") == sum(rests_on_unchecked(rule, knowledge) for rule in knowledge.rules.values())
    assert "<script" not in html


@pytest.mark.parametrize("command", [("handbook",), ("diff", KNOWLEDGE, KNOWLEDGE)])
def test_a_path_that_cannot_be_written_is_said_plainly(command: tuple[object, ...], tmp_path: Path) -> None:
    outcome = charley("knowledge", *command, "--output", tmp_path / "nowhere" / "text")
    assert outcome.status == 1
    assert "No such file or directory" in outcome.err and "check the path" in outcome.err


def test_the_markdown_handbook_names_a_rule_s_cases(tmp_path: Path) -> None:
    cases = tmp_path / "cases.yaml"
    cases.write_text("case: struck like *thunder*\nexpected: {fires: [possible-bleeding-thunderclap]}\n", encoding="utf-8")
    told = charley("knowledge", "handbook", "--knowledge", HEADACHES, "--format", "markdown", "--cases", cases)
    assert told.status == 0
    assert "Cases: struck like \\*thunder\\*" in told.out
    assert "Unchecked: no source" not in told.out


def test_the_check_lists_the_rules_that_rest_on_unchecked_sources_alone(knowledge: KnowledgeBase) -> None:
    told = charley("knowledge", "check").out
    alone = [rule.id for rule in knowledge.rules.values() if rests_on_unchecked(rule, knowledge)]
    assert f"{len(alone)} rules rest on unchecked sources alone" in told
    assert all(f": {rule} (" in told for rule in alone)


def test_a_case_file_that_cannot_be_read_is_said_and_the_handbook_is_written(tmp_path: Path) -> None:
    told = charley("knowledge", "handbook", "--knowledge", HEADACHES, "--cases", tmp_path / "none.yaml")
    assert told.status == 2
    assert "cannot be read" in told.err
    assert "Handbook" in told.out
