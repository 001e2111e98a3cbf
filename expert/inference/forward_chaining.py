"""Forward chaining, one case at a time: a knowledge base compiled to experta's rules, and what they derive."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal, NamedTuple, TypeAlias

from expert.inference.experta_engine import GroundEngine, GroundIndex, GroundPremise, KnownFact, P, ReteEngine, Rule
from expert.inference.ground_rules import Derived, GroundRule, Premise, ground_rules
from facts.quantities import Interval
from facts.vocabulary import Value
from knowledge_base.conditions.expression import Compared, Leaf, Present
from knowledge_base.conditions.logic import evaluate_leaf
from knowledge_base.grading import Tally
from knowledge_base.model import KnowledgeBase

MatcherName: TypeAlias = Literal["ground", "rete"]


class _Making(NamedTuple):
    """An experta rule that is made when it is needed: its premises, and how its effect is made."""

    premises: Sequence[Premise]
    effect: Callable[[], Callable[[Any], None]]


_START, _ALL_ARGUMENTS = Derived("case", "this"), Derived("arguments", "all")


class _Program:
    """A knowledge base compiled to experta rules; engines of any thread share it, and only add what any of them would make."""

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self.knowledge = knowledge
        self.lowest_level = next(iter(knowledge.levels))
        self.patterns: dict[Premise, Any] = {}
        self.answers: dict[tuple[str, bool], Any] = {}
        grounded = ground_rules(knowledge)
        self.ground_rules = grounded.rules
        # Saliences fall: ground rules up to the next steps, the conclusions over all arguments, next steps.
        before, after = grounded.rules[: grounded.first_step], grounded.rules[grounded.first_step :]
        self.makings = [
            *(_Making(rule.premises, partial(self.firing, rule)) for rule in before),
            _Making([_START], partial(_declaring, self.pattern(_ALL_ARGUMENTS))),
            *(_Making([_ALL_ARGUMENTS, _argued(cause)], partial(self.grading, cause)) for cause in knowledge.causes),
            _Making([_ALL_ARGUMENTS], self.concluding_urgency),
            *(_Making(rule.premises, partial(self.firing, rule)) for rule in after),
        ]
        self.start = self.pattern(_START)

    @cached_property
    def index(self) -> GroundIndex:
        """The rules by what their premises mention."""
        known: dict[Premise, GroundPremise] = {}

        def mention(premise: Premise) -> GroundPremise:
            mentioned = known.get(premise)
            if mentioned is None:
                mentioned = known[premise] = _mention(premise)
            return mentioned

        return GroundIndex(([mention(premise) for premise in making.premises] for making in self.makings), self.rule)

    @cached_property
    def rules(self) -> list[Any]:
        """Every rule, the most salient first."""
        return [self.rule(number) for number in range(len(self.makings))]

    def rule(self, number: int) -> Any:
        """Make the rule with this number."""
        making = self.makings[number]
        rule = Rule(*map(self.pattern, making.premises), salience=len(self.makings) - number)
        # What calling the rule with its effect does, less a look at the signature: every effect here takes any keyword.
        rule._wrapped = making.effect()
        return rule

    def known(self, name: str, value: Value) -> Any:
        """Return the fact that a finding has this value; the answers yes and no are made once."""
        if not isinstance(value, bool):
            return KnownFact(about=name, value=value)
        known = self.answers.get((name, value))
        if known is None:
            known = self.answers[name, value] = KnownFact(about=name, value=value)
        return known

    def pattern(self, premise: Premise) -> Any:
        """Return the pattern of a premise; what several rules ask for is one pattern, by which the matchers share its test."""
        known = self.patterns.get(premise)
        if known is None:
            about, value = _mention(premise)
            known = KnownFact(about=about, value=value if isinstance(value, bool) else P(value))
            self.patterns[premise] = known
        return known

    def firing(self, ground: GroundRule) -> Callable[[Any], None]:
        fact = KnownFact(about=_about(ground.conclusion), value=ground.conclusion.truth)
        rule = self.knowledge.rules.get(ground.conclusion.id) if ground.conclusion.kind == "rule" else None
        place = _TALLY.get((rule.kind, rule.strength), 0) if rule else 0
        argued = self.pattern(_argued(rule.target)) if rule else None

        # experta filters what it hands to a rule by the names in its signature, unless that takes any.
        def fire(engine: Any, **_: Any) -> None:
            engine.firings.append(ground)
            if engine.facts.declare(fact) is None or rule is None:
                return
            if rule.kind == "warns":
                engine.warned.append(rule)
            elif rule.kind == "downgrades":
                engine.downgraded.add(rule.id)
            elif rule.kind != "advises":
                tally = engine.tallies.get(rule.target)
                if tally is None:
                    engine.tallies[rule.target] = tally = [0] * len(Tally._fields)
                    engine.facts.declare(argued)
                tally[place] += 1

        return fire

    def concluding_urgency(self) -> Callable[[Any], None]:
        knowledge, levels = self.knowledge, tuple(self.knowledge.levels)

        def conclude(engine: Any, **_: Any) -> None:
            ranks = [knowledge.rank_demanded(rule, lambda entry: entry.id in engine.downgraded) for rule in engine.warned]
            engine.level = levels[max(ranks, default=0)]
            engine.declare(KnownFact(about="the urgency", value=engine.level))

        return conclude

    def grading(self, cause: str) -> Callable[[Any], None]:
        grading = self.knowledge.grading
        facts = {standing: KnownFact(about=f"standing {cause}", value=standing) for standing in grading.standings}

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


def _argued(target: str) -> Derived:
    return Derived("argued", target)


def _mention(premise: Premise) -> GroundPremise:
    """Return what a premise is about, and what that has to be worth."""
    if isinstance(premise, Derived):
        return _about(premise), premise.truth
    leaf = premise.leaf
    return leaf.finding, premise.truth if isinstance(leaf, Present) else _leaf_test(leaf, premise.truth)


def _about(derived: Derived) -> str:
    """Name something derived; the space keeps it apart from every finding."""
    return f"{derived.kind} {derived.id}"


def _leaf_test(leaf: Leaf, truth: bool) -> Callable[[Any], bool]:
    finding = leaf.finding
    kinds = (float, Interval) if isinstance(leaf, Compared) else (str,)
    # RETE may try a test on the value of any other fact before it looks at what that fact is about.
    return lambda value: type(value) in kinds and evaluate_leaf(leaf, {finding: value}) is truth


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
        self._engine_class = GroundEngine if matcher == "ground" else ReteEngine
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
