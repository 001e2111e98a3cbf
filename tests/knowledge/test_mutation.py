"""Faults planted in a small knowledge base: each way to catch them catches one; survivors are told from equivalent faults."""

from collections.abc import Callable

import numpy as np
import pytest

from facts.vocabulary import QuantityFinding
from knowledge_base.judging.judgement import Judge
from tests.knowledge.mutants import ConditionFaults, Mutant, mutants
from tests.knowledge.mutate_knowledge import Court, Trial, count, table
from tests.small_knowledge import choice, quantity, write, yes_no

FINDINGS = {
    "cough": yes_no("cough"),
    "fever": yes_no("fever"),
    "rash": yes_no("rash"),
    "sugar": quantity("sugar", 0, 30, accepts=["mg/dL"], molar_mass=180.156),
    "pace": choice("pace", "slow", "steady", "fast"),
}
CASES = """
- case: cough and fever
  findings: {cough: yes, fever: yes}
  expected: {fires: [flu-both], standings: {flu: good}, causes: [flu]}
- case: sugar is just too low
  findings: {sugar: 2.9}
  expected: {fires: [low-sugar], urgency: high}
- case: expects what never was so
  findings: {cough: yes, fever: yes, rash: yes, sugar: 5, pace: fast}
  expected: {fires: [low-sugar]}
- case: sugar is just not too low
  findings: {sugar: 3.0}
  expected: {ruled_out: [low-sugar], urgency: low}
"""


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Court:
    return open_court(tmp_path_factory)


def open_court(tmp_path_factory: pytest.TempPathFactory, *, until_caught: bool = False) -> Court:
    folder = write(
        tmp_path_factory.mktemp("knowledge"),
        FINDINGS,
        definitions={"ill": "cough and fever"},
        causes={"flu": {"supports": {"flu-both": ("ill", "strong"), "flu-rash": ("rash and (rash or fever)", "weak")}}},
        signs={"danger": {"low-sugar": ("sugar < 3", "high"), "fast": ("pace == fast and rash", "middle")}},
        more={
            "invariants.yaml": {
                "invariants": {"fast": {"says": "A fast rash is seen.", "when": "pace == fast and rash", "at_least": "middle"}}
            }
        },
    )
    cases = tmp_path_factory.mktemp("cases")
    (cases / "all.yaml").write_text(CASES, encoding="utf-8")
    return Court(tmp_path_factory.mktemp("mutants"), folder, [cases], until_caught=until_caught)


@pytest.fixture
def tried(court: Court) -> Callable[[str, str], Trial]:
    possible = list(mutants(court.written, court.knowledge))

    def try_the_one(kind: str, change: str) -> Trial:
        (mutant,) = [mutant for mutant in possible if mutant.kind == kind and mutant.change == change]
        return court.try_(mutant)

    return try_the_one


def test_the_unchanged_knowledge_is_free_of_what_catches_faults(court: Court) -> None:
    everybody = np.ones(len(court.patients), np.bool_)
    assert list(court.failures(court.knowledge, Judge(court.knowledge), everybody)) == []
    assert not court.touched(court.knowledge).any()
    assert (court.found, court.before) == ({}, {})
    place = court.written.documents["knowledge.yaml"].place(())
    assert not court.try_(Mutant("none", "none", "none", place, "", "knowledge.yaml", ())).caught


def test_a_fault_that_loading_refuses_is_caught_by_check(tried: Callable[[str, str], Trial]) -> None:
    trial = tried("unit swapped", "sugar < 3 → sugar < 54.05")
    assert "outside the plausible range" in trial.check


def test_a_fault_that_breaks_an_invariant_is_caught_by_prove(tried: Callable[[str, str], Trial]) -> None:
    trial = tried("choice exchanged", "pace == fast → pace in [slow]")
    assert (trial.check, trial.prove, trial.written) == ("", "invariant of fast", "")


def test_a_unit_that_other_units_do_not_lead_to_is_caught_by_check(tried: Callable[[str, str], Trial]) -> None:
    assert "cannot be turned into mg/dL" in tried("unit swapped", "unit: mmol/L → mg/dL").check


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("comparison's edge moved", "sugar < 3 → sugar <= 3"),
        ("threshold moved", "sugar < 3 → sugar < 2"),
        ("threshold moved", "sugar < 3 → sugar < 4"),
        ("finding exchanged", "fever → rash"),
        ("strength exchanged", "strength: strong → weak"),
        ("argument moved", "supports → opposes"),
    ],
)
def test_a_fault_that_changes_an_expected_outcome_is_caught_by_cases(court: Court, kind: str, change: str) -> None:
    found = [mutant for mutant in mutants(court.written, court.knowledge) if (mutant.kind, mutant.change) == (kind, change)]
    assert [trial.subject for trial in found if court.try_(trial).written] != []


def ways(trial: Trial) -> int:
    return sum(map(bool, (trial.check, trial.prove, trial.written, trial.proposed)))


def test_where_one_catch_is_enough_proofs_are_not_tried_on_what_cases_caught(tmp_path_factory: pytest.TempPathFactory) -> None:
    courts = [open_court(tmp_path_factory, until_caught=until_caught) for until_caught in (False, True)]
    every_way, first_alone = ([court.try_(mutant) for mutant in mutants(court.written, court.knowledge)] for court in courts)
    assert [trial.caught for trial in first_alone] == [trial.caught for trial in every_way]
    assert [trial.equivalent for trial in first_alone if not trial.caught] == [
        trial.equivalent for trial in every_way if not trial.caught
    ]
    assert max(map(ways, every_way)) > 1
    assert max(map(ways, first_alone)) == 1


def test_a_fault_that_nothing_asks_about_survives(court: Court) -> None:
    (mutant,) = [
        mutant
        for mutant in mutants(court.written, court.knowledge)
        if mutant.subject == "flu-rash" and mutant.kind == "negation added" and mutant.change == "rash → not rash"
        and "(not rash) and" in str(mutant.edits)
    ]  # fmt: skip
    trial = court.try_(mutant)
    assert not trial.caught and not trial.equivalent


def test_a_fault_that_changes_nothing_for_any_patient_is_equivalent_and_no_survivor(
    tried: Callable[[str, str], Trial],
) -> None:
    trial = tried("operand dropped", "fever left out of: rash or fever")
    assert trial.equivalent
    assert count([trial]) == (1, 1, 0, 0, 0, 0, 0, 0)


def test_a_planted_fault_leaves_the_folder_as_it_was(court: Court, tried: Callable[[str, str], Trial]) -> None:
    before = {path: path.read_bytes() for path in court.folder.rglob("*.yaml")}
    tried("unit swapped", "unit: mmol/L → mg/dL")
    assert {path: path.read_bytes() for path in court.folder.rglob("*.yaml")} == before


def test_the_table_has_a_row_for_each_kind_and_one_for_all(tried: Callable[[str, str], Trial]) -> None:
    trials = [tried("unit swapped", "unit: mmol/L → mg/dL"), tried("choice exchanged", "pace == fast → pace in [slow]")]
    rows = table(trials, "kind").splitlines()
    assert rows[2] == "| choice exchanged | 1 | 0 | 0 | 1 | 0 | 0 | 1 | 0 |"
    assert rows[4] == "| **all** | **2** | **0** | **1** | **1** | **0** | **0** | **2** | **0** |"


def test_every_operator_of_a_condition_has_its_faults() -> None:
    sugar = QuantityFinding(id="sugar", group="", label="", question="", kind="quantity", unit="mmol/L", range=[0, 30])
    faults = ConditionFaults({"sugar": sugar}, {"sugar": [3.5]})
    found = {(kind, instead) for kind, _, instead in faults("at_least(2, a, b, not c) or 3.5 <= sugar < 7")}
    assert {
        ("and, or exchanged", "at_least(2, a, b, not c) and 3.5 <= sugar < 7"),
        ("operand dropped", "3.5 <= sugar < 7"),
        ("operand dropped", "(at_least(2, b, not c)) or 3.5 <= sugar < 7"),
        ("at_least one off", "(at_least(1, a, b, not c)) or 3.5 <= sugar < 7"),
        ("at_least one off", "(at_least(3, a, b, not c)) or 3.5 <= sugar < 7"),
        ("negation added", "at_least(2, (not a), b, not c) or 3.5 <= sugar < 7"),
        ("negation dropped", "at_least(2, a, b, (c)) or 3.5 <= sugar < 7"),
        ("comparison's edge moved", "at_least(2, a, b, not c) or (3.5 < sugar < 7)"),
        ("threshold moved", "at_least(2, a, b, not c) or (3.2 <= sugar < 7)"),
    } <= found
