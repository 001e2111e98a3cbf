"""CLIPS through clipspy, with the ground rules of a knowledge base; for `benchmarks.engines`.

Run alone, `python -m benchmarks.other_engines.clips_engine` shows why clipspy is repaired here before it is timed. clipspy
1.0.6 passes two arguments to CLIPS's `ReleaseFact`, which takes one, and catches the TypeError, so no fact that Python
asserted is ever freed, and every `reset` looks through all of them: an environment gets slower with every case.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from time import process_time
from typing import Literal, TypeAlias

import clips
import clips.facts
from clips._clips import lib

from benchmarks.drawn_cases import draw_cases
from benchmarks.other_engines.ground_patterns import Pattern, about, patterns
from expert.inference.ground_rules import GroundRule, ground_rules
from facts.vocabulary import ChoiceFinding, Value
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase

Shape: TypeAlias = Literal["many facts", "one fact"]

_RULE = "rule-"
_HIGHEST_SALIENCE = 10_000
"""CLIPS knows saliences from this down to its negative."""


_PUBLISHED_RELEASE = clips.facts.Fact.__del__


def repair_clipspy() -> None:
    """Let clipspy free the facts that it asserted, as it means to."""

    def release(fact: clips.facts.Fact) -> None:
        # At the end of the process the library may be gone before the fact.
        if lib is not None:
            lib.ReleaseFact(fact._fact)

    clips.facts.Fact.__del__ = release


@contextmanager
def clipspy_as_published() -> Iterator[None]:
    """Take the repair back for a while, to time what somebody who installs clipspy gets."""
    repaired = clips.facts.Fact.__del__
    clips.facts.Fact.__del__ = _PUBLISHED_RELEASE
    try:
        yield
    finally:
        clips.facts.Fact.__del__ = repaired


class ClipsEngine:
    """One environment with all ground rules.

    With "many facts" a case is a fact for each finding, with the slots `about` and `value`, as in our own engine. With "one
    fact" it is a single fact with a slot for each finding, which asks less of clipspy, and more of CLIPS when one answer is
    added later. With `recording`, each rule that fires adds its number to a global variable, which is read once.
    """

    def __init__(self, knowledge: KnowledgeBase, shape: Shape, *, recording: bool) -> None:
        self.shape = shape
        self.rules = ground_rules(knowledge).rules
        self.environment = clips.Environment()
        build = self.environment.build
        build("(deftemplate known (slot about) (slot value))")
        if shape == "one fact":
            slots = " ".join(f"(slot {name} (default UNKNOWN))" for name in knowledge.vocabulary.findings)
            build(f"(deftemplate patient {slots})")
        if recording:
            build("(defglobal ?*fired* = (create$))")
        for rule in self.rules:
            wanted = patterns(rule, knowledge.vocabulary)
            if wanted is not None:
                build(self.defrule(rule, wanted, recording))
        self.known = self.environment.find_template("known")
        self.patient = self.environment.find_template("patient") if shape == "one fact" else None
        self.global_fired = self.environment.find_global("fired") if recording else None
        # CLIPS tells symbols from strings; each is made once.
        findings = knowledge.vocabulary.findings.values()
        names = {finding.id for finding in findings}
        names.update(choice for finding in findings if isinstance(finding, ChoiceFinding) for choice in finding.choices)
        self.symbols = {name: clips.Symbol(name) for name in names}

    def defrule(self, rule: GroundRule, wanted: tuple[Pattern, ...], recording: bool) -> str:
        """Write a ground rule in CLIPS. Nothing in it needs escaping: ids have the form of CLIPS symbols."""
        conditions, slots = [], []
        for number, pattern in enumerate(wanted):
            # A variable of the same name would have to be worth the same in both patterns.
            constraint = _constraint(pattern, f"?value{number}")
            if pattern.derived or self.shape == "many facts":
                conditions.append(f"(known (about {pattern.about}) (value {constraint}))")
            else:
                slots.append(f"({pattern.about} {constraint})")
        if slots:
            conditions.insert(0, f"(patient {' '.join(slots)})")
        record = f"(bind ?*fired* (create$ ?*fired* {rule.rank}))" if recording else ""
        conclusion = f"(assert (known (about {about(rule.conclusion)}) (value {_symbol(rule.conclusion.truth)})))"
        salience = f"(declare (salience {_HIGHEST_SALIENCE - rule.rank}))"
        return f"(defrule ground-{rule.rank} {salience} {' '.join(conditions)} => {record} {conclusion})"

    def fire(self, values: Mapping[str, Value]) -> int:
        """Start over, assert what is known, and run the rules; gives how many fired."""
        self.environment.reset()
        symbols = self.symbols
        if self.patient is not None:
            self.patient.assert_fact(
                **{name: symbols[value] if type(value) is str else value for name, value in values.items()}
            )
        else:
            assert_fact = self.known.assert_fact
            for name, value in values.items():
                assert_fact(about=symbols[name], value=symbols[value] if type(value) is str else value)
        return int(self.environment.run())

    def fire_and_read(self, values: Mapping[str, Value]) -> list[GroundRule]:
        """Fire, and give the ground rules that fired, in order. Needs an environment that records."""
        self.fire(values)
        assert self.global_fired is not None, "made without recording"
        return [self.rules[rank] for rank in self.global_fired.value]

    def concluded(self) -> frozenset[str]:
        """Look through all facts for the rules of the knowledge base that fired; slow, for checks alone."""
        names = (str(fact["about"]) for fact in self.known.facts())
        return frozenset(name.removeprefix(_RULE) for name in names if name.startswith(_RULE))


def _constraint(pattern: Pattern, variable: str) -> str:
    if pattern.bounds:
        tests = "".join(f"&:({operator} {variable} {threshold!r})" for operator, threshold in pattern.bounds)
        # In the one wide fact, a measurement may be UNKNOWN, which CLIPS refuses to compare.
        return f"{variable}&:(floatp {variable}){tests}"
    return "|".join(pattern.choices) or "|".join(_symbol(answer) for answer in pattern.answers)


def _symbol(truth: bool) -> str:
    return "TRUE" if truth else "FALSE"


def main() -> None:
    """Show how an environment of clipspy fares over a few thousand cases, as it is installed and repaired."""
    knowledge = load_knowledge_base()
    cases = [case.values for case in draw_cases(knowledge, 500, seed=1, known=(15, 60))]
    print(f"clipspy: median ms of every {len(cases)} cases, one after the other in one environment")
    for name, repair in (("as installed", False), ("repaired", True)):
        if repair:
            repair_clipspy()
        engine = ClipsEngine(knowledge, "many facts", recording=False)
        medians = []
        for _ in range(8):
            times = []
            for values in cases:
                start = process_time()
                engine.fire(values)
                times.append(process_time() - start)
            medians.append(f"{median(times) * 1_000:.2f}")
        print(f"{name:>12}: {'  '.join(medians)}")


if __name__ == "__main__":
    main()
