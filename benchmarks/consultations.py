"""How long a consultation is, how often it concludes as the full record does, and how quickly the next question comes.

Every case of the tests answers a consultation, in two ways: as it was filed, where most is "unknown"; and completed, where
whatever it does not tell is as in one well patient whose every danger was asked about. The conclusions of a consultation are
compared with those of the whole case.

    python -m benchmarks.consultations
"""

import argparse
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from types import MappingProxyType

from expert.consultation.moments import Consultation
from expert.consultation.next_question import Certificate, ScreenAsked
from expert.inference.assessing import Assessor, ContradictoryCase
from facts.case import Case, Observed
from facts.intake.case_files import read_case_files
from facts.vocabulary import Vocabulary
from knowledge_base.loading import load_knowledge_base

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "tests" / "knowledge" / "cases", ROOT / "facts" / "examples")
WELL = "benign_leg_cramps: every warning sign asked about or measured, and none there"


def main() -> None:
    """Print the table; ends with 1 when a consultation concluded another urgency than the full record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth case only (default: all)")
    options = parser.parse_args()
    knowledge = load_knowledge_base()
    consultation = Consultation(Assessor(knowledge))
    consultation.moment((), "warm")
    intake = read_case_files(FOLDERS, knowledge.vocabulary, knowledge.dictionary)
    cases = [case for case, _ in intake.cases]
    well = next(case for case in cases if case.name == WELL)
    cases = cases[:: options.every]
    print(
        f"{knowledge.title} {knowledge.version} ({knowledge.hash[:12]}): {len(knowledge.vocabulary.findings)} questions on ",
        end="",
    )
    print(f"{len(knowledge.interview.screens)} screens\n")
    print(
        "| cases | number | screens: median | 9 in 10 within | most | questions: median | urgency as in the full record | ",
        end="",
    )
    print("leading cause as in the full record | next question, ms: median | 99 in 100 within |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    groups = {
        "written by hand, as filed": [case for case in cases if case.note],
        "written by hand, completed": complete((case for case in cases if case.note), well, knowledge.vocabulary),
        "all, as filed": cases,
        "all, completed": complete(cases, well, knowledge.vocabulary),
    }
    missed = sum(row(name, group, consultation) for name, group in groups.items())
    sys.exit(1 if missed else 0)


def complete(cases: Iterable[Case], well: Case, vocabulary: Vocabulary) -> list[Case]:
    """Return the cases with every question answered that the well patient's answers can answer."""
    return [
        replace(case, findings=MappingProxyType(dict(_complete(case.findings, well.findings, vocabulary)))) for case in cases
    ]


def _complete(
    told: Mapping[str, Observed], well: Mapping[str, Observed], vocabulary: Vocabulary
) -> Iterator[tuple[str, Observed]]:
    for name, finding in vocabulary.findings.items():
        if name in told:
            yield name, told[name]
        elif name in well:
            yield name, replace(well[name], origin="")
        elif finding.kind == "yes_no":
            yield name, Observed(False)


def row(name: str, cases: list[Case], consultation: Consultation) -> int:
    """Print one line of the table, and give how many consultations missed the urgency of the full record."""
    knowledge, assessor = consultation.knowledge, consultation.assessor
    screens: list[int] = []
    questions: list[int] = []
    times: list[float] = []
    urgency = leading = 0
    for case in cases:
        try:
            full = assessor.assess(case)
        except ContradictoryCase:
            continue
        shown, asked, stopped = held(case, consultation, times)
        screens.append(sum(1 for before, now in pairwise(["", *shown]) if now != before))
        questions.append(asked)
        likely = [cause.id for cause in full.causes if knowledge.grading.at_least(cause.standing, knowledge.grading.likely)]
        urgency += stopped.urgency == full.urgency.level
        leading += stopped.leading == (likely or [None])[0]
    count = len(screens)
    print(
        f"| {name} | {count:,} | {statistics.median(screens):g} | {percentile(screens, 90):g} | {max(screens)} "
        f"| {statistics.median(questions):g} | {urgency / count:.1%} | {leading / count:.1%} "
        f"| {statistics.median(times) * 1000:.1f} | {percentile(times, 99) * 1000:.1f} |",
        flush=True,
    )
    return count - urgency


def held(case: Case, consultation: Consultation, times: list[float]) -> tuple[list[str], int, Certificate]:
    """Hold one consultation; times from each answer to the next question are appended, in seconds."""
    log, asked = (), 0
    moment = consultation.moment((), case.name)
    while isinstance(moment.next, ScreenAsked):
        reply = consultation.reply(moment.next, case)
        asked += len(reply)
        begun = perf_counter()
        log, moment = consultation.answered(log, case.name, moment.next.screen.id, reply, "")
        times.append(perf_counter() - begun)
    return list(moment.told.screens), asked, moment.next


def percentile(values: list[int] | list[float], percent: int) -> float:
    """Return the value that so many in a hundred stay within."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


if __name__ == "__main__":
    main()
