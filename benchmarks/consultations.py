"""How long a consultation is, how often it concludes as the full record does, and how quickly the next question comes.

Every case of the tests answers a consultation, in two ways: as it was filed, where most is "unknown"; and completed, where
whatever it does not tell of history and examination is as in a well patient, and no other test was done. What is present in a
case is told at the beginning, where the page asks what else there is; or only what is asked is answered. The conclusions of a
consultation are compared with those of the whole case, and its keystrokes are those that `charley consult` needs.

    python -m benchmarks.consultations
"""

import argparse
import statistics
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import Any

from benchmarks.keystrokes import keystrokes, lines_for
from expert.consultation.answer_log import AnswerRefused, Log
from expert.consultation.asking.next_question import Certificate
from expert.consultation.asking.page import ScreenAsked
from expert.consultation.moments import Consultation
from expert.inference.assessing import Assessor, ContradictoryCase
from facts.assessment import Assessment
from facts.case import NOT_LISTED, Case, Observed, values_of
from facts.declaring.yaml_reading import read_document
from facts.intake.case_files import read_case_files
from knowledge_base.conditions.expression import Expression, Scope, parse
from knowledge_base.conditions.logic import evaluate
from knowledge_base.loading import load_knowledge_base

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "tests" / "knowledge" / "cases", ROOT / "tests" / "knowledge" / "snapshots", ROOT / "facts" / "examples")
LEFT_OUT = (": part ", ": unknown")
"""In the names of snapshots that differ from others of the same rule by a word."""
SCENARIOS = ROOT / "tests" / "knowledge" / "scenarios"
PATIENTS = Path(__file__).with_name("patients.yaml")
HANGING_TOGETHER = Path(__file__).with_name("hanging_together.yaml")
WELL = "benign_leg_cramps: every warning sign asked about or measured, and none there"


@dataclass
class Figures:
    """What was counted over a group of cases."""

    screens: list[int] = field(default_factory=list)
    signs: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    urgency: int = 0
    lower: list[str] = field(default_factory=list)
    """Cases whose urgency came out lower than the full record's although the verdict was decided."""
    leading: int = 0
    dangers: int = 0
    met: int = 0
    missed: list[str] = field(default_factory=list)
    unlike: list[str] = field(default_factory=list)


def main() -> None:
    """Print the tables; ends with 1 when a decided verdict was lower than that of the full record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth case only (default: all)")
    parser.add_argument("--verbose", action="store_true", help="name the cases that came out otherwise")
    parser.add_argument("--only", metavar="GROUP", help="take the groups alone whose name begins so")
    options = parser.parse_args()
    knowledge = load_knowledge_base()
    consultation = Consultation(Assessor(knowledge))
    consultation.moment((), "warm")
    intake = read_case_files(FOLDERS, knowledge.vocabulary, knowledge.dictionary)
    cases = [case for case, _ in intake.cases if not any(part in case.name for part in LEFT_OUT)]
    well = next(case for case in cases if case.name == WELL)
    by_hand = [case for case in cases if case.note]
    scenarios = list(read_scenarios(consultation))
    print(
        f"{knowledge.title} {knowledge.version} ({knowledge.hash[:12]}): {len(knowledge.vocabulary.findings)} questions on ",
        end="",
    )
    print(f"{len(knowledge.interview.screens)} screens\n")
    patients = [case for case, _ in read_case_files([PATIENTS], knowledge.vocabulary, knowledge.dictionary).cases]
    print("| patient | screens | signs shown | answers | keystrokes | urgency | leading cause |")
    print("|---|---:|---:|---:|---:|---|---|")
    for case in complete(patients, well, consultation):
        one = Figures()
        stopped = measure(case, consultation, one)
        print(f"| {case.name} | {one.screens[0]} | {one.signs[0]} | {one.answers[0]} | {one.keys[0]} ", end="")
        print(f"| {stopped.urgency} | {stopped.leading or 'none'} |")
    head = "cases | number | screens: median, 9 in 10 | signs shown: median, 9 in 10 | answers | keystrokes | "
    head += "urgency as in the full record | lower, though decided | leading cause as in the full record | "
    head += "immediate dangers met | next question, ms: median, 99 in 100"
    print(f"\n| {head} |\n|---|" + "---:|" * head.count("|"))
    chosen = cases[:: options.every]
    original = {case.name: case.findings.keys() for case in (*cases, *scenarios)}
    groups = {
        "written by hand, as filed": (by_hand, True),
        "written by hand, completed": (complete(by_hand, well, consultation), True),
        "the same, only what is asked": (complete(by_hand, well, consultation), False),
        "scenarios, completed": (complete(scenarios, well, consultation), True),
        "the same, only what is asked ": (complete(scenarios, well, consultation), False),
        "all, as filed": (chosen, True),
        "all, completed": (complete(chosen, well, consultation), True),
        "all, completed, only what is asked": (complete(chosen, well, consultation), False),
    }
    lower = 0
    for name, (group, told_at_first) in groups.items():
        if options.only and not name.startswith(options.only):
            continue
        figures = Figures()
        for case in group:
            try:
                measure(case, consultation, figures, original[case.name] if told_at_first else ())
            except (ContradictoryCase, AnswerRefused):
                continue
        print(row(name, figures), flush=True)
        lower += len(figures.lower)
        if options.verbose:
            for title in ("lower", "missed", "unlike"):
                print(*(f"    {title}: {entry}" for entry in getattr(figures, title)), sep="\n", file=sys.stderr)
    sys.exit(1 if lower else 0)


def read_scenarios(consultation: Consultation) -> Iterator[Case]:
    """Return the scenarios of the tests as cases."""
    import json
    from tempfile import TemporaryDirectory

    keys = ("findings", "medicines", "stopped_medicines")
    with TemporaryDirectory() as folder:
        for file in sorted(SCENARIOS.glob("*.yaml")):
            listed = read_document(file.read_text("utf-8"), file.name, typed=True).value
            written = [{"case": one["scenario"], **{key: one[key] for key in keys if key in one}} for one in listed]
            path = Path(folder) / f"{file.stem}.json"
            path.write_text(json.dumps(written), encoding="utf-8")
        knowledge = consultation.knowledge
        yield from (case for case, _ in read_case_files([Path(folder)], knowledge.vocabulary, knowledge.dictionary).cases)


def complete(cases: Iterable[Case], well: Case, consultation: Consultation) -> list[Case]:
    """Return the cases with every question of history and examination answered: as what they tell has it, else as if well."""
    knowledge = consultation.knowledge
    written: Any = read_document(HANGING_TOGETHER.read_text("utf-8"), HANGING_TOGETHER.name, typed=True).value
    follows = {name: parse(text, Scope(knowledge.vocabulary.findings)) for name, text in written.items()}
    return [
        replace(
            case,
            findings=MappingProxyType(dict(_complete(case.findings, well.findings, follows, consultation))),
            medicines=() if case.medicines is None else case.medicines,
            stopped_medicines=() if case.stopped_medicines is None else case.stopped_medicines,
        )
        for case in cases
    ]


def _complete(
    told: Mapping[str, Observed],
    well: Mapping[str, Observed],
    follows: Mapping[str, Expression],
    consultation: Consultation,
) -> Iterator[tuple[str, Observed]]:
    asked_by, values = consultation.questioner.verdicts.asked_by, values_of(told)
    has_signs = any(asked_by[name] == "examination" and observed.value is not False for name, observed in told.items())
    for name, finding in consultation.knowledge.vocabulary.findings.items():
        if name in told:
            yield name, told[name]
        elif name in follows and evaluate(follows[name], values, {}) is True:
            yield name, Observed(True)
        elif name in consultation.questioner.listed:
            yield name, Observed(False, origin=NOT_LISTED)
        elif asked_by[name] == "test":
            continue
        elif name in well and not (has_signs and asked_by[name] == "examination"):
            yield name, replace(well[name], origin="")
        elif finding.kind == "yes_no":
            yield name, Observed(False)


def is_asked(name: str, asked: ScreenAsked, consultation: Consultation) -> bool:
    """Return whether a page asks for a finding by itself, as a result or in a list, and not only for what else there is."""
    questioner = consultation.questioner
    return name in asked.questions or name in questioner.tests | questioner.listed or name not in questioner.ancestors


def measure(case: Case, consultation: Consultation, figures: Figures, told_at_first: Collection[str] = ()) -> Certificate:
    """Hold one consultation with a case and count; `told_at_first` of it is told where the page asks what else there is.

    Raises ContradictoryCase or AnswerRefused where nobody can be like this.
    """
    knowledge = consultation.knowledge
    full = consultation.assessor.assess(case)
    log: Log = ()
    moment = consultation.moment(log, case.name)
    signs = answers = keys = 0
    while isinstance(moment.next, ScreenAsked):
        asked = moment.next
        reply = consultation.reply(asked, case)
        reply = {name: reply[name] for name in reply if name in told_at_first or is_asked(name, asked, consultation)}
        signs += len(asked.questions)
        answers += sum(answer is not None for answer in reply.values())
        keys += keystrokes(lines_for(asked, reply, consultation.questioner))
        begun = perf_counter()
        log, moment = consultation.answered(log, case.name, asked.screen.id, reply, "")
        figures.times.append(perf_counter() - begun)
    stopped = moment.next
    figures.screens.append(moment.screens)
    figures.signs.append(signs)
    figures.answers.append(answers)
    figures.keys.append(keys)
    rank, highest = knowledge.level_rank, list(knowledge.levels)[-1]
    figures.urgency += stopped.urgency == full.urgency.level
    if rank[stopped.urgency] < rank[full.urgency.level] and moment.assessment.urgency.decided:
        figures.lower.append(f"{case.name}: {stopped.urgency}, not {_signs(full)}")
    likely = [cause.id for cause in full.causes if knowledge.grading.at_least(cause.standing, knowledge.grading.likely)]
    leading = likely[0] if likely else None
    is_alike = stopped.leading == leading
    figures.leading += is_alike
    if not is_alike:
        figures.unlike.append(f"{case.name}: {stopped.leading}, not {leading}")
    if full.urgency.level == highest:
        figures.dangers += 1
        figures.met += stopped.urgency == highest
        if stopped.urgency != highest:
            figures.missed.append(f"{case.name}: {stopped.urgency}, not {_signs(full)}")
    return stopped


def _signs(full: Assessment) -> str:
    level = full.urgency.level
    return f"{level} for {', '.join(sign.id for sign in full.warning_signs if sign.level == level)}"


def row(name: str, figures: Figures) -> str:
    """Return one line of the table."""
    count = len(figures.screens)
    both = (f"{statistics.median(values):g}, {percentile(values, 90):g}" for values in (figures.screens, figures.signs))
    each = (f"{statistics.median(values):g}" for values in (figures.answers, figures.keys))
    shares = f"{figures.urgency / count:.1%} | {len(figures.lower)} | {figures.leading / count:.1%}"
    times = f"{statistics.median(figures.times) * 1000:.1f}, {percentile(figures.times, 99) * 1000:.1f}"
    cells = [name, f"{count:,}", *both, *each, shares, f"{figures.met} of {figures.dangers}", times]
    return f"| {' | '.join(cells)} |"


def percentile(values: list[int] | list[float], percent: int) -> float:
    """Return the value that so many in a hundred stay within."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


if __name__ == "__main__":
    main()
