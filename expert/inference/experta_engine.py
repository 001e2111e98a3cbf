"""experta's engine as a case needs it, with a matcher for ground rules; the only module that imports experta.

What experta 1.9.4 needs from us is met here and nowhere else: it does not import on Python 3.10 and later until names that
moved to `collections.abc` are put back; it configures the root logger; `Rule.__get__` would write one patient's engine into an
object that all threads share, so rules are never class attributes here; the order of equally salient rules follows the hash
seed, so no two rules are equally salient; a repeated fact loses its second justification, so firings are recorded by us.
"""

import collections
import collections.abc
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from heapq import heapify, heappop, heappush
from typing import Any, Protocol, TypeAlias

from expert.inference.ground_rules import GroundRule


@contextmanager
def importable_experta() -> Iterator[None]:
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


with importable_experta():
    import experta
    import experta.abstract
    import experta.activation
    import experta.agenda
    import experta.factlist
    import experta.matchers

Rule, P = experta.Rule, experta.P
"""What rules and the tests of their patterns are made of."""

FactKey: TypeAlias = tuple[str, Any]


class KnownFact(experta.Fact):
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
        lacking, activation = self.lacking, self.index.activation
        for fact in deleting or ():
            for number in self.index.woken(fact):
                if not lacking[number]:
                    removed.append(activation(number))
                lacking[number] += 1
        for fact in adding or ():
            for number in self.index.woken(fact):
                lacking[number] -= 1
                if not lacking[number]:
                    added.append(activation(number))
        return added, removed


GroundPremise: TypeAlias = tuple[str, bool | Callable[[Any], bool]]
"""What a premise is about, and what that has to be worth: yes, no, or what passes a test."""


class GroundIndex:
    """Ground rules by what their premises mention; made once for a knowledge base.

    `rule` makes the rule with a number when it is first to fire: of some thousands, a patient sets off a few dozen.
    """

    def __init__(self, premises: Iterable[Sequence[GroundPremise]], rule: Callable[[int], Any]) -> None:
        self.lacking: list[int] = []
        self.rule = rule
        exact: dict[FactKey, list[int]] = {}
        self.tested: dict[str, dict[Callable[[Any], bool], list[int]]] = {}
        for number, asked in enumerate(premises):
            self.lacking.append(len(asked))
            for about, value in asked:
                if isinstance(value, bool):
                    exact.setdefault((about, value), []).append(number)
                else:
                    self.tested.setdefault(about, {}).setdefault(value, []).append(number)
        self.exact = {key: tuple(numbers) for key, numbers in exact.items()}
        self._activations: dict[int, Any] = {}

    @classmethod
    def of(cls, rules: Sequence[Any]) -> "GroundIndex":
        """Index rules of experta. Raises TypeError for one that is not ground."""
        return cls([[_premise(pattern) for pattern in rule] for rule in rules], rules.__getitem__)

    def activation(self, number: int) -> Any:
        """Return the activation of a rule; two threads may both make it, and either will do."""
        known = self._activations.get(number)
        if known is None:
            # An activation lists facts to tell apart the bindings of one rule's variables; a ground rule has none.
            known = self._activations[number] = experta.activation.Activation(self.rule(number), ())
        return known

    def woken(self, fact: Any) -> tuple[int, ...]:
        """Return the rules of which this fact fulfils a premise, once for each such premise."""
        if type(fact) is not KnownFact:
            return ()
        if fact.wakes is None:
            about, value = fact["about"], fact["value"]
            tests = self.tested.get(about)
            if tests is None:
                fact.wakes = self.exact.get((about, value), ())
            else:
                fact.wakes = tuple(number for test, numbers in tests.items() if test(value) for number in numbers)
        return fact.wakes


def _premise(pattern: Any) -> GroundPremise:
    if type(pattern) is KnownFact and set(pattern) == {"about", "value"}:
        value = pattern["value"]
        if isinstance(value, bool):
            return pattern["about"], value
        if isinstance(value, experta.P):
            return pattern["about"], value.match
    raise TypeError(f"not a ground pattern: {pattern!r}")


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
        """Return the facts added since the last call; none is ever taken back while a case is run."""
        added, self.added = self.added, []
        return added, self.removed


class Program(Protocol):
    """What an engine runs: compiled once, shared by all engines, never written to."""

    lowest_level: str

    @property
    def rules(self) -> list[Any]:
        """Every rule, the most salient first."""

    @property
    def index(self) -> GroundIndex:
        """The same rules by what their premises mention."""


class _Engine(experta.KnowledgeEngine):
    """An experta engine for one compiled knowledge base, with one case at a time in it."""

    __strategy__ = _BySalience

    def __init__(self, program: Program) -> None:
        self.program = program
        self.begin()
        super().__init__()

    def begin(self) -> None:
        """Forget what was concluded about the last case."""
        self.firings: list[GroundRule] = []
        self.tallies: dict[str, list[int]] = {}
        self.standings: dict[str, str] = {}
        self.level: str = self.program.lowest_level
        self.warned: list[Any] = []
        self.downgraded: set[str] = set()

    def get_rules(self) -> list[Any]:
        """Return the compiled rules; experta would look for them among all members, properties included."""
        return self.program.rules

    def ground_index(self) -> GroundIndex:
        """Return the rules by what they mention, for GroundMatcher."""
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
        """Declare facts as experta does, less its search for conditions and nested names, which a KnownFact never holds."""
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


class ReteEngine(_Engine):
    __matcher__ = experta.matchers.ReteMatcher


class GroundEngine(_Engine):
    __matcher__ = GroundMatcher
