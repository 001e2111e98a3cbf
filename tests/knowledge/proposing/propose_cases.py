"""Propose cases of rules, in which each fires, nearly fires or is unknown, and cases around thresholds."""

import random
from collections.abc import Iterator, Mapping
from itertools import chain, islice

from facts.requirements import ancestors
from facts.vocabulary import ChoiceFinding, QuantityFinding, Value
from knowledge_base.conditions.expression import Or
from knowledge_base.conditions.logic import evaluate, push_negation_inward
from knowledge_base.model import Rule
from tests.knowledge.proposing.patients import Patients, Range

_TRIED = 60
"""Ways to fulfill a condition that are tried for one case."""
_TRIED_NEAR = 500
"""Patients that are tried before a rule is said to have none who nearly has it."""


class CaseProposer(Patients):
    """Proposes cases for rules and thresholds."""

    def firing(self, rule: Rule) -> dict[str, Value] | None:
        """Find a patient, told in as few words as possible, for whom the rule fires."""
        return min(self.fulfilling(rule.condition, _TRIED), key=len, default=None)

    def unknown(self, rule: Rule, fires: Mapping[str, Value]) -> dict[str, Value] | None:
        """Find a patient who is told as the one for whom the rule fires, but for an answer without which nobody knows."""
        for name in fires:
            left = {key: value for key, value in fires.items() if key != name}
            left = {key: value for key, value in left.items() if self.stands(key, left)}
            if self.truth(rule.id, left) is None:
                return left
        return None

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
        patients = chain((fires, full), self.random_patients(rule))
        changed = (near for values in patients for near in self.with_one_changed(values))
        for near in islice(changed, _TRIED_NEAR):
            if self.possible(near) and self.truth(rule.id, near) is False:
                return near
        well = self.well_patient(rule)
        return well if self.truth(rule.id, well) is False and self.is_one_answer_from_firing(rule.id, well) else None

    def well_patient(self, rule: Rule) -> dict[str, Value]:
        """Return a patient who answered everything that the rule asks, so that as little of it is left as can be."""
        condition = push_negation_inward(rule.condition)
        parts = condition.operands if isinstance(condition, Or) else (condition,)
        asked = dict.fromkeys(leaf.finding for leaf in self.all_leaves(condition))
        values: dict[str, Value] = {name: False for name in asked if self.findings[name].kind == "yes_no"}

        position = self.judge.position
        warning = [position[rule.id] for rule in self.knowledge.rules.values() if rule.kind == "warns"]
        defined = [position[name] for name in self.knowledge.definitions]

        def standing(tried: Mapping[str, Value]) -> int:
            judgement = self.judge(tried)
            named = {name: judgement.truth(position[name]) for name in self.knowledge.conditions}
            # What stands behind a sign counts one by one, so that every answer that closes some of it is a step.
            left = 100 * sum(not judgement.false(place) for place in warning)
            left += sum(not judgement.false(place) for place in defined)
            return left + 100 * sum(evaluate(part, tried, named) is not False for part in parts)

        least = standing(values)
        for name in [*asked, *asked]:
            finding = self.findings[name]
            chosen = finding.choices if isinstance(finding, ChoiceFinding) else self.others(name, 0.0)
            options: list[Value] = [*chosen]
            if finding.kind == "yes_no":
                options = [False, True]
            left, best = min(((standing({**values, name: option}), place) for place, option in enumerate(options)))
            if left < least:
                least, values[name] = left, options[best]
        return {name: value for name, value in values.items() if self.stands(name, values)}

    def with_one_changed(self, values: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
        """Return the patient with each answer changed to each other that it might be, one at a time."""
        for name in values:
            for other in self.others(name, values[name]):
                changed = {**values, name: other}
                yield {key: changed[key] for key in self.findings if key in changed and self.stands(key, changed)}

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
        """Return what the patient for whom the rule fires has of findings that mean nothing without this one."""
        fires = self.firing(self.knowledge.rules[rule]) or {}
        return {key: value for key, value in fires.items() if name in ancestors(key, self.findings)}

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

    def around_thresholds(self) -> Iterator[tuple[str, dict[str, Value]]]:
        """Return a patient just below, on and just above each number that a finding is compared with, and which that is."""
        for name, compared in self.thresholds.items():
            finding, step = self.findings[name], self.step(name)
            assert isinstance(finding, QuantityFinding)
            for threshold in compared:
                for where, move in (("just below", -step), ("on", 0.0), ("just above", step)):
                    value = round(threshold + move, 6)
                    if finding.range[0] <= value <= finding.range[1]:
                        yield f"{name} {where} {threshold:g}", {**self.values({name: Range(value, value)}), name: value}
