"""durable_rules with the ground rules of a knowledge base, in its own idiom; for `benchmarks.engines`.

What durable_rules 2.0.28 needs is met here. Its tables have fixed sizes, and a full one makes `create_ruleset` run forever, so
the facts are spread over groups (`G3`), each with a table of its own, and what would not fit is refused first. A fact that no
rule asks for is an error, so every group has a rule that asks and never fires. Its background threads would fire rules in the
middle of a case, and disturb whatever else is measured, so they are not started.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import reduce
from math import isqrt
from operator import and_, or_
from typing import Any

from durable.engine import Host
from durable.lang import m, pri, ruleset, when_all

from benchmarks.other_engines.ground_patterns import Pattern, about, patterns
from expert.inference.ground_rules import GroundRule, ground_rules
from facts.vocabulary import Value
from knowledge_base.model import KnowledgeBase

# From rules.h, state.h and the way they are used in rete.c and events.c.
_TESTS_IN_A_GROUP = 500
_RULES_OF_A_TEST = 250
_FACTS_IN_A_RULE = 16


class DoesNotFit(ValueError):
    """A knowledge base that exceeds a fixed table of durable_rules; the text says which."""


class _QuietHost(Host):  # type: ignore[misc]
    def _run(self) -> None:
        """Start no background threads: everything happens in the call that asserts a fact."""


class DurableEngine:
    """One ruleset with all ground rules; each case is asserted and then retracted, which is faster than a new state a case."""

    def __init__(self, knowledge: KnowledgeBase, name: str = "case") -> None:
        self.name = name
        self.fired: list[GroundRule] = []
        self.concluded: dict[tuple[str, bool], dict[str, Any]] = {}
        compiled = [
            (rule, wanted)
            for rule in ground_rules(knowledge).rules
            if (wanted := patterns(rule, knowledge.vocabulary)) is not None
        ]
        asked = {pattern.about: pattern for _, wanted in compiled for pattern in wanted}
        count = isqrt(len(asked)) + 1
        self.group = {name: f"G{number % count}" for number, name in enumerate(asked)}
        self.asked = {(pattern.about, answer) for _, wanted in compiled for pattern in wanted for answer in pattern.answers}
        self.refuse_what_does_not_fit(compiled, count)
        rules = ruleset(name)
        with rules:
            for number in range(count):
                when_all(getattr(m, f"G{number}") == 1, m.NEVER == 1)(_do_nothing)
            for rule, wanted in compiled:
                # Among rules that could fire, the lowest number fires first; 0 would mean that none is given.
                when_all(*(self.condition(pattern) for pattern in wanted), pri(rule.rank + 1))(self.action(rule))
        # `Host` in place of the module-level functions of durable.lang, which would start its threads.
        self.host = _QuietHost(dict([rules.define()]))

    def refuse_what_does_not_fit(self, compiled: list[tuple[GroundRule, tuple[Pattern, ...]]], groups: int) -> None:
        """Raise DoesNotFit where durable_rules would hang or overflow."""
        uses = Counter(pattern for _, wanted in compiled for pattern in wanted)
        in_group = Counter(self.group[pattern.about] for pattern in uses)
        for found, limit, what in (
            (groups, _TESTS_IN_A_GROUP, "groups of facts"),
            (max(in_group.values()), _TESTS_IN_A_GROUP, "tests in one group of facts"),
            (max(uses.values()), _RULES_OF_A_TEST, "rules that share a test"),
            (max(len(wanted) for _, wanted in compiled), _FACTS_IN_A_RULE, "facts in one rule"),
        ):
            if found > limit:
                raise DoesNotFit(f"{found} {what}, where durable_rules has room for {limit}")

    def condition(self, pattern: Pattern) -> Any:
        """Write a pattern as durable_rules has it: the group first, because the tests form a tree."""
        value = getattr(m, pattern.about)
        compare: dict[str, Callable[[float], Any]] = {
            "<": value.__lt__,
            "<=": value.__le__,
            ">": value.__gt__,
            ">=": value.__ge__,
        }
        tests = [getattr(m, self.group[pattern.about]) == 1]
        tests.extend(compare[operator](threshold) for operator, threshold in pattern.bounds)
        if pattern.choices or pattern.answers:
            tests.append(reduce(or_, (value == wanted for wanted in pattern.choices or pattern.answers)))
        return reduce(and_, tests)

    def action(self, rule: GroundRule) -> Callable[[Any], None]:
        """Return what happens when a rule fires; asserting a fact twice would be an error."""
        name, truth = about(rule.conclusion), rule.conclusion.truth
        key = (name, truth)
        fact = {self.group[name]: 1, name: truth} if key in self.asked else None

        def fire(closure: Any) -> None:
            self.fired.append(rule)
            if fact is not None and key not in self.concluded:
                self.concluded[key] = fact
                closure.assert_fact(dict(fact))

        return fire

    def fire_and_read(self, values: Mapping[str, Value]) -> list[GroundRule]:
        """Assert what is known, which fires the rules, give those that fired, in order, and take everything back."""
        self.fired = []
        self.concluded = {}
        group = self.group
        facts = [{group[name]: 1, name: value} for name, value in values.items() if name in group]
        if facts:
            self.host.assert_facts(self.name, facts)
            self.host.retract_facts(self.name, [*facts, *self.concluded.values()])
        return self.fired


def _do_nothing(_: Any) -> None:
    pass
