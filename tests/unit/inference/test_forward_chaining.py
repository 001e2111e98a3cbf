"""The engine: firing order, what a matcher must do, threads, and what importing experta leaves behind."""

import collections
import logging
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from expert.inference.assessing import Assessor, Disagreement
from expert.inference.experta_engine import GroundIndex, GroundMatcher, KnownFact, experta
from expert.inference.forward_chaining import ForwardChaining
from expert.inference.ground_rules import MOST_WAYS, ground_rules
from facts.case import Case
from facts.intake.case_files import read_case_files
from knowledge_base.model import KnowledgeBase
from reports.json_report import plain, to_json
from tests.small_knowledge import case, load, yes_no

EXAMPLES = Path(__file__).parents[3] / "facts" / "examples"
FINDINGS = {name: yes_no(name) for name in ("a", "b", "c")}


@pytest.fixture(scope="module")
def cases(knowledge: KnowledgeBase) -> list[Case]:
    intake = read_case_files([EXAMPLES], knowledge.vocabulary, knowledge.dictionary)
    assert not intake.refusals
    return [case for case, _ in intake.cases]


def test_both_matchers_derive_the_same_of_the_examples(knowledge: KnowledgeBase, assessor: Assessor, cases: list[Case]) -> None:
    rete = Assessor(knowledge, "rete")
    # An assessment is made of the derivation, by the same code: once is enough, since experta's own matcher takes seconds.
    assert rete.assess(cases[0]) == assessor.assess(cases[0])
    for patient in cases[1:]:
        assert rete.chaining.derive(patient.values) == assessor.chaining.derive(patient.values)


def test_definitions_fire_before_warning_signs_and_those_before_causes_and_steps(
    knowledge: KnowledgeBase, assessor: Assessor, cases: list[Case]
) -> None:
    for patient in cases:
        kinds = [knowledge.rules[name].kind for name in assessor.chaining.derive(patient.values).fired]
        tiers = [{"warns": 0, "advises": 2}.get(kind, 1) for kind in kinds]
        assert tiers == sorted(tiers)


def test_patients_in_many_threads_do_not_mix(assessor: Assessor, cases: list[Case]) -> None:
    alone = {patient.name: to_json(plain(assessor.assess(patient))) for patient in cases}
    many = random.Random(0).choices(cases, k=200)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda patient: to_json(plain(assessor.assess(patient))), many))
    assert together == [alone[patient.name] for patient in many]


def test_two_justifications_of_one_conclusion_are_both_kept(tmp_path: Path) -> None:
    knowledge = load(tmp_path, FINDINGS, definitions={"d": "a or b"}, causes={"x": {"confirms": {"r": "d"}}})
    argument = Assessor(knowledge).assess(case({"a": True, "b": True})).causes[0].arguments_for[0]
    assert [finding.id for finding in argument.findings] == ["a", "b"]
    assert [definition.says for definition in argument.definitions] == ["d holds"]


def test_what_no_rule_asks_for_is_not_derived(tmp_path: Path) -> None:
    knowledge = load(tmp_path, FINDINGS, definitions={"d": "a", "idle": "b"}, causes={"x": {"confirms": {"r": "d"}}})
    assert {rule.conclusion.id for rule in ground_rules(knowledge).rules} == {"d", "r"}


def test_too_many_ways_are_refused(tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(16)]
    knowledge = load(
        tmp_path, {n: yes_no(n) for n in names}, causes={"x": {"confirms": {"r": f"at_least(8, {', '.join(names)})"}}}
    )
    with pytest.raises(OverflowError, match="split it into definitions"):
        ground_rules(knowledge)
    assert MOST_WAYS < 12_870


def test_a_difference_between_engine_and_meaning_is_never_reported_as_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assessor = Assessor(load(tmp_path, FINDINGS, causes={"x": {"confirms": {"r": "a"}}}))
    other = ForwardChaining(load(tmp_path / "b", FINDINGS, causes={"x": {"confirms": {"r": "b"}}}))
    monkeypatch.setattr(assessor, "chaining", other)
    with pytest.raises(Disagreement):
        assessor.assess(case({"a": True, "b": False}))


class OneEngine(experta.KnowledgeEngine):  # type: ignore[misc]
    """An engine of experta's own making, with our matcher in it."""

    __matcher__ = GroundMatcher

    def __init__(self, *rules: Any) -> None:
        self.own_rules = list(rules)
        super().__init__()

    def get_rules(self) -> list[Any]:
        return self.own_rules

    def ground_index(self) -> GroundIndex:
        return GroundIndex.of(self.own_rules)


def test_our_matcher_serves_experta_s_own_engine_and_takes_back_what_is_retracted() -> None:
    fired: list[str] = []
    both = experta.Rule(KnownFact(about="a", value=True), KnownFact(about="x", value=experta.P(lambda value: value > 2)))
    engine = OneEngine(both(lambda engine: fired.append("both")))
    engine.reset()
    engine.declare(KnownFact(about="a", value=True))
    kept = engine.declare(KnownFact(about="x", value=3.0))
    engine.retract(kept)
    engine.run()
    assert fired == []
    engine.declare(KnownFact(about="x", value=4.0))
    engine.run()
    assert fired == ["both"]


@pytest.mark.parametrize(
    "pattern",
    [
        experta.Fact(about="a"),
        KnownFact(about="a"),
        KnownFact(about="a", value=experta.W()),
        KnownFact(about="a", value=experta.MATCH.v),
    ],
)
def test_a_rule_that_is_not_ground_is_refused(pattern: Any) -> None:
    with pytest.raises(TypeError, match="not a ground pattern"):
        GroundIndex.of([experta.Rule(pattern)(lambda engine: None)])


def test_importing_experta_leaves_collections_and_the_root_logger_alone() -> None:
    assert not hasattr(collections, "Mapping")
    script = "import logging, expert.inference.forward_chaining; print(len(logging.getLogger().handlers))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=EXAMPLES.parents[2])
    assert done.stdout.strip() == "0"
    assert logging.getLogger("experta").level == logging.NOTSET
