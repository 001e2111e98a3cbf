"""Forward chaining with experta, one case at a time; the only module that imports experta.

What experta 1.9.4 needs from us, each met here and nowhere else: it does not import on Python 3.10 and later until names that moved
to `collections.abc` are put back; it configures the root logger; `Rule.__get__` would write one patient's engine into an object that
all threads share, so rules are never class attributes here; the order of equally salient rules follows the hash seed, so no two
rules are equally salient; a repeated fact loses its second justification, so firings are recorded by us.
"""

import collections
import collections.abc
import logging
import threading
from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from expert.ground_rules import CONCLUDING_TIER, Derived, GroundRule, Observation, Premise, ground_rules
from facts.vocabulary import Value
from knowledge_base.expression import Leaf
from knowledge_base.grading import Tally
from knowledge_base.logic import evaluate_leaf
from knowledge_base.model import KnowledgeBase, Rule


def _import_experta() -> Any:
    """Import experta on any Python: its dependency looks for what `collections` lost in 3.10, and logging must stay ours."""
    lost = ("Mapping", "MutableMapping", "Sequence", "Iterable", "Callable", "Hashable")
    absent = [name for name in lost if not hasattr(collections, name)]
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    for name in absent:
        setattr(collections, name, getattr(collections.abc, name))
    try:
        import experta
        import experta.abstract
        import experta.activation
        import experta.agenda
        import experta.factlist
        import experta.matchers
    finally:
        for name in absent:
            delattr(collections, name)
        root.handlers[:] = handlers
        root.setLevel(level)
    return experta


experta = _import_experta()

MatcherName: TypeAlias = Literal["ground", "rete"]
FactKey: TypeAlias = tuple[str, Any]


class Known(experta.Fact):  # type: ignore[misc]
    """A fact: what it is about, and what that is worth. Nothing is ever about one thing twice."""


class GroundMatcher(experta.abstract.Matcher):  # type: ignore[misc]
    """A matcher for ground rules: a fact wakes only the rules that mention it, and a rule counts the premises it still lacks.

    RETE joins patterns over variables; rules without any need only counting. Raises TypeError for a rule that is not ground.
    """

    def __init__(self, engine: Any) -> None:
        super().__init__(engine)
        self.rules = tuple(engine.get_rules())
        self.lacking_at_first = tuple(len(rule) for rule in self.rules)
        self.mentions = _mentions(self.rules)
        self.reset()

    def reset(self) -> None:
        """Forget every fact."""
        self.lacking = list(self.lacking_at_first)
        self.matched: list[list[Any]] = [[] for _ in self.rules]
        self.live: dict[int, Any] = {}

    def changes(self, adding: Any = None, deleting: Any = None) -> tuple[list[Any], list[Any]]:
        """Take in added and retracted facts; give the activations that arise and those that fall away."""
        added, removed = [], []
        for fact in deleting or ():
            for index in self._woken(fact):
                self.lacking[index] += 1
                self.matched[index].remove(fact)
                if index in self.live:
                    removed.append(self.live.pop(index))
        for fact in adding or ():
            for index in self._woken(fact):
                self.lacking[index] -= 1
                self.matched[index].append(fact)
                if not self.lacking[index]:
                    activation = experta.activation.Activation(self.rules[index], self.matched[index])
                    self.live[index] = activation
                    added.append(activation)
        return added, removed

    def _woken(self, fact: Any) -> list[int]:
        if type(fact) is not Known:
            return []
        value = fact["value"]
        return [index for test, rules in self.mentions.get(fact["about"], ()) if test(value) for index in rules]


def _mentions(rules: Sequence[Any]) -> Mapping[str, Sequence[tuple[Callable[[Any], bool], list[int]]]]:
    """Index the rules by what their patterns are about; patterns with one test share an entry."""
    mentions: dict[str, dict[Callable[[Any], bool], list[int]]] = {}
    for index, rule in enumerate(rules):
        for pattern in rule:
            if type(pattern) is not Known or set(pattern) != {"about", "value"} or not isinstance(pattern["value"], experta.P):
                raise TypeError(f"not a ground pattern: {pattern!r}")
            mentions.setdefault(pattern["about"], {}).setdefault(pattern["value"].match, []).append(index)
    return {about: list(tests.items()) for about, tests in mentions.items()}


class _BySalience(experta.abstract.Strategy):  # type: ignore[misc]
    """Order the agenda by salience, which no two rules share; experta's own strategy keeps engines alive in a global cache."""

    def _update_agenda(self, agenda: Any, added: Any, removed: Any) -> None:
        for activation in removed:
            if activation in agenda.activations:
                agenda.activations.remove(activation)
        for activation in added:
            activation.key = activation.rule.salience
            insort(agenda.activations, activation, key=_salience)


def _salience(activation: Any) -> int:
    return int(activation.rule.salience)


class _Engine(experta.KnowledgeEngine):  # type: ignore[misc]
    """An experta engine for one compiled knowledge base, with one case at a time in it."""

    __strategy__ = _BySalience

    def __init__(self, program: "_Program") -> None:
        self.program = program
        self.begin()
        super().__init__()

    def begin(self) -> None:
        """Forget what was concluded about the last case."""
        self.firings: list[GroundRule] = []
        self.tallies: dict[str, list[int]] = {}
        self.standings: dict[str, str] = {}
        self.level: str = self.program.lowest_level

    def get_rules(self) -> list[Any]:
        """Give the compiled rules; experta would look for them among all members, properties included."""
        return self.program.rules

    def reset(self, **_: Any) -> None:
        """Empty the engine for another case, without experta's search of all members for initial facts."""
        self.begin()
        self.agenda = experta.agenda.Agenda()
        self.facts = experta.factlist.FactList()
        self.matcher.reset()
        self.facts.declare(experta.InitialFact())
        self.running = False


class _ReteEngine(_Engine):
    __matcher__ = experta.matchers.ReteMatcher


class _GroundEngine(_Engine):
    __matcher__ = GroundMatcher


class _Program:
    """A knowledge base compiled to experta rules, once; engines of any thread share it and never write to it."""

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self.knowledge = knowledge
        self.lowest_level = next(iter(knowledge.levels))
        self.tests: dict[Any, Callable[[Any], bool]] = {}
        grounded = ground_rules(knowledge)
        # Saliences fall from here: the ground rules up to the next steps, the conclusions over all arguments, the next steps.
        salience = 2 * (len(grounded.rules) + len(knowledge.causes) + 2)
        self.rules: list[Any] = []
        for rule in grounded.rules[: grounded.first_step]:
            self.add(salience := salience - 1, [_key(premise) for premise in rule.premises], self.firing(rule))
        self.add(salience := salience - 1, [("this case", True)], _conclude_arguments)
        for cause in knowledge.causes:
            self.add(salience := salience - 1, [("all arguments", True), (f"argued {cause}", True)], self.grading(cause))
        self.add(salience := salience - 1, [("all arguments", True)], _conclude_urgency)
        for rule in grounded.rules[grounded.first_step :]:
            self.add(salience := salience - 1, [_key(premise) for premise in rule.premises], self.firing(rule))

    def add(self, salience: int, premises: Sequence[FactKey], effect: Callable[[Any], None]) -> None:
        patterns = [Known(about=about, value=experta.P(self.test(about, wanted))) for about, wanted in premises]
        self.rules.append(experta.Rule(*patterns, salience=salience)(effect))

    def test(self, about: str, wanted: Any) -> Callable[[Any], bool]:
        """Give the test of a fact's value; equal tests are one function, which is how both matchers share them."""
        key = (about, wanted)
        if key not in self.tests:
            self.tests[key] = _leaf_test(*wanted) if isinstance(wanted, tuple) else _truth_test(wanted)
        return self.tests[key]

    def firing(self, ground: GroundRule) -> Callable[[Any], None]:
        about, value = _key(ground.conclusion)
        rule = self.knowledge.rules.get(ground.conclusion.id) if ground.conclusion.kind == "rule" else None
        rank = self.knowledge.level_rank

        def fire(engine: Any) -> None:
            engine.firings.append(ground)
            if engine.declare(Known(about=about, value=value)) is None or rule is None:
                return
            if rule.kind == "warns":
                engine.level = max(engine.level, rule.level, key=rank.__getitem__)
            elif rule.kind != "advises":
                if rule.target not in engine.tallies:
                    engine.tallies[rule.target] = [0] * len(Tally._fields)
                    engine.declare(Known(about=f"argued {rule.target}", value=True))
                engine.tallies[rule.target][_TALLY[rule.kind, rule.strength]] += 1

        return fire

    def grading(self, cause: str) -> Callable[[Any], None]:
        grading = self.knowledge.grading

        def grade(engine: Any) -> None:
            standing = grading.standing(Tally(*engine.tallies[cause]))
            engine.standings[cause] = standing
            engine.declare(Known(about=f"standing {cause}", value=standing))

        return grade


_TALLY = {
    ("confirms", None): 0,
    ("supports", "strong"): 1,
    ("supports", "weak"): 2,
    ("opposes", "strong"): 3,
    ("opposes", "weak"): 4,
    ("excludes", None): 5,
}


def _conclude_arguments(engine: Any) -> None:
    engine.declare(Known(about="all arguments", value=True))


def _conclude_urgency(engine: Any) -> None:
    engine.declare(Known(about="the urgency", value=engine.level))


def _key(premise: Premise) -> FactKey:
    if isinstance(premise, Observation):
        return premise.leaf.finding, (premise.leaf, premise.truth)
    return f"{premise.kind} {premise.id}", premise.truth


def _leaf_test(leaf: Leaf, truth: bool) -> Callable[[Any], bool]:
    finding = leaf.finding
    return lambda value: evaluate_leaf(leaf, {finding: value}) is truth


def _truth_test(wanted: bool) -> Callable[[Any], bool]:
    return lambda value: value is wanted


@dataclass(frozen=True, slots=True)
class Derivation:
    """What forward chaining derived of one case: every firing in order, the standing of every cause argued about, the urgency."""

    firings: tuple[GroundRule, ...]
    standings: Mapping[str, str]
    level: str

    @property
    def fired(self) -> tuple[str, ...]:
        """The ids of the rules that fired, in order and once each."""
        rules = (ground.conclusion.id for ground in self.firings if ground.conclusion.kind == "rule")
        return tuple(dict.fromkeys(rules))

    def justifications(self) -> Mapping[Derived, list[tuple[Premise, ...]]]:
        """Give every justification of everything derived: two rules that support one conclusion are two."""
        graph: dict[Derived, list[tuple[Premise, ...]]] = {}
        for ground in self.firings:
            graph.setdefault(ground.conclusion, []).append(ground.premises)
        return graph


class ForwardChaining:
    """Draws conclusions from known findings with experta; may be used by any number of threads at once.

    `matcher` is "ground" (ours, for ground rules) or "rete" (experta's own); both give the same derivation.
    """

    def __init__(self, knowledge: KnowledgeBase, matcher: MatcherName = "ground") -> None:
        self.knowledge = knowledge
        self._engine_class = _GroundEngine if matcher == "ground" else _ReteEngine
        self._program = _Program(knowledge)
        self._threads = threading.local()

    def derive(self, values: Mapping[str, Value]) -> Derivation:
        """Run the rules over the known findings of one case, given by id in any order."""
        engine = getattr(self._threads, "engine", None)
        if engine is None:
            engine = self._engine_class(self._program)
        # An exception would leave an engine in the middle of a case; it is kept for the next one only when a run ends well.
        self._threads.engine = None
        engine.reset()
        known = [Known(about=name, value=values[name]) for name in self.knowledge.vocabulary.findings if name in values]
        engine.declare(Known(about="this case", value=True), *known)
        engine.run()
        self._threads.engine = engine
        return Derivation(tuple(engine.firings), engine.standings, engine.level)


