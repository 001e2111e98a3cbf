"""Plans: what is measured already is not asked for again, and a test of which everything is known is done."""

from pathlib import Path
from typing import Any

import pytest

from expert.inference.assessing import Assessor
from tests.small_knowledge import case, load, quantity, yes_no

FINDINGS = {"a": yes_no("a"), "salt": quantity("salt"), "acid": quantity("acid")}
MEASURE: dict[str, Any] = {"salt": "salt", "acid": "acid"}


def _steps(folder: Path, findings: dict[str, Any], **tests: dict[str, Any]) -> list[tuple[str, bool]]:
    entries = {
        name: {"kind": "test", "do": f"Do {name}.", "when": "a", "because": "So.", "source": "book", **entry}
        for name, entry in tests.items()
    }
    more = {"next_steps/more.yaml": {"next_steps": entries}, "plan.yaml": {"measuring": "Measure {which}."}}
    knowledge = load(folder, FINDINGS, more=more)
    assessment = Assessor(knowledge).assess(case(findings))
    return [(step.do, step.done) for step in assessment.next_steps]


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({}, [("Do one.", False)]),
        ({"salt": 1.0}, [("Measure acid.", False)]),
        ({"salt": 1.0, "acid": 2.0}, [("Do one.", True)]),
    ],
    ids=["nothing known", "a part known", "all known"],
)
def test_known_values_drop_out_of_what_is_to_be_measured(
    tmp_path: Path, known: dict[str, float], told: list[tuple[str, bool]]
) -> None:
    assert _steps(tmp_path, {"a": True, **known}, one={"measure": MEASURE}) == told


def test_a_measured_value_that_no_finding_tells_is_never_done(tmp_path: Path) -> None:
    measure = {"salt": "salt", "urea": None}
    assert _steps(tmp_path, {"a": True, "salt": 1.0}, one={"measure": measure}) == [("Measure urea.", False)]


def test_several_tests_become_one_line_without_what_is_known(tmp_path: Path) -> None:
    tests = {"one": {"measure": MEASURE}, "two": {"measure": {"acid": "acid", "urea": None}}}
    assert _steps(tmp_path, {"a": True, "salt": 1.0}, **tests) == [("Measure acid and urea.", False)]
