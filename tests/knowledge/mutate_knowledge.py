"""Plant faults in the knowledge, one at a time, and count which of them are caught, by what, and which survive.

`python -m tests.knowledge.mutate_knowledge [--sample N] [--seed S] [--every N]` prints a table and the survivors. A fault is
caught by

- *check*: the folder is refused when it is loaded, or a lint finds what it did not find before;
- *prove*: a statement fails or is undecided that held before, or something accepted is no longer found;
- *cases*: an expectation of tests/knowledge/cases (written by hand) or of the snapshots fails; the two are told apart: a fault
  that was there when a snapshot was made is in it.

A fault in a condition that z3 proves to change nothing for any patient, known or unknown, is equivalent: nobody could catch it.
A fault of structure (a rule deleted, a strength, a level) always changes what somebody reads, and never counts as that.

Longer than other modules: trying a fault, judging cases and counting share what a trial holds.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from random import Random
from time import perf_counter

import click

from expert.proofs.formulas import Formulas, any_of, negation, same
from expert.proofs.proving import Proof, prover
from expert.proofs.solver import Decider
from facts.case import Case
from facts.intake.case_files import Intake, read_case_files
from facts.measuring.units import UnitError, read_quantity
from facts.problems import CharleyError, Place
from facts.vocabulary import QuantityFinding
from knowledge_base.conditions.expression import Expression, leaves, names_used
from knowledge_base.judging.judgement import Judge, Judgement, contradiction_key
from knowledge_base.lint import lint
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase, Rule, tally
from tests.knowledge.mutants import Mutant, Written, mutants
from tests.knowledge.proposing.propose_plans import plan_faults
from tests.knowledge.snapshots import expected_plans
from tests.unit.facts.test_facts import QUANTITIES as WRITTEN_QUANTITIES

CASES = tuple(Path(__file__).parent / name for name in ("cases", "snapshots"))
PROPOSED = "snapshots"
"""The folder of cases that were proposed by a program, from the knowledge as it was."""
IN_ORDER = "vignettes"
"""The folder of cases that name their causes in the order in which a physician would."""
HELD_BY_THE_LANGUAGE = ("never_unsaid",)
"""Properties that hold whatever the knowledge says: no fault in it can break them, and proving them takes most of the time."""


@dataclass(frozen=True)
class Trial:
    """What became of one mutant: by what it was caught first in each way ("" where it was not)."""

    mutant: Mutant
    check: str = ""
    prove: str = ""
    written: str = ""
    proposed: str = ""
    equivalent: bool = False

    @property
    def caught(self) -> bool:
        """Whether anything caught it."""
        return bool(self.check or self.prove or self.written or self.proposed)


class Court:
    """Tries mutants of one knowledge base in an empty folder; what does not depend on the mutant is made once."""

    def __init__(self, workshop: Path, folder: Path | None = None, cases: Sequence[Path] = CASES) -> None:
        self.knowledge, self.case_files, self.shipped = load_knowledge_base(folder), cases, folder is None
        self.written = Written(self.knowledge, folder)
        self.prover = prover(self.knowledge)
        self.formulas = Formulas(self.knowledge, self.prover.patient)
        self.judge = Judge(self.knowledge)
        self.found = self._found(self.knowledge)
        self.cases = self.read(self.knowledge)
        self.values = {(place, case.name): case.values for case, place in self.cases.cases}
        self.folder = workshop
        self.written.copy(workshop)

    @cached_property
    def before(self) -> Counter[tuple[str, str, str]]:
        """What the proof of the unchanged knowledge finds wrong."""
        return _wrong(self.prover(self.knowledge, witnesses=False, without=HELD_BY_THE_LANGUAGE))

    def read(self, knowledge: KnowledgeBase) -> Intake:
        """Read the cases as this knowledge has them read."""
        return read_case_files(self.case_files, knowledge.vocabulary, knowledge.dictionary)

    def try_(self, mutant: Mutant) -> Trial:
        """Plant one fault, and see who notices."""
        trial = Trial(mutant)
        self.written.plant(mutant, self.folder)
        try:
            knowledge = load_knowledge_base(self.folder)
        except CharleyError as error:
            return replace(trial, check=error.problems[0].message)
        finally:
            self.written.fix(mutant, self.folder)
        changed = self.changed(knowledge)
        without = (*HELD_BY_THE_LANGUAGE, *(("monotone",) if self.same_urgency(knowledge) else ()))
        proof = self.prover(knowledge, witnesses=False, without=without)
        trial = replace(
            trial,
            check=next(iter(self._found(knowledge) - self.found), ""),
            prove=next((f"{kind} of {subject}" for kind, subject, _ in _wrong(proof) - self.before), ""),
        )
        for place, fault in self.failures(knowledge, changed):
            proposed = Path(place.file).parent.name == PROPOSED
            if proposed and not trial.proposed:
                trial = replace(trial, proposed=fault)
            elif not proposed and not trial.written:
                trial = replace(trial, written=fault)
            if trial.proposed and trial.written:
                break
        if not trial.proposed:
            faults = plan_faults(expected_plans(), knowledge, Judge(knowledge)) if self.shipped else iter(())
            trial = replace(trial, proposed=next(faults, ""))
        in_conditions = any(path[-1] == "when" for path, _ in mutant.edits)
        if in_conditions and mutant.part != "grading" and not (trial.written or trial.proposed):
            trial = replace(trial, equivalent=self.is_equivalent(knowledge))
        return trial

    def same_urgency(self, knowledge: KnowledgeBase) -> bool:
        """Return whether the formulas of the urgency are those of before: then what is proved of it need not be asked again."""
        formulas = Formulas(knowledge, self.prover.patient)
        return formulas.contradictory.eq(self.formulas.contradictory) and all(
            formulas.urgency_at_least(level).eq(self.formulas.urgency_at_least(level)) for level in knowledge.levels
        )

    @staticmethod
    def _found(knowledge: KnowledgeBase) -> Counter[str]:
        return Counter(problem.message for problem in lint(knowledge))

    # Cases

    def changed(self, knowledge: KnowledgeBase) -> list[Expression]:
        """Return the conditions, old and new, of what is not as it was."""
        before, after = (
            {**dict(base.conditions), **{name: _substance(rule) for name, rule in base.rules.items()}}
            | {contradiction_key(name): entry.condition for name, entry in base.contradictions.items()}
            for base in (self.knowledge, knowledge)
        )
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        found = [entry for name in names for entry in (before.get(name), after.get(name)) if entry is not None]
        return [entry[0] if isinstance(entry, tuple) else entry for entry in found]

    def failures(self, knowledge: KnowledgeBase, changed: list[Expression]) -> Iterator[tuple[Place, str]]:
        """Return the place of every case that does not come out as it expects, and why; only of those that could."""
        reread = _facts(knowledge) != _facts(self.knowledge)
        intake = self.read(knowledge) if reread else self.cases
        yield from ((refusal.problems[0].place, refusal.problems[0].message) for refusal in intake.refusals)
        yield from _misread(knowledge, self.knowledge)
        judge, regraded = Judge(knowledge), knowledge.grading.grades != self.knowledge.grading.grades
        told = self.findings_behind(changed)
        for case, place in intake.cases:
            values = case.values
            if regraded or not told.isdisjoint(values) or (reread and values != self.values[place, case.name]):
                yield from ((place, fault) for fault in case_faults(case, place, knowledge, judge, judge(values)))

    def findings_behind(self, conditions: Iterable[Expression]) -> set[str]:
        """Return the findings that some conditions rest on: where none of them is known, the conditions are unknown."""
        found: set[str] = set()
        waiting = list(conditions)
        seen: set[str] = set()
        while waiting:
            tree = waiting.pop()
            found.update(leaf.finding for leaf in leaves(tree))
            below = {*names_used(tree)} - seen
            seen |= below
            waiting.extend(self.knowledge.conditions[name] for name in below)
        return found

    # Equivalence

    def is_equivalent(self, knowledge: KnowledgeBase) -> bool:
        """Return whether, for every patient, the same rules fire and are ruled out as before."""
        formulas = Formulas(knowledge, self.prover.patient)
        apart = [negation(same(self.formulas.contradictory, formulas.contradictory))]
        pairs = [(rule.condition, knowledge.rules[name].condition) for name, rule in self.knowledge.rules.items()]
        if self.knowledge.complaint:
            name = self.knowledge.complaint.definition
            pairs.append((self.knowledge.conditions[name], knowledge.conditions[name]))
        for before, after in pairs:
            for give, given in ((self.formulas.true, formulas.true), (self.formulas.false, formulas.false)):
                if give(before).get_id() != given(after).get_id():
                    apart.append(negation(same(give(before), given(after))))
        decider = Decider(self.prover.patient, [negation(self.formulas.contradictory)])
        return decider(any_of(apart)) == "impossible"


def _substance(rule: Rule) -> tuple[Expression, str, str, str | None, str | None]:
    return rule.condition, rule.kind, rule.target, rule.strength, rule.level


def _wrong(proof: Proof) -> Counter[tuple[str, str, str]]:
    wrong = Counter((outcome.statement.property, outcome.statement.subject, outcome.decision) for outcome in proof.wrong)
    return wrong + Counter((accepted.property, accepted.subject, "idle") for accepted in proof.idle)


def _misread(knowledge: KnowledgeBase, before: KnowledgeBase) -> Iterator[tuple[Place, str]]:
    """Return the quantities that the tests of units read, where they are read otherwise now."""
    for name, text, value, given in WRITTEN_QUANTITIES:
        finding = knowledge.vocabulary.findings.get(name)
        if isinstance(finding, QuantityFinding) and finding != before.vocabulary.findings[name]:
            try:
                read = read_quantity(text, finding)
            except UnitError as error:
                read = (float("nan"), str(error))
            if read != (value, given):
                yield Place("tests/unit/facts/test_facts.py"), f"{name}: {text} is read as {read}"


def _facts(knowledge: KnowledgeBase) -> tuple[object, ...]:
    return knowledge.vocabulary.findings, knowledge.dictionary.classes, knowledge.dictionary.medicines


def case_faults(case: Case, place: Place, knowledge: KnowledgeBase, judge: Judge, judgement: Judgement) -> Iterator[str]:
    """Return how a case differs from what it expects."""
    expected, said = case.expected, case.name
    for name, entry in knowledge.contradictions.items():
        if judgement.true[judge.position[contradiction_key(name)]]:
            yield f"{said}: is refused, {entry.because}"
    for rules, wanted in ((expected.fires, True), (expected.ruled_out, False), (expected.open, None)):
        for rule in rules:
            if rule not in judge.position or judgement.truth(judge.position[rule]) is not wanted:
                yield f"{said}: {rule} is not {wanted}"
    if expected.urgency is not None:
        fired = {name for name, position in judge.position.items() if judgement.true[position]}
        warnings = [rule for sign in knowledge.warning_signs.values() for rule in sign.rules if rule.id in fired]
        rank = max((knowledge.rank_demanded(rule, lambda entry: entry.id in fired) for rule in warnings), default=0)
        if rank != knowledge.level_rank[expected.urgency]:
            yield f"{said}: the urgency is not {expected.urgency}"
    if expected.causes or expected.standings:
        yield from _cause_faults(case, place, knowledge, judge, judgement)


def _cause_faults(case: Case, place: Place, knowledge: KnowledgeBase, judge: Judge, judgement: Judgement) -> Iterator[str]:
    grading, expected, said = knowledge.grading, case.expected, case.name
    tallies = {
        name: tally(rule for rule in cause.rules if judgement.true[judge.position[rule.id]])
        for name, cause in knowledge.causes.items()
    }
    standings = {name: grading.standing(counted) for name, counted in tallies.items()}
    leads = min(standings, key=lambda name: knowledge.ranking.place(name, standings[name], tallies[name]))
    if expected.causes and Path(place.file).parent.name == IN_ORDER and leads != expected.causes[0]:
        yield f"{said}: {leads} leads, not {expected.causes[0]}"
    for name in expected.causes:
        if not grading.at_least(standings[name], grading.considered):
            yield f"{said}: {name} is only {standings[name]}"
    for name, standing in expected.standings.items():
        if standings[name] != standing:
            yield f"{said}: {name} is {standings[name]}, not {standing}"


# Counting

HEADINGS = ("planted", "equivalent", "check", "prove", "written cases", "all cases", "together", "survivors")


def count(trials: Iterable[Trial]) -> tuple[int, ...]:
    """Count trials, in the order of the headings; equivalent ones are counted as that alone."""
    listed = list(trials)
    told = [trial for trial in listed if not trial.equivalent]
    caught = [
        sum(bool(trial.check) for trial in told),
        sum(bool(trial.prove) for trial in told),
        sum(bool(trial.written) for trial in told),
        sum(bool(trial.written or trial.proposed) for trial in told),
        sum(trial.caught for trial in told),
    ]
    return len(listed), len(listed) - len(told), *caught, len(told) - caught[-1]


def table(trials: list[Trial], by: str) -> str:
    """Return a Markdown table of the trials, by a field of their mutants, the last row for all."""
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(getattr(trial.mutant, by), []).append(trial)
    rows = [(name, count(group)) for name, group in sorted(groups.items())]
    lines = [f"| {by} | {' | '.join(HEADINGS)} |", f"|---|{'---:|' * len(HEADINGS)}"]
    lines += [f"| {name} | {' | '.join(f'{count:,}' for count in counts)} |" for name, counts in rows]
    total = count(trials)
    lines.append(f"| **all** | {' | '.join(f'**{count:,}**' for count in total)} |")
    faults = total[0] - total[1]
    shares = ["", "", *(f"{count / faults:.1%}" for count in total[2:])] if faults else [""] * len(HEADINGS)
    lines.append(f"| of those not equivalent | {' | '.join(shares)} |")
    return "\n".join(lines)


_court: list[Court] = []
"""The court of this process."""


def _open_court(workshops: Path) -> None:
    _court.append(Court(workshops / str(os.getpid())))


def _try(mutant: Mutant) -> Trial:
    return _court[0].try_(mutant)


@click.command()
@click.option("--kind", "kinds", multiple=True, help="Plant faults of this kind only; may be given several times.")
@click.option("--sample", type=click.IntRange(min=1), help="Plant so many faults, drawn from all. Default: all.")
@click.option("--seed", default=1, show_default=True, help="What the sample is drawn with.")
@click.option("--every", type=click.IntRange(min=1), default=1, help="Of these, plant every N-th alone.")
@click.option("--processes", type=click.IntRange(min=1), default=2, show_default=True, help="Processes at once.")
def main(kinds: tuple[str, ...], sample: int | None, seed: int, every: int, processes: int) -> None:
    """Plant faults in the shipped knowledge and count which are caught; interrupted, count those that were tried.

    Exit status 0 whatever is found.
    """
    began = perf_counter()
    knowledge = load_knowledge_base()
    possible = [mutant for mutant in mutants(Written(knowledge), knowledge) if not kinds or mutant.kind in kinds]
    numbers = range(len(possible)) if sample is None else Random(seed).sample(range(len(possible)), min(sample, len(possible)))
    chosen = [possible[number] for number in numbers][::every]
    trials: list[Trial] = []
    with (
        tempfile.TemporaryDirectory(prefix="charley-mutants-") as workshops,
        ProcessPoolExecutor(processes, get_context("spawn"), _open_court, (Path(workshops),)) as pool,
    ):
        try:
            for trial in pool.map(_try, chosen, chunksize=5):
                trials.append(trial)
                if len(trials) % 50 == 0:
                    click.echo(f"{len(trials):,} of {len(chosen):,} faults, {perf_counter() - began:.0f} s", err=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
    click.echo(f"{len(trials):,} of {len(possible):,} possible faults planted; {perf_counter() - began:.0f} s\n")
    click.echo(f"{table(trials, 'kind')}\n\n{table(trials, 'part')}\n\nSurvivors:")
    for trial in trials:
        if not trial.caught and not trial.equivalent:
            mutant = trial.mutant
            click.echo(f"- {mutant.place} {mutant.subject}: {mutant.kind}: {mutant.change}")


if __name__ == "__main__":
    main()
