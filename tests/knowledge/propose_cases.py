"""Propose cases for rules that have none: one that fires, one that nearly does, and those around each threshold.

`python -m tests.knowledge.propose_cases` writes cases/rules/ and cases/thresholds/, beside this file. A change of knowledge
then shows there as a change of cases, which a clinician can read; what is committed is what the tests insist on. The case of
a rule that is still right stays as it is (`--all` proposes every one anew, which takes minutes).
"""

import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import click

from facts.answers import write_answer
from facts.case import Case, Observed
from facts.intake.case_files import read_case_files
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, Value
from knowledge_base.conditions.expression import (
    And,
    AtLeast,
    Compared,
    Expression,
    Leaf,
    Named,
    Not,
    OneOf,
    Or,
    Present,
    operands,
)
from knowledge_base.conditions.logic import evaluate, push_negation_inward
from knowledge_base.judging.judgement import Judge, contradiction_key
from knowledge_base.judging.thresholds import thresholds
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase, Rule

CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Range:
    """The values that a quantity may still have."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False


Wanted: TypeAlias = bool | Range | frozenset[str]
Demand: TypeAlias = Mapping[str, Wanted]


class Proposer:
    """Finds patients who fulfil conditions, by trying the ways to fulfil them, the simplest first."""

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self.knowledge, self.judge = knowledge, Judge(knowledge)
        self.findings = knowledge.vocabulary.findings
        self._thresholds = self._all_thresholds()

    def truth(self, name: str, values: Mapping[str, Value]) -> bool | None:
        return self.judge(values).truth(self.judge.position[name])

    def possible(self, values: Mapping[str, Value]) -> bool:
        """Return whether a patient can have these values: nothing they require is denied, and no contradiction holds."""
        judgement = self.judge(values)
        if any(judgement.true[self.judge.position[contradiction_key(name)]] for name in self.knowledge.contradictions):
            return False
        return all(
            value is False or (needed := self.findings[name].requires) is None or values.get(needed) is True
            for name, value in values.items()
        )

    # Fulfilling a condition

    def demands(self, tree: Expression, so_far: Demand) -> Iterator[Demand]:
        """Return the ways to make a condition (negation pushed inward) true, on top of what is demanded already."""
        match tree:
            case Present() | Compared() | OneOf():
                yield from self.merge(so_far, tree, True)
            case Not(Present() | Compared() | OneOf() as leaf):
                yield from self.merge(so_far, leaf, False)
            case Named(name):
                yield from self.demands(push_negation_inward(self.knowledge.conditions[name]), so_far)
            case Not(Named(name)):
                yield from self.demands(push_negation_inward(self.knowledge.conditions[name], negate=True), so_far)
            case And(operands):
                yield from self.all_of(operands, so_far)
            case Or(operands):
                for operand in operands:
                    yield from islice(self.demands(operand, so_far), 4)
            case AtLeast(count, operands):
                for start in range(len(operands) - count + 1):
                    yield from islice(self.all_of(operands[start : start + count], so_far), 4)

    def all_of(self, operands: tuple[Expression, ...], so_far: Demand) -> Iterator[Demand]:
        if not operands:
            yield so_far
            return
        for demand in islice(self.demands(operands[0], so_far), 12):
            yield from self.all_of(operands[1:], demand)

    def merge(self, so_far: Demand, leaf: Leaf, truth: bool) -> Iterator[Demand]:
        wanted = self.wanted(leaf, truth)
        before = so_far.get(leaf.finding)
        if before is not None:
            both = _both(before, wanted)
            if both is None:
                return
            wanted = both
        yield {**so_far, leaf.finding: wanted}

    def wanted(self, leaf: Leaf, truth: bool) -> Wanted:
        finding = self.findings[leaf.finding]
        match leaf:
            case OneOf(_, choices) if isinstance(finding, ChoiceFinding):
                return frozenset(choice for choice in finding.choices if (choice in choices) is truth)
            case Compared(_, operator, threshold) if isinstance(finding, QuantityFinding):
                low, high = finding.range
                below = (operator in ("<", "<=")) is truth
                # "not x < 3" is "x >= 3": the open end changes sides with the truth.
                opened = (operator in ("<", ">")) is truth
                return Range(low, threshold, high_open=opened) if below else Range(threshold, high, low_open=opened)
            case _:
                return truth

    def values(self, demand: Demand) -> dict[str, Value]:
        chosen = {name: self.value(self.findings[name], wanted) for name, wanted in demand.items()}
        for name in list(chosen):
            above = name
            while chosen[name] is not False and (needed := self.findings[above].requires) is not None:
                chosen.setdefault(needed, True)
                above = needed
        return {name: chosen[name] for name in self.findings if name in chosen}

    def value(self, finding: Finding, wanted: Wanted) -> Value:
        if isinstance(wanted, frozenset):
            assert isinstance(finding, ChoiceFinding)
            return next(choice for choice in finding.choices if choice in wanted)
        if isinstance(wanted, Range):
            assert isinstance(finding, QuantityFinding)
            low, high = finding.range
            # As near to a threshold as it goes: that is where a wrong one shows.
            if wanted.high < high:
                return round(wanted.high - (self.step(finding.id) if wanted.high_open else 0), 6)
            if wanted.low > low:
                return round(wanted.low + (self.step(finding.id) if wanted.low_open else 0), 6)
            return low
        return wanted

    def step(self, name: str) -> float:
        """Return the smallest step that the finding's thresholds are written in."""
        texts = [f"{threshold:g}" for threshold in self.thresholds().get(name, ())]
        digits = max((len(text.partition(".")[2]) for text in texts), default=0)
        return float(10**-digits)

    def thresholds(self) -> dict[str, list[float]]:
        """Give, for each finding that is compared, the numbers that it is compared with."""
        return self._thresholds

    def _all_thresholds(self) -> dict[str, list[float]]:
        rules = self.knowledge.rules.values()
        return thresholds([*(rule.condition for rule in rules), *self.knowledge.conditions.values()])

    # Proposals

    def firing(self, rule: Rule) -> dict[str, Value] | None:
        """Find a patient, told in as few words as possible, for whom the rule fires."""
        patients = [self.values(demand) for demand in islice(self.demands(push_negation_inward(rule.condition), {}), 60)]
        fitting = [values for values in patients if self.possible(values) and self.truth(rule.id, values) is True]
        return min(fitting, key=len, default=None)

    def near(self, rule: Rule, fires: Mapping[str, Value]) -> dict[str, Value] | None:
        """Find a patient for whom the rule is ruled out, and would fire if one finding were otherwise."""
        full = dict(fires)
        for leaf in self.all_leaves(rule.condition):
            if leaf.finding not in full:
                for wanted in (self.wanted(leaf, False), self.wanted(leaf, True)):
                    tried = {**full, leaf.finding: self.value(self.findings[leaf.finding], wanted)}
                    if self.possible(tried) and self.truth(rule.id, tried) is True:
                        full = tried
                        break
        for values in (fires, full, *self.random_patients(rule)):
            near = self.one_answer_away(rule, values)
            if near is not None:
                return near
        well = self.well_patient(rule)
        return well if self.truth(rule.id, well) is False and self.is_one_answer_from_firing(rule.id, well) else None

    def well_patient(self, rule: Rule) -> dict[str, Value]:
        """Return a patient who answered everything that the rule asks, so that as little of it is left as can be."""
        condition = push_negation_inward(rule.condition)
        parts = condition.operands if isinstance(condition, Or) else (condition,)
        asked = dict.fromkeys(leaf.finding for leaf in self.all_leaves(condition))
        values: dict[str, Value] = {name: False for name in asked if self.findings[name].kind == "yes_no"}

        def standing(tried: Mapping[str, Value]) -> int:
            named = self.judge.truths(self.judge(tried))
            # What stands behind a sign counts one by one, so that every answer that closes some of it is a step.
            rules = [rule.id for rule in self.knowledge.rules.values() if rule.kind == "warns"]
            left = 100 * sum(named[name] is not False for name in rules)
            left += sum(named[name] is not False for name in self.knowledge.definitions)
            return left + 100 * sum(evaluate(part, tried, named) is not False for part in parts)

        for name in [*asked, *asked]:
            finding = self.findings[name]
            chosen = finding.choices if isinstance(finding, ChoiceFinding) else self.others(name, 0.0)
            options: list[Value] = [*chosen]
            if finding.kind == "yes_no":
                options = [False, True]
            best = min(options, key=lambda option: standing({**values, name: option}))
            if standing({**values, name: best}) < standing(values):
                values[name] = best
        return {name: value for name, value in values.items() if self.stands(name, values)}

    def one_answer_away(self, rule: Rule, values: Mapping[str, Value]) -> dict[str, Value] | None:
        for name in values:
            for other in self.others(name, values[name]):
                changed = {**values, name: other}
                tried = {key: value for key, value in changed.items() if self.stands(key, changed)}
                if self.possible(tried) and self.truth(rule.id, tried) is False:
                    return {key: tried[key] for key in self.findings if key in tried}
        return None

    def is_one_answer_from_firing(self, rule: str, values: Mapping[str, Value]) -> bool:
        """Return whether another answer to one finding would make the rule fire (with what that answer requires)."""
        asked = dict.fromkeys(leaf.finding for leaf in self.all_leaves(self.knowledge.rules[rule].condition))
        for name in asked:
            before = values.get(name)
            finding = self.findings[name]
            others = (
                list(finding.choices)
                if isinstance(finding, ChoiceFinding)
                else self.others(name, before if before is not None else True)
            )
            for other in others:
                tried = {**values, name: other}
                above = name
                while (needed := self.findings[above].requires) is not None:
                    tried.setdefault(needed, True)
                    above = needed
                if self.truth(rule, tried) is True:
                    return True
        # A denied requirement took its followers with it: giving it back means giving them back too.
        return any(
            self.truth(rule, {**values, name: True, **self.followers(name, rule)}) is True
            for name in asked
            if values.get(name) is False
        )

    def followers(self, name: str, rule: str) -> dict[str, Value]:
        fires = self.firing(self.knowledge.rules[rule]) or {}
        return {key: value for key, value in fires.items() if self.findings[key].requires == name}

    def random_patients(self, rule: Rule) -> Iterator[dict[str, Value]]:
        """Return patients for whom the rule fires and who answered everything it asks, drawn the same way every time."""
        draw = random.Random(rule.id)
        asked = list(self.all_leaves(rule.condition))
        for attempt in range(200):
            share = (0.1, 0.5, 0.9)[attempt % 3]
            demand = {leaf.finding: self.wanted(leaf, draw.random() < share) for leaf in draw.sample(asked, len(asked))}
            values = {name: self.value(self.findings[name], wanted) for name, wanted in demand.items()}
            values = {name: value for name, value in values.items() if self.stands(name, values)}
            if self.possible(values) and self.truth(rule.id, values) is True:
                yield values

    def stands(self, name: str, values: Mapping[str, Value]) -> bool:
        needed = self.findings[name].requires
        return needed is None or values[name] is False or (values.get(needed) is True and self.stands(needed, values))

    def others(self, name: str, value: Value) -> Iterable[Value]:
        finding = self.findings[name]
        if isinstance(finding, ChoiceFinding):
            return [choice for choice in finding.choices if choice != value]
        if isinstance(finding, QuantityFinding):
            step, (low, high) = self.step(name), finding.range
            near = [t + d for t in self.thresholds().get(name, []) for d in (-step, 0.0, step)]
            return [round(v, 6) for v in sorted(near, key=lambda v: abs(v - float(value))) if low <= v <= high and v != value]
        return [not value]

    def all_leaves(self, tree: Expression) -> Iterator[Leaf]:
        if isinstance(tree, Leaf):
            yield tree
        for part in (self.knowledge.conditions[tree.name],) if isinstance(tree, Named) else operands(tree):
            yield from self.all_leaves(part)


def _both(first: Wanted, second: Wanted) -> Wanted | None:
    if isinstance(first, Range) and isinstance(second, Range):
        low = max(first.low, second.low)
        high = min(first.high, second.high)
        both = replace(
            first,
            low=low,
            high=high,
            low_open=any(r.low_open for r in (first, second) if r.low == low),
            high_open=any(r.high_open for r in (first, second) if r.high == high),
        )
        return both if low < high or (low == high and not (both.low_open or both.high_open)) else None
    if isinstance(first, frozenset) and isinstance(second, frozenset):
        return first & second or None
    return first if first == second else None


def written(name: str, values: Mapping[str, Value], **expected: list[str]) -> str:
    """Write a case as a line of YAML flow, short enough to be read in a diff."""
    return labeled(name, values, {key: f"[{', '.join(ids)}]" for key, ids in expected.items() if ids})


def labeled(name: str, values: Mapping[str, Value], expected: Mapping[str, str]) -> str:
    """Write a case whose labels are written already."""
    findings = ", ".join(f"{key}: {_word(key, value)}" for key, value in values.items())
    labels = ", ".join(f"{key}: {label}" for key, label in expected.items())
    return f"- case: {json.dumps(name)}\n  findings: {{{findings}}}\n  expected: {{{labels}}}\n"


def _word(name: str, value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    # A number that might be in another unit is written with its own.
    written = write_answer(_findings()[name], Observed(value))
    return f"{written:.10g}" if isinstance(written, float) else str(written)


@cache
def _findings() -> Mapping[str, Finding]:
    return load_knowledge_base().vocabulary.findings


class Committed:
    """The cases of rules as they are committed: what of them is still right need not be proposed again."""

    def __init__(self, proposer: Proposer, folder: Path) -> None:
        self.proposer = proposer
        self.cases: dict[str, Case] = {}
        self.texts: dict[str, str] = {}
        intake = read_case_files([folder], proposer.knowledge.vocabulary, proposer.knowledge.dictionary)
        self.cases.update((case.name, case) for case, _ in intake.cases)
        for file in sorted(folder.glob("*.yaml")):
            for text in re.split(r"^(?=- case: )", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
                self.texts[json.loads(text.partition("\n")[0].removeprefix("- case: "))] = text

    def still_fires(self, rule: str) -> str | None:
        """Return the text of the case in which a rule fires, if it still does."""
        case = self.cases.get(f"{rule}: fires")
        right = case is not None and self.proposer.possible(case.values) and self.proposer.truth(rule, case.values) is True
        return self.texts[f"{rule}: fires"] if right else None

    def still_nearly_fires(self, rule: str) -> str | None:
        """Return the text of the case in which one answer keeps a rule from firing, if it still does."""
        case = self.cases.get(f"{rule}: nearly fires")
        right = (
            case is not None
            and self.proposer.possible(case.values)
            and self.proposer.truth(rule, case.values) is False
            and self.proposer.is_one_answer_from_firing(rule, case.values)
        )
        return self.texts[f"{rule}: nearly fires"] if right else None


@click.command()
@click.option("--all", "anew", is_flag=True, help="Propose every case anew, also where the committed one is still right.")
def main(anew: bool) -> None:
    """Write the cases of every rule and around every threshold."""
    knowledge = load_knowledge_base()
    proposer = Proposer(knowledge)
    committed = Committed(proposer, CASES / "no-such-folder" if anew else CASES / "rules")
    files: dict[str, list[str]] = {}
    for rule in knowledge.rules.values():
        fires_text, near_text = committed.still_fires(rule.id), committed.still_nearly_fires(rule.id)
        if fires_text is None or near_text is None:
            fires = proposer.firing(rule)
            near = None if fires is None else proposer.near(rule, fires)
            fires_text = fires_text or (fires and written(f"{rule.id}: fires", fires, fires=[rule.id]))
            near_text = near_text or (near and written(f"{rule.id}: nearly fires", near, ruled_out=[rule.id]))
        found = (("fires", fires_text), ("nearly fires", near_text))
        files.setdefault(f"rules/{Path(rule.place.file).stem}.yaml", []).extend(text for _, text in found if text)
        for what, text in found:
            if not text:
                click.echo(f"{rule.place}: no case was found in which {rule.id} {what}; write one by hand")
    for name, compared in proposer.thresholds().items():
        finding = knowledge.vocabulary.findings[name]
        assert isinstance(finding, QuantityFinding)
        for threshold in compared:
            for where, value in _around(threshold, proposer.step(name), finding):
                values = proposer.values({name: Range(value, value)})
                values[name] = value
                judgement = proposer.judge(values)
                fired = [rule for rule in knowledge.rules if judgement.truth(proposer.judge.position[rule])]
                files.setdefault(f"thresholds/{finding.group}.yaml", []).append(
                    written(f"{name} {where} {threshold:g}", values, fires=fired)
                )
    for folder in ("rules", "thresholds"):
        for old in (CASES / folder).glob("*.yaml"):
            old.unlink()
    for file, cases in files.items():
        path = CASES / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(cases), encoding="utf-8")


def _around(threshold: float, step: float, finding: QuantityFinding) -> Iterator[tuple[str, float]]:
    for where, value in (("just below", threshold - step), ("on", threshold), ("just above", threshold + step)):
        if finding.range[0] <= value <= finding.range[1]:
            yield where, round(value, 6)


if __name__ == "__main__":
    main()
