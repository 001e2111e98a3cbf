"""`charley knowledge` and `charley schema`: what they print, and the help."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.functional.charley import charley

ROOT = Path(__file__).parents[2]
HEADACHES = ROOT / "tests" / "foreign" / "headaches"


def test_the_shipped_knowledge_passes_its_check() -> None:
    outcome = charley("knowledge", "check")
    assert (outcome.status, outcome.err) == (0, "")
    assert "No problems." in outcome.out


def test_a_faulty_knowledge_base_fails_its_check_with_places(tmp_path: Path) -> None:
    (tmp_path / "knowledge.yaml").write_text("title: T\n", encoding="utf-8")
    outcome = charley("knowledge", "check", "--knowledge", tmp_path)
    assert outcome.status == 2
    assert "knowledge.yaml:1:1: this file: `version` is missing; add it" in outcome.err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("hypokalemia", ["cause", "E87.6", "the serum potassium is below", "Source:", "causes/electrolyte_hormonal.yaml:"]),
        ("serum_potassium", ["quantity", "mEq/L", "2823-3", "Used by:", "rule hypokalemia"]),
        ("sex", ["choice", "female"]),
        ("sudden_weakness", ["warning sign", "immediate", "the weakness came on suddenly"]),
        ("on_any_diuretic", ["definition", "Holds when"]),
        ("garrison_2012", ["source", "Cited by"]),
        ("Ventolin", ["salbutamol", "R03AC02", "takes_short_acting_beta_agonist"]),
        ("ibuprofen", ["No class that the rules use"]),
    ],
)
def test_anything_in_the_knowledge_base_can_be_shown(name: str, told: list[str]) -> None:
    outcome = charley("knowledge", "show", name)
    assert outcome.status == 0
    for text in told:
        assert text in outcome.out


def test_rules_and_steps_can_be_shown_by_id() -> None:
    for name in ("possible-bleeding-thunderclap", "brain-scan"):
        assert name in charley("knowledge", "show", name, "--knowledge", HEADACHES).out


def test_an_unknown_name_is_answered_with_a_suggestion() -> None:
    outcome = charley("knowledge", "show", "hypokalaemia")
    assert outcome.status == 2
    assert "did you mean hypokalemia?" in outcome.err


def test_the_case_schema_accepts_every_example_and_refuses_a_misspelling() -> None:
    schema = json.loads(charley("schema", "case").out)
    validator = jsonschema.Draft202012Validator(schema)
    for path in (ROOT / "facts" / "examples").iterdir():
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            assert not list(validator.iter_errors(document)), path
    assert list(validator.iter_errors({"case": "a", "findings": {"serum_potasium": 3}}))
    assert list(validator.iter_errors({"case": "a", "findings": {"serum_potassium": 300}}))


def test_every_assessment_fits_the_assessment_schema() -> None:
    schema = json.loads(charley("schema", "assessment").out)
    validator = jsonschema.Draft202012Validator(schema)
    for assessment in json.loads(charley("report", ROOT / "facts" / "examples", "--format", "json").out):
        assert not list(validator.iter_errors(assessment))


@pytest.mark.parametrize("words", [[], ["report"], ["knowledge"], ["knowledge", "check"], ["knowledge", "show"], ["schema"]])
def test_help_has_examples(words: list[str]) -> None:
    outcome = charley(*words, "--help")
    assert outcome.status == 0
    assert "Usage: charley" in outcome.out
    assert words == ["knowledge"] or "Examples:" in outcome.out


def test_help_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    script = (
        "import sys, expert.command_line; print(sorted({'experta', 'pydantic', 'jinja2', 'pint', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
