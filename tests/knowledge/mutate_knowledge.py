"""Plant faults in the knowledge, one at a time, and count which of them are caught, by what, and which survive.

`python -m tests.knowledge.mutate_knowledge [--sample N] [--seed S] [--every N] [--until-caught]` prints a table and the
survivors. A fault is caught by

- *check*: the folder is refused when it is loaded, or a lint finds what it did not find before;
- *prove*: a statement fails or is undecided that held before, or something accepted is no longer found;
- *cases*: an expectation of tests/knowledge/cases (written by hand) or of the snapshots fails; the two are told apart: a fault
  that was there when a snapshot was made is in it.

With `--until-caught` each way is tried only on what those before it (check, written cases, snapshots) missed: the survivors are
the same, the columns count what caught a fault first, and it takes a quarter of the time.

A fault in a condition that z3 proves to change nothing for any patient, known or unknown, is equivalent: nobody could catch it.
A fault of structure (a rule deleted, a strength, a level) always changes what somebody reads, and never counts as that.

Longer than other modules: trying a fault, judging cases and counting share what a trial holds.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, chain
from multiprocessing import get_context
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from expert.proofs.connectives import any_of, negation, same
from expert.proofs.formulas import Formulas
from expert.proofs.proving import Proof, prover
from expert.proofs.solver import Decider
from facts.case import Case
from facts.intake.case_files import Intake, read_case_files
from facts.measuring.units import UnitError, read_quantity
from facts.problems import CharleyError, Place
from facts.vocabulary import QuantityFinding
from knowledge_base.judging.judgement import Judge, Judgement, contradiction_key
from knowledge_base.lint import lint
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase, tally
from tests.knowledge.mutants import Mutant, Written, mutants
from tests.knowledge.proposing.propose_plans import declared, patients_of, plan_faults
from tests.knowledge.snapshots import expected_plans
from tests.knowledge.touched import Touched
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

    def __init__(
        self, workshop: Path, folder: Path | None = None, cases: Sequence[Path] = CASES, *, until_caught: bool = False
    ) -> None:
        self.until_caught = until_caught
        self.knowledge, self.case_files, self.shipped = load_knowledge_base(folder), cases, folder is None
        self.written = Written(self.knowledge, folder)
        self.prover = prover(self.knowledge)
        self.formulas = Formulas(self.knowledge, self.prover.patient)
        self.judge = Judge(self.knowledge)
        self.found = self._found(self.knowledge)
        self.cases = self.read(self.knowledge)
        self.plans = expected_plans() if self.shipped else ()
        # Cases first, in their order, then the patients of the plans.
        self.row = {(place, case.name): row for row, (case, place) in enumerate(self.cases.cases)}
        self.patients = [case.values for case, _ in self.cases.cases]
        of_plans = [patients_of(entry) for entry in self.plans]
        self.rows_of_plans = [
            range(len(self.patients) + before, len(self.patients) + before + len(entry))
            for before, entry in zip(accumulate(map(len, of_plans), initial=0), of_plans, strict=False)
        ]
        self.patients += chain.from_iterable(of_plans)
        self.touched = Touched(self.knowledge, self.patients)
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
        trial = replace(trial, check=next(iter(self._found(knowledge) - self.found), ""))
        if not self.enough(trial):
            trial = self.try_cases(trial, knowledge)
        if not self.enough(trial):
            trial = replace(trial, prove=self.try_proving(knowledge))
        in_conditions = any(path[-1] == "when" for path, _ in mutant.edits)
        if in_conditions and mutant.part != "grading" and not (trial.written or trial.proposed or self.enough(trial)):
            trial = replace(trial, equivalent=self.is_equivalent(knowledge))
        return trial

    def enough(self, trial: Trial) -> bool:
        """Return whether no further way to catch a fault is tried."""
        return self.until_caught and trial.caught

    def try_cases(self, trial: Trial, knowledge: KnowledgeBase) -> Trial:
        """See which cases and plans notice."""
        judge, touched = Judge(knowledge), self.touched(knowledge)
        for place, fault in self.failures(knowledge, judge, touched):
            if Path(place.file).parent.name == PROPOSED:
                trial = replace(trial, proposed=trial.proposed or fault)
            else:
                trial = replace(trial, written=trial.written or fault)
            if self.enough(trial) or (trial.proposed and trial.written):
                break
        if not trial.proposed and not self.enough(trial):
            trial = replace(trial, proposed=next(plan_faults(self.plans_to_look_at(knowledge, touched), knowledge, judge), ""))
        return trial

    def try_proving(self, knowledge: KnowledgeBase) -> str:
        """Return what is no longer proved."""
        without = (*HELD_BY_THE_LANGUAGE, *(("monotone",) if self.same_urgency(knowledge) else ()))
        wrong = _wrong(self.prover(knowledge, witnesses=False, without=without)) - self.before
        return next((f"{kind} of {subject}" for kind, subject, _ in wrong), "")

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

    def failures(self, knowledge: KnowledgeBase, judge: Judge, touched: NDArray[np.bool_]) -> Iterator[tuple[Place, str]]:
        """Return the place of every case that does not come out as it expects, and why; only of those that are touched."""
        reread = _facts(knowledge) != _facts(self.knowledge)
        intake = self.read(knowledge) if reread else self.cases
        yield from ((refusal.problems[0].place, refusal.problems[0].message) for refusal in intake.refusals)
        yield from _misread(knowledge, self.knowledge)
        for case, place in intake.cases:
            row = self.row[place, case.name]
            looked_at = touched[row] or (reread and case.values != self.patients[row])
            found = list(case_faults(case, place, knowledge, judge, judge(case.values))) if looked_at else []
            if found:
                # What is wrong without the fault too, the fault did not do.
                before = self.judge(self.patients[row])
                known = set(case_faults(case, place, self.knowledge, self.judge, before))
                yield from ((place, fault) for fault in found if fault not in known)

    def plans_to_look_at(self, knowledge: KnowledgeBase, touched: NDArray[np.bool_]) -> list[Mapping[str, Any]]:
        """Return what is expected of plans where a patient is touched, or what is declared is not as it was."""
        return [
            entry
            for entry, rows in zip(self.plans, self.rows_of_plans, strict=True)
            if touched[rows.start : rows.stop].any() or declared(entry, knowledge) != declared(entry, self.knowledge)
        ]

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
    in_order = bool(expected.causes) and Path(place.file).parent.name == IN_ORDER
    tallies = {
        name: tally(rule for rule in knowledge.causes[name].rules if judgement.true[judge.position[rule.id]])
        for name in (knowledge.causes if in_order else {*expected.causes, *expected.standings})
    }
    standings = {name: grading.standing(counted) for name, counted in tallies.items()}
    if in_order:
        leads = min(standings, key=lambda name: knowledge.ranking.place(name, standings[name], tallies[name]))
        if leads != expected.causes[0]:
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


def _open_court(workshops: Path, until_caught: bool) -> None:
    _court.append(Court(workshops / str(os.getpid()), until_caught=until_caught))


def _try(mutant: Mutant) -> Trial:
    return _court[0].try_(mutant)


@click.command()
@click.option("--kind", "kinds", multiple=True, help="Plant faults of this kind only; may be given several times.")
@click.option("--sample", type=click.IntRange(min=1), help="Plant so many faults, drawn from all. Default: all.")
@click.option("--seed", default=1, show_default=True, help="What the sample is drawn with.")
@click.option("--every", type=click.IntRange(min=1), default=1, help="Of these, plant every N-th alone.")
@click.option("--processes", type=click.IntRange(min=1), default=2, show_default=True, help="Processes at once.")
@click.option("--until-caught", is_flag=True, help="Look no further once something caught a fault: cases before proofs.")
def main(kinds: tuple[str, ...], sample: int | None, seed: int, every: int, processes: int, until_caught: bool) -> None:
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
        ProcessPoolExecutor(processes, get_context("spawn"), _open_court, (Path(workshops), until_caught)) as pool,
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
