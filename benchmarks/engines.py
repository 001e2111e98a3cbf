"""The same cases on several rule engines: checked against the meaning of the knowledge, timed, and told as one table.

`python -m benchmarks.engines` from the top of the repository; README.md beside this tells what is compared and what is not.
"""

import argparse
import gc
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from math import ceil
from pathlib import Path
from statistics import mean, median
from time import process_time
from typing import Any, TypeAlias

from benchmarks.drawn_cases import contradicts_itself, draw_cases
from expert.inference.assessing import Assessor
from expert.inference.forward_chaining import ForwardChaining
from expert.inference.ground_rules import GroundRule, ground_rules
from facts.assessment import Assessment
from facts.case import Case
from facts.intake.case_files import read_case_files
from facts.vocabulary import Value
from knowledge_base.conditions.logic import evaluate, evaluate_named
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase

ROOT = Path(__file__).parents[1]
CASE_FILES = ("facts/examples", "tests/knowledge/cases", "tests/knowledge/snapshots")
LEFT_OUT = (": part ", ": unknown")
"""In the names of snapshots that differ from others of the same rule by a word."""
LIBRARIES = ("experta", "clipspy", "durable_rules")
COLUMNS = (
    "engine, and what is timed",
    "compiling, ms",
    "cases drawn",
    "median, ms",
    "9 in 10 within, ms",
    "× CLIPS",
    "cases from files: median, ms",
)
BASELINE = "clipspy, a fact for each finding: firing"

Conclude: TypeAlias = Callable[[Case, Mapping[str, Value]], Any]
"""What is timed: from a case, or the values in it, to whatever the engine gives."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A case with its values, and the ids of the rules that must fire, by the meaning of the knowledge."""

    case: Case
    values: Mapping[str, Value]
    expected: frozenset[str]
    drawn: bool


@dataclass(frozen=True, slots=True)
class Contender:
    """One row of the table. `fired` tells the ids of the rules that fired from what `conclude` gave; it is not timed."""

    name: str
    conclude: Conclude
    fired: Callable[[Any], frozenset[str]]
    compiling: float
    most: int | None = None
    """Cases that it gets of each round, for an engine that would hold up all others."""
    silent: frozenset[str] = frozenset()
    """Rules that it does not always show, although they fired."""
    times: dict[str, float] = field(default_factory=dict)
    """Milliseconds by the name of the case."""


class Disagreement(Exception):
    """An engine that concluded something else than the knowledge means; the text says what, of which case."""


def main() -> None:
    """Check, time and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=100, help="cases to draw for each round (default: 100)")
    parser.add_argument("--repeats", type=int, default=10, help="timed rounds, each of other cases (default: 10)")
    parser.add_argument("--rete-cases", type=int, default=1, help="of these, for experta's own matcher (default: 1)")
    parser.add_argument("--seed", type=int, default=1, help="what the cases are drawn from (default: 1)")
    parser.add_argument("--known", type=int, nargs=2, default=(15, 60), metavar=("LEAST", "MOST"), help="answers a drawn case")
    chosen = parser.parse_args()
    if min(chosen.cases, chosen.repeats, chosen.rete_cases) < 1 or not 0 <= chosen.known[0] <= chosen.known[1]:
        parser.error("--cases, --repeats and --rete-cases start at 1, and --known needs two numbers in ascending order")
    knowledge = load_knowledge_base()
    count = chosen.cases * (chosen.repeats + 1)
    drawn = [sample(knowledge, case, drawn=True) for case in draw_cases(knowledge, count, chosen.seed, chosen.known)]
    filed = [sample(knowledge, case, drawn=False) for case in filed_cases(knowledge)]
    warming, *rounds = (drawn[start : start + chosen.cases] for start in range(0, count, chosen.cases))
    for number, batch in enumerate(rounds):
        batch.extend(filed[number :: len(rounds)])
    contenders = list(compile_contenders(knowledge, chosen.rete_cases))
    try:
        check(contenders, warming)
        for number, batch in enumerate(rounds):
            # Another engine goes first each time.
            shift = number % len(contenders)
            measure((*contenders[shift:], *contenders[:shift]), batch)
            check(contenders, batch)
    except Disagreement as disagreement:
        print(disagreement, file=sys.stderr)
        sys.exit(1)
    print("\n".join(report(knowledge, drawn[chosen.cases :], filed, contenders, chosen.repeats)))


# Cases


def sample(knowledge: KnowledgeBase, case: Case, *, drawn: bool) -> Sample:
    """Judge a case by the reference evaluator, which no engine has a part in."""
    values = case.values
    named = evaluate_named(knowledge.conditions, values)
    rules = knowledge.rules.values()
    return Sample(case, values, frozenset(rule.id for rule in rules if evaluate(rule.condition, values, named) is True), drawn)


def filed_cases(knowledge: KnowledgeBase) -> Iterator[Case]:
    """Read the examples and the test cases; what is refused or contradicts itself is left out, and said."""
    for folder in CASE_FILES:
        if not (ROOT / folder).is_dir():
            print(f"{folder}: no such folder, so no cases from it", file=sys.stderr)
            continue
        intake = read_case_files([ROOT / folder], knowledge.vocabulary, knowledge.dictionary)
        for refusal in intake.refusals:
            print(f"left out: {refusal.problems[0]}", file=sys.stderr)
        for case, place in intake.cases:
            if any(part in case.name for part in LEFT_OUT):
                continue
            if contradicts_itself(knowledge, case.values):
                print(f"left out: {place}: the answers of {case.name} contradict each other", file=sys.stderr)
            else:
                # Names are unique within a file only.
                yield Case(f"{place} {case.name}", case.findings, case.unrecognized)


# Engines


def compile_contenders(knowledge: KnowledgeBase, rete_cases: int) -> Iterator[Contender]:
    """Compile the knowledge for every engine that is installed; the first, empty case counts as part of compiling."""

    def contender(
        name: str,
        prepare: Callable[[], tuple[Conclude, Callable[[Any], frozenset[str]]]],
        most: int | None = None,
        silent: frozenset[str] = frozenset(),
    ) -> Contender:
        gc.collect()
        start = process_time()
        conclude, fired = prepare()
        conclude(Case("nothing known", {}), {})
        return Contender(name, conclude, fired, process_time() - start, most, silent)

    def derivation(matcher: Any) -> tuple[Conclude, Callable[[Any], frozenset[str]]]:
        chaining = ForwardChaining(knowledge, matcher)
        return lambda _, values: chaining.derive(values), lambda derivation: frozenset(derivation.fired)

    def assessment() -> tuple[Conclude, Callable[[Any], frozenset[str]]]:
        assessor = Assessor(knowledge)
        return lambda case, _: assessor.assess(case), fired_in_assessment

    yield contender("ours: derivation", lambda: derivation("ground"))
    # An assessment is silent about a downgrade of a warning that did not fire.
    downgrades = frozenset(rule.id for rules in knowledge.downgrades.values() for rule in rules)
    yield contender("ours: whole explained assessment", assessment, silent=downgrades)
    yield contender("experta's RETE: derivation", lambda: derivation("rete"), rete_cases)
    try:
        from benchmarks.other_engines.clips_engine import ClipsEngine, Shape, clipspy_as_published, repair_clipspy
    except ImportError as error:
        print(f"without clipspy ({error}); install the extra `bench`", file=sys.stderr)
    else:

        def clips(shape: Shape, *, reading: bool) -> tuple[Conclude, Callable[[Any], frozenset[str]]]:
            engine = ClipsEngine(knowledge, shape, recording=reading)
            if reading:
                return lambda _, values: engine.fire_and_read(values), fired_of_ground
            return lambda _, values: engine.fire(values), lambda _: engine.concluded()

        def published() -> tuple[Conclude, Callable[[Any], frozenset[str]]]:
            engine = ClipsEngine(knowledge, "many facts", recording=False)

            def fire(_: Case, values: Mapping[str, Value]) -> Any:
                with clipspy_as_published():
                    return engine.fire(values)

            return fire, lambda _: engine.concluded()

        repair_clipspy()
        yield contender("clipspy as published, a fact for each finding: firing", published)
        yield contender(BASELINE, lambda: clips("many facts", reading=False))
        yield contender("clipspy, a fact for each finding: firing, reading", lambda: clips("many facts", reading=True))
        yield contender("clipspy, one wide fact: firing", lambda: clips("one fact", reading=False))
        yield contender("clipspy, one wide fact: firing, reading", lambda: clips("one fact", reading=True))
    try:
        from benchmarks.other_engines.durable_engine import DoesNotFit, DurableEngine
    except ImportError as error:
        # 2.0.28 builds on Python 3.13, and fails when it is imported.
        print(f"without durable_rules ({error}); install the extra `bench` on Python 3.12 or older", file=sys.stderr)
    else:

        def durable() -> tuple[Conclude, Callable[[Any], frozenset[str]]]:
            engine = DurableEngine(knowledge)
            return lambda _, values: engine.fire_and_read(values), fired_of_ground

        try:
            yield contender("durable_rules: firing, reading", durable)
        except DoesNotFit as error:
            print(f"without durable_rules: {error}", file=sys.stderr)


def fired_of_ground(rules: Iterable[GroundRule]) -> frozenset[str]:
    """Return the ids of the rules of the knowledge base among ground rules that fired."""
    return frozenset(rule.conclusion.id for rule in rules if rule.conclusion.kind == "rule")


def fired_in_assessment(assessment: Assessment) -> frozenset[str]:
    """Return the ids of the rules that an assessment shows as arguments, warnings and next steps, planned or set aside."""
    arguments = [argument for sign in assessment.warning_signs for argument in sign.arguments]
    for cause in assessment.causes:
        arguments += [*cause.arguments_for, *cause.arguments_against]
    steps = (*assessment.next_steps, *assessment.steps_set_aside)
    return frozenset(argument.rule for argument in arguments) | {step.id for step in steps}


# Checking and timing


def check(contenders: Sequence[Contender], batch: Sequence[Sample]) -> None:
    """Run cases on every engine, not timed. Raises Disagreement on the first difference."""
    for contender in contenders:
        for sample in batch[: contender.most]:
            fired = contender.fired(contender.conclude(sample.case, sample.values))
            if fired - contender.silent != sample.expected - contender.silent:
                raise Disagreement(
                    f"{contender.name} does not conclude what the knowledge means.\n"
                    f"  case: {sample.case.name}\n"
                    f"  known: {', '.join(f'{name} = {value}' for name, value in sample.values.items())}\n"
                    f"  fired, and should not: {', '.join(sorted(fired - sample.expected)) or 'none'}\n"
                    f"  should fire, and did not: {', '.join(sorted(sample.expected - fired)) or 'none'}"
                )


def measure(contenders: Sequence[Contender], batch: Sequence[Sample]) -> None:
    """Time cases that no engine has seen yet, one engine after the other, in processor time: others may use the machine too."""
    for contender in contenders:
        # The collector stays on; it starts even, so that nobody pays for what another left behind.
        gc.collect()
        conclude = contender.conclude
        for sample in batch[: contender.most]:
            case, values = sample.case, sample.values
            start = process_time()
            conclude(case, values)
            contender.times[case.name] = (process_time() - start) * 1_000


# Telling


def report(
    knowledge: KnowledgeBase, drawn: Sequence[Sample], filed: Sequence[Sample], contenders: Sequence[Contender], rounds: int
) -> Iterator[str]:
    """Return what was measured, on what machine, and the table, in Markdown."""
    findings, grounded = len(knowledge.vocabulary.findings), len(ground_rules(knowledge).rules)
    yield f"- Machine: {cpu_model()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    yield f"- Python {platform.python_version()}, {', '.join(f'{name} {installed(name)}' for name in LIBRARIES)}"
    yield f"- Knowledge: {knowledge.title} {knowledge.version} ({knowledge.hash[:12]}), {findings} findings,"
    yield f"  {len(knowledge.definitions)} definitions and {len(knowledge.rules)} rules, as {grounded:,} ground rules"
    for name, samples in (("drawn", drawn), ("from files", filed)):
        if samples:
            known, fired = mean(len(one.values) for one in samples), mean(len(one.expected) for one in samples)
            yield f"- Cases {name}: {len(samples):,}; on average {known:.1f} findings are known and {fired:.1f} rules fire"
    yield f"- Processor time of {rounds} rounds, after one that is not timed; every case once, and then once more to check it"
    yield ""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|---{'|---:' * (len(COLUMNS) - 1)}|"
    baseline = next((contender.times for contender in contenders if contender.name == BASELINE), None)
    for contender in contenders:
        times = {one.case.name: contender.times[one.case.name] for one in drawn if one.case.name in contender.times}
        from_files = [contender.times[one.case.name] for one in filed if one.case.name in contender.times]
        middle = median(times.values())
        cells = (
            contender.name,
            f"{contender.compiling * 1_000:,.0f}",
            f"{len(times):,}",
            f"{middle:,.3f}",
            f"{sorted(times.values())[ceil(0.9 * len(times)) - 1]:,.3f}",
            # An engine that got fewer cases is compared on those.
            f"{middle / median(baseline[name] for name in times):,.2f}" if baseline else "–",
            f"{median(from_files):,.3f}" if from_files else "–",
        )
        yield f"| {' | '.join(cells)} |"


def cpu_model() -> str:
    """Return the processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown processor")


def installed(name: str) -> str:
    """Return the version of an installed library."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    main()
