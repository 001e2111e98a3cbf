"""Forward chaining with experta, one case at a time; the only module that imports experta.

What experta 1.9.4 needs from us is met here and nowhere else: it does not import on Python 3.10 and later until names that
moved to `collections.abc` are put back; it configures the root logger; `Rule.__get__` would write one patient's engine into an
object that all threads share, so rules are never class attributes here; the order of equally salient rules follows the hash
seed, so no two rules are equally salient; a repeated fact loses its second justification, so firings are recorded by us.

Longer than other modules, because experta has one door: the matcher, the engine and the compiled program stand behind it.
"""

import collections
import collections.abc
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any, Literal, TypeAlias

from expert.ground_rules import Derived, GroundRule, Premise, ground_rules
from facts.vocabulary import Value
from knowledge_base.expression import Compared, Leaf, Present
from knowledge_base.grading import Tally
from knowledge_base.logic import evaluate_leaf
from knowledge_base.model import KnowledgeBase


@contextmanager
def _importable_experta() -> Iterator[None]:
    """Make experta importable on any Python: it looks for what `collections` lost in 3.10. The root logger stays as it was."""
    lost = ("Mapping", "MutableMapping", "Sequence", "Iterable", "Callable", "Hashable")
    absent = [name for name in lost if not hasattr(collections, name)]
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    for name in absent:
        setattr(collections, name, getattr(collections.abc, name))
    try:
        yield
    finally:
        for name in absent:
            delattr(collections, name)
        root.handlers[:] = handlers
        root.setLevel(level)


with _importable_experta():
    import experta
    import experta.abstract
    import experta.activation
    import experta.agenda
    import experta.factlist
    import experta.matchers

MatcherName: TypeAlias = Literal["ground", "rete"]
FactKey: TypeAlias = tuple[str, Any]


class Known(experta.Fact):
    """A fact: what it is about, and what that is worth. Nothing is ever about one thing twice."""

    wakes: tuple[int, ...] | None = None
    """The ground rules of which this fact fulfils a premise, once found out; a fact is made for one program."""


class GroundMatcher(experta.abstract.Matcher):
    """A matcher for ground rules: a fact wakes only the rules that mention it, and a rule counts the premises it still lacks.

    RETE joins patterns over variables; rules without any need only counting. What would be worked out anew for every case
    (which rules a fact wakes, what an activation says) is the same for all of them, and is kept in the index.
    """

    def __init__(self, engine: Any) -> None:
        super().__init__(engine)
        self.index: GroundIndex = engine.ground_index()
        self.reset()

    def reset(self) -> None:
        """Forget every fact."""
        self.lacking = self.index.lacking.copy()

    def changes(self, adding: Any = None, deleting: Any = None) -> tuple[list[Any], list[Any]]:
        """Take in added and retracted facts; give the activations that arise and those that fall away."""
        added: list[Any] = []
        removed: list[Any] = []
        lacking, activations = self.lacking, self.index.activations
        for fact in deleting or ():
            for number in self.index.woken(fact):
                if not lacking[number]:
                    removed.append(activations[number])
                lacking[number] += 1
        for fact in adding or ():
            for number in self.index.woken(fact):
                lacking[number] -= 1
                if not lacking[number]:
                    added.append(activations[number])
        return added, removed


class GroundIndex:
    """Ground rules by what their patterns mention; made once for a knowledge base, and only read after that.

    Raises TypeError for a rule that is not ground.
    """

    def __init__(self, rules: Sequence[Any]) -> None:
        self.lacking = [len(rule) for rule in rules]
        # An activation lists facts to tell apart the bindings of one rule's variables; a ground rule has none.
        self.activations = [experta.activation.Activation(rule, ()) for rule in rules]
        exact: dict[FactKey, list[int]] = {}
        self.tested: dict[str, dict[Callable[[Any], bool], list[int]]] = {}
        for number, rule in enumerate(rules):
            for pattern in rule:
                if type(pattern) is not Known or set(pattern) != {"about", "value"}:
                    raise TypeError(f"not a ground pattern: {pattern!r}")
                about, value = pattern["about"], pattern["value"]
                if isinstance(value, experta.P):
                    self.tested.setdefault(about, {}).setdefault(value.match, []).append(number)
                elif isinstance(value, bool):
                    exact.setdefault((about, value), []).append(number)
                else:
                    raise TypeError(f"not a ground pattern: {pattern!r}")
        self.exact = {key: tuple(numbers) for key, numbers in exact.items()}

    def woken(self, fact: Any) -> tuple[int, ...]:
        """Give the rules of which this fact fulfils a premise, once for each such premise."""
        if type(fact) is not Known:
            return ()
        if fact.wakes is None:
            about, value = fact["about"], fact["value"]
            tests = self.tested.get(about)
            if tests is None:
                fact.wakes = self.exact.get((about, value), ())
            else:
                fact.wakes = tuple(number for test, numbers in tests.items() if test(value) for number in numbers)
        return fact.wakes


class _Agenda(experta.agenda.Agenda):
    """An agenda as a heap by salience, which no two rules share."""

    activations: list[tuple[int, Any]]

    def add(self, activation: Any) -> None:
        heappush(self.activations, (-activation.rule.salience, activation))

    def remove(self, activation: Any) -> None:
        self.activations = [entry for entry in self.activations if entry[0] != -activation.rule.salience]
        heapify(self.activations)

    def get_next(self) -> Any:
        """Take the activation that is to fire next; None when there is none."""
        return heappop(self.activations)[1] if self.activations else None


class _BySalience(experta.abstract.Strategy):
    """Order the agenda by salience alone; experta's own strategy keeps engines alive in a cache of the whole process."""

    def _update_agenda(self, agenda: Any, added: Any, removed: Any) -> None:
        for activation in removed:
            agenda.remove(activation)
        for activation in added:
            agenda.add(activation)


class _FactList(experta.factlist.FactList):
    """A fact list for facts that are shared between cases and threads, and so are never written to, not even an index."""

    added: list[Any]

    def declare(self, fact: Any) -> Any:
        """Add a fact; None when it is there already. What experta checks of every fact is certain here by construction."""
        about = fact.get("about")
        if about in self:
            return None
        self[about] = fact
        self.added.append(fact)
        return fact

    @property
    def changes(self) -> tuple[list[Any], list[Any]]:
        """Give the facts added since the last call; none is ever taken back while a case is run."""
        added, self.added = self.added, []
        return added, self.removed


class _Engine(experta.KnowledgeEngine):
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

    def ground_index(self) -> GroundIndex:
        """Give the rules by what they mention, for GroundMatcher."""
        return self.program.index

    def reset(self, **_: Any) -> None:
        """Empty the engine for another case, without experta's search of all members for initial facts."""
        self.begin()
        self.agenda = _Agenda()
        self.facts = _FactList()
        self.matcher.reset()
        self.facts.declare(_INITIAL)
        self.running = False

    def declare(self, *facts: Any) -> Any:
        """Declare facts as experta does, less its search for conditions and nested names, which a Known never holds."""
        declared = None
        for fact in facts:
            declared = self.facts.declare(fact)
        if not self.running:
            self.strategy.update_agenda(self.agenda, *self.get_activations())
        return declared

    def run(self, steps: float = float("inf")) -> None:
        """Fire what is on the agenda as experta does, less the logging of every step, which takes longer than the step."""
        self.running = True
        facts, agenda = self.facts, self.agenda
        while steps > 0 and self.running:
            if facts.added:
                self.strategy.update_agenda(agenda, *self.get_activations())
            activation = agenda.get_next()
            if activation is None:
                break
            steps -= 1
            activation.rule(self)
        self.running = False


_INITIAL = experta.InitialFact()


class _ReteEngine(_Engine):
    __matcher__ = experta.matchers.ReteMatcher


class _GroundEngine(_Engine):
    __matcher__ = GroundMatcher


class _Program:
    """A knowledge base compiled to experta rules, once; engines of any thread share it and never write to it."""

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self.knowledge = knowledge
        self.lowest_level = next(iter(knowledge.levels))
        self.patterns: dict[Premise, Any] = {}
        self.answers = {
            (name, answer): Known(about=name, value=answer)
            for name in knowledge.vocabulary.findings
            for answer in (True, False)
        }
        grounded = ground_rules(knowledge)
        self.ground_rules = grounded.rules
        # Saliences fall: ground rules up to the next steps, the conclusions over all arguments, next steps.
        salience = len(grounded.rules) + len(knowledge.causes) + 2
        self.rules: list[Any] = []
        for rule in grounded.rules[: grounded.first_step]:
            self.add(salience := salience - 1, [self.pattern(premise) for premise in rule.premises], self.firing(rule))
        start, judged = Known(about="this case", value=True), Known(about="all arguments", value=True)
        self.add(salience := salience - 1, [start], _declaring(judged))
        for cause in knowledge.causes:
            argued = Known(about=f"argued {cause}", value=True)
            self.add(salience := salience - 1, [judged, argued], self.grading(cause))
        self.add(salience := salience - 1, [judged], _conclude_urgency)
        for rule in grounded.rules[grounded.first_step :]:
            self.add(salience := salience - 1, [self.pattern(premise) for premise in rule.premises], self.firing(rule))
        self.start = start
        self.index = GroundIndex(self.rules)

    def add(self, salience: int, patterns: Sequence[Any], effect: Callable[[Any], None]) -> None:
        rule = experta.Rule(*patterns, salience=salience)
        # What calling the rule with its effect does, less a look at the signature: every effect here takes any keyword.
        rule._wrapped = effect
        self.rules.append(rule)

    def known(self, name: str, value: Value) -> Any:
        """Give the fact that a finding has this value; the answers yes and no are made once."""
        return self.answers[name, value] if isinstance(value, bool) else Known(about=name, value=value)

    def pattern(self, premise: Premise) -> Any:
        """Give the pattern of a premise; what several rules ask for is one pattern, by which the matchers share its test."""
        known = self.patterns.get(premise)
        if known is None:
            if isinstance(premise, Derived):
                known = Known(about=_about(premise), value=premise.truth)
            elif isinstance(premise.leaf, Present):
                known = Known(about=premise.leaf.finding, value=premise.truth)
            else:
                known = Known(about=premise.leaf.finding, value=experta.P(_leaf_test(premise.leaf, premise.truth)))
            self.patterns[premise] = known
        return known

    def firing(self, ground: GroundRule) -> Callable[[Any], None]:
        fact = Known(about=_about(ground.conclusion), value=ground.conclusion.truth)
        rule = self.knowledge.rules.get(ground.conclusion.id) if ground.conclusion.kind == "rule" else None
        rank: Mapping[Any, int] = self.knowledge.level_rank
        place = _TALLY.get((rule.kind, rule.strength), 0) if rule else 0
        argued = Known(about=f"argued {rule.target}", value=True) if rule else None

        # experta filters what it hands to a rule by the names in its signature, unless that takes any.
        def fire(engine: Any, **_: Any) -> None:
            engine.firings.append(ground)
            if engine.facts.declare(fact) is None or rule is None:
                return
            if rule.kind == "warns":
                if rank[rule.level] > rank[engine.level]:
                    engine.level = rule.level
            elif rule.kind != "advises":
                tally = engine.tallies.get(rule.target)
                if tally is None:
                    engine.tallies[rule.target] = tally = [0] * len(Tally._fields)
                    engine.facts.declare(argued)
                tally[place] += 1

        return fire

    def grading(self, cause: str) -> Callable[[Any], None]:
        grading = self.knowledge.grading
        facts = {standing: Known(about=f"standing {cause}", value=standing) for standing in grading.standings}

        def grade(engine: Any, **_: Any) -> None:
            standing = grading.standing(Tally(*engine.tallies[cause]))
            engine.standings[cause] = standing
            engine.declare(facts[standing])

        return grade


_TALLY: Mapping[Any, int] = {
    ("confirms", None): 0,
    ("supports", "strong"): 1,
    ("supports", "weak"): 2,
    ("opposes", "strong"): 3,
    ("opposes", "weak"): 4,
    ("excludes", None): 5,
}


def _declaring(fact: Any) -> Callable[[Any], None]:
    def declare(engine: Any, **_: Any) -> None:
        engine.declare(fact)

    return declare


def _conclude_urgency(engine: Any, **_: Any) -> None:
    engine.declare(Known(about="the urgency", value=engine.level))


def _about(derived: Derived) -> str:
    """Name something derived; the space keeps it apart from every finding."""
    return f"{derived.kind} {derived.id}"


def _leaf_test(leaf: Leaf, truth: bool) -> Callable[[Any], bool]:
    finding = leaf.finding
    kind = float if isinstance(leaf, Compared) else str
    # RETE may try a test on the value of any other fact before it looks at what that fact is about.
    return lambda value: type(value) is kind and evaluate_leaf(leaf, {finding: value}) is truth


@dataclass(frozen=True, slots=True)
class Derivation:
    """What was derived of one case: every firing in order, the standing of every cause argued about, the urgency."""

    firings: tuple[GroundRule, ...]
    standings: Mapping[str, str]
    level: str

    @property
    def fired(self) -> tuple[str, ...]:
        """The ids of the rules that fired, in order and once each."""
        rules = (ground.conclusion.id for ground in self.firings if ground.conclusion.kind == "rule")
        return tuple(dict.fromkeys(rules))


class ForwardChaining:
    """Draws conclusions from known findings with experta; may be used by any number of threads at once.

    `matcher` is "ground" (ours, for ground rules) or "rete" (experta's own); both give the same derivation.
    """

    def __init__(self, knowledge: KnowledgeBase, matcher: MatcherName = "ground") -> None:
        self.knowledge = knowledge
        self._engine_class = _GroundEngine if matcher == "ground" else _ReteEngine
        self._program = _Program(knowledge)
        self.ground_rules = self._program.ground_rules
        self._threads = threading.local()

    def derive(self, values: Mapping[str, Value]) -> Derivation:
        """Run the rules over the known findings of one case, given by id in any order."""
        engine = getattr(self._threads, "engine", None)
        if engine is None:
            engine = self._engine_class(self._program)
        # An exception would leave an engine in the middle of a case; it is kept for the next one only when a run ends well.
        self._threads.engine = None
        engine.reset()
        program = self._program
        # No two rules are equally salient, so the order in which findings are told changes nothing.
        known = [program.known(name, value) for name, value in values.items()]
        engine.declare(program.start, *known)
        engine.run()
        self._threads.engine = engine
        return Derivation(tuple(engine.firings), engine.standings, engine.level)
