"""Scenarios: whole patients, both sides of each dilemma, are told what a physician would say first, and never what would harm.

Each file of tests/knowledge/scenarios/ lists patients, with a note that says why each is there. `expect` has
`urgency` (the acceptable levels), `decided`, `first_causes` (one of them is among the first three that are in question),
`first_steps` (each among the first three steps), `never` (no step), `ask_first` (each among the first ten questions),
`open_examination` (all that an examination leaves open) and `most_steps`. A step is named by its id, or by what it says about
a topic of plan.yaml, such as {oral_fluids: withhold}. All of them go through one run of the program.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from facts.declaring.yaml_reading import read_document
from knowledge_base.model import KnowledgeBase
from tests.functional.charley import charley

FOLDER = Path(__file__).parent / "scenarios"
FIRST_CAUSES, FIRST_STEPS, FIRST_QUESTIONS = 3, 3, 10
CASE = ("findings", "medicines", "stopped_medicines")


@cache
def scenarios() -> Mapping[str, Mapping[str, Any]]:
    listed = [
        one
        for file in sorted(FOLDER.glob("*.yaml"))
        for one in read_document(file.read_text("utf-8"), file.name, typed=True).value
    ]
    named = {one["scenario"]: one for one in listed}
    assert len(named) == len(listed) and all(one["why"] and one["expect"]["urgency"] for one in listed)
    return named


@pytest.fixture(scope="module")
def assessments(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    cases = [{"case": name, **{key: one[key] for key in CASE if key in one}} for name, one in scenarios().items()]
    file = tmp_path_factory.mktemp("scenarios") / "scenarios.json"
    file.write_text(json.dumps(cases), encoding="utf-8")
    done = charley("report", file, "--format", "json")
    assert done.status == 0, done.err
    return {one["case"]: one for one in json.loads(done.out)}


def test_there_are_scenarios_of_every_level_and_both_decided_and_not(knowledge: KnowledgeBase) -> None:
    expected = [one["expect"] for one in scenarios().values()]
    assert len(expected) >= 40
    assert {level for entry in expected for level in entry["urgency"]} == set(knowledge.levels)
    assert {entry["decided"] for entry in expected if "decided" in entry} == {True, False}


@pytest.mark.parametrize("name", scenarios())
def test_a_scenario_comes_out_as_a_physician_would_have_it(
    name: str, assessments: Mapping[str, Any], knowledge: KnowledgeBase
) -> None:
    assert list(_faults(scenarios()[name]["expect"], assessments[name], knowledge)) == []


def _faults(expect: Mapping[str, Any], found: Mapping[str, Any], knowledge: KnowledgeBase) -> Iterator[str]:
    urgency = found["urgency"]
    if urgency["level"] not in expect["urgency"]:
        yield f"urgency {urgency['level']}, not {expect['urgency']}"
    if urgency["decided"] is not expect.get("decided", urgency["decided"]):
        yield f"decided is {urgency['decided']}; open: {urgency['open']}"
    grading = knowledge.grading
    causes = [
        cause["id"] for cause in found["causes"][:FIRST_CAUSES] if grading.at_least(cause["standing"], grading.considered)
    ]
    if expect.get("first_causes") and not set(causes) & set(expect["first_causes"]):
        yield f"causes {causes}, none of {expect['first_causes']}"
    steps = [knowledge.next_steps[step["id"]] for step in found["next_steps"] if not step["done"]]
    said = [{step.id, *(f"{topic}: {direction}" for topic, direction in step.topics.items())} for step in steps]
    for entry in expect.get("first_steps", ()):
        if not any(_named(entry) in one for one in said[:FIRST_STEPS]):
            yield f"{entry} is not among the first steps {[step.id for step in steps]}"
    for entry in expect.get("never", ()):
        telling = [step.id for step, one in zip(steps, said, strict=True) if _named(entry) in one]
        if telling:
            yield f"{telling} says {entry}"
    asked = [question["id"] for question in found["missing"][:FIRST_QUESTIONS]]
    yield from (f"{one} is not asked first: {asked}" for one in expect.get("ask_first", ()) if one not in asked)
    if "open_examination" in expect and urgency["open"]["examination"] != expect["open_examination"]:
        yield f"open to examination: {urgency['open']['examination']}"
    if len(steps) > expect.get("most_steps", len(steps)):
        yield f"{len(steps)} steps: {[step.id for step in steps]}"


def _named(entry: str | Mapping[str, str]) -> str:
    if isinstance(entry, str):
        return entry
    ((topic, direction),) = entry.items()
    return f"{topic}: {direction}"
