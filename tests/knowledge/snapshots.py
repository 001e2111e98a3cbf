"""Snapshots of what the knowledge concludes: a line a case, written by a program from the knowledge as it is.

`python -m tests.knowledge.snapshots` writes snapshots/CATEGORY.jsonl (of each rule a case in which it fires, one in which it
nearly does, one that leaves it unknown, and one for each part of its condition), snapshots/thresholds.jsonl (just below, on and
just above each number) and plans.jsonl, in seconds. A change of knowledge shows there as a change of lines, which a clinician
can read; `charley report` reads the cases too. What is committed is what the tests insist on.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click

from expert.cohorts.planes.cohort_judge import CohortJudge
from facts.answers import write_answer
from facts.case import Observed
from facts.intake.case_files import Intake, read_case_files
from facts.vocabulary import Value
from knowledge_base.conditions.logic import Truth
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase, Rule
from tests.cohort_frames import frame_of
from tests.knowledge.proposing.propose_cases import CaseProposer
from tests.knowledge.proposing.propose_part_cases import PartCaseProposer
from tests.knowledge.proposing.propose_plans import propose_plans

FOLDER = Path(__file__).with_name("snapshots")
PLANS = Path(__file__).with_name("plans.jsonl")
FIRES, NEARLY, UNKNOWN = "fires", "nearly fires", "unknown"
RENEW = "python -m tests.knowledge.snapshots writes this anew; read what changed"
_LABELS: Mapping[Truth, str] = {True: "fires", False: "ruled_out", None: "open"}


@dataclass(frozen=True)
class Proposed:
    """A case of a rule, or (without one) of a threshold, in the file that it goes to."""

    file: str
    name: str
    values: Mapping[str, Value]
    rule: Rule | None


def propose(knowledge: KnowledgeBase) -> dict[Path, str]:
    """Return every snapshot, as its file should be."""
    proposed = [*_of_rules(knowledge), *_of_thresholds(knowledge)]
    lines: dict[Path, list[str]] = {}
    for entry, expected in zip(proposed, _conclude(knowledge, proposed), strict=True):
        findings = {name: _written(knowledge, name, value) for name, value in entry.values.items()}
        lines.setdefault(FOLDER / f"{entry.file}.jsonl", []).append(
            _line({"case": entry.name, "findings": findings, "expected": expected})
        )
    lines[PLANS] = [_line(entry) for entry in propose_plans(knowledge)]
    return {path: "".join(listed) for path, listed in lines.items()}


def committed() -> dict[Path, str]:
    """Return every snapshot as it was committed."""
    return {path: path.read_text(encoding="utf-8") for path in (*sorted(FOLDER.glob("*.jsonl")), PLANS)}


def read_snapshots(knowledge: KnowledgeBase) -> Intake:
    """Read the committed cases, as `charley report` does."""
    return read_case_files([FOLDER], knowledge.vocabulary, knowledge.dictionary)


@cache
def expected_plans() -> tuple[Mapping[str, Any], ...]:
    """Return what is committed of steps and guards."""
    return tuple(json.loads(line) for line in PLANS.read_text(encoding="utf-8").splitlines())


def _of_rules(knowledge: KnowledgeBase) -> Iterator[Proposed]:
    """Return the cases of each rule, in the order of the rules; no patient is told twice for one rule."""
    cases, parts = CaseProposer(knowledge), PartCaseProposer(knowledge)
    of_definitions: dict[str, list[Mapping[str, Value]]] = {}
    for name in knowledge.definitions:
        for rule, values in parts.definition_cases(name):
            of_definitions.setdefault(rule.id, []).append(values)
    for rule in knowledge.rules.values():
        fires = cases.firing(rule)
        told: list[Mapping[str, Value]] = []
        if fires is not None:
            found = ((FIRES, fires), (NEARLY, cases.near(rule, fires)), (UNKNOWN, cases.unknown(rule, fires)))
            for what, patient in found:
                if patient is not None:
                    told.append(patient)
                    yield Proposed(_category(rule), f"{rule.id}: {what}", patient, rule)
        part = 0
        for values in (*parts.cases(rule), *of_definitions.get(rule.id, ())):
            if values not in told:
                told.append(values)
                part += 1
                yield Proposed(_category(rule), f"{rule.id}: part {part}", values, rule)


def _of_thresholds(knowledge: KnowledgeBase) -> Iterator[Proposed]:
    for name, values in CaseProposer(knowledge).around_thresholds():
        yield Proposed("thresholds", name, values, None)


def _category(rule: Rule) -> str:
    return Path(rule.place.file).stem


def _conclude(knowledge: KnowledgeBase, proposed: list[Proposed]) -> Iterator[dict[str, Any]]:
    """Return what each case expects: all of them are judged at once."""
    judged = CohortJudge(knowledge)(frame_of(knowledge, [entry.values for entry in proposed]))
    truths = {name: judged.truth(name).to_list() for name in knowledge.rules}
    standings = {name: standing.to_list() for name, standing in judged.standings().items()}
    urgency, fired = judged.urgency().to_list(), judged.fired(tuple(knowledge.rules)).to_list()
    for row, entry in enumerate(proposed):
        rule = entry.rule
        if rule is None:
            yield {"fires": fired[row]} if fired[row] else {}
            continue
        truth = truths[rule.id][row]
        expected: dict[str, Any] = {_LABELS[truth]: [rule.id]}
        # What comes of it shows a wrong strength or level too.
        if truth and rule.target in standings:
            expected["standings"] = {rule.target: standings[rule.target][row]}
        if truth and rule.kind == "warns":
            expected["urgency"] = urgency[row]
        yield expected


def _written(knowledge: KnowledgeBase, name: str, value: Value) -> bool | float | str:
    # A number that might be in another unit is written with its own.
    written = write_answer(knowledge.vocabulary.findings[name], Observed(value))
    return int(written) if isinstance(written, float) and written.is_integer() else written


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False) + "\n"


@click.command()
def main() -> None:
    """Write every snapshot anew, and name those that changed."""
    FOLDER.mkdir(exist_ok=True)
    before, after = committed() if PLANS.exists() else {}, propose(load_knowledge_base())
    for path in before.keys() - after.keys():
        path.unlink()
    for path in (path for path in after if before.get(path) != after[path]):
        path.write_text(after[path], encoding="utf-8")
        click.echo(path.name)


if __name__ == "__main__":
    main()
