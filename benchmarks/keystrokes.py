"""What a clinician types for the answers of a page in the terminal: the shortest lines that `charley consult` reads so."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from expert.consultation.answer_log import MEDICINES, STOPPED_MEDICINES
from expert.consultation.asking.next_question import Questioner
from expert.consultation.asking.page import ScreenAsked
from expert.consultation.replies import write_out
from facts.finding_search import find_finding
from facts.medicines import MedicineDictionary
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, Vocabulary, YesNoFinding
from knowledge_base.model import KnowledgeBase


def lines_for(asked: ScreenAsked, answers: Mapping[str, Any], questioner: Questioner) -> tuple[str, ...]:
    """Return the lines that are typed for a page, one for each prompt that it gives."""
    vocabulary, tests, listed = questioner.knowledge.vocabulary, questioner.tests, questioner.listed
    lines: list[str] = []
    if asked.questions:
        lines.append(_numbers(asked, answers, questioner.knowledge))
    if asked.asks_medicines:
        lines += [_names(answers[MEDICINES], questioner.knowledge.dictionary), _stopped(answers[STOPPED_MEDICINES])]
    given = [name for name in answers if name in vocabulary.findings and name not in asked.questions and name not in listed]
    if asked.asks_results:
        results = [name for name in given if name in tests and answers[name] is not None]
        lines.append(", ".join(_told(vocabulary.findings[name], answers[name], vocabulary) for name in results) or "n")
    if asked.asks_anything:
        told = (name for name in given if name not in tests)
        lines.append(", ".join(_told(vocabulary.findings[name], answers[name], vocabulary) for name in told))
    return tuple(lines)


def keystrokes(lines: tuple[str, ...]) -> int:
    """Count the keys of some lines, Enter with them."""
    return sum(len(line) + 1 for line in lines)


def _numbers(asked: ScreenAsked, answers: Mapping[str, Any], knowledge: KnowledgeBase) -> str:
    findings, pairs = [knowledge.vocabulary.findings[name] for name in asked.questions], knowledge.interview.written_together
    if all(answers[finding.id] is None for finding in findings):
        return "u"
    signs = [finding.id for finding in findings if isinstance(finding, YesNoFinding) and finding.id not in asked.each]
    absent = sum(answers[name] is False for name in signs)
    # Of history, what is not named is absent; of an examination only what is said to be so, of tests never.
    rest = asked.screen.by == "examination" and absent > 1
    unnamed = False if asked.screen.by == "history" or rest else None
    typed: list[str] = []
    written: set[str] = set()
    for number, finding in enumerate(findings, 1):
        answer, second = answers[finding.id], knowledge.vocabulary.findings.get(pairs.get(finding.id, ""))
        if finding.id in written:
            continue
        if isinstance(finding, YesNoFinding):
            if answer is not (unnamed if finding.id in signs else None):
                typed.append({True: "", False: "n", None: "u"}[answer] + str(number))
        elif answer is not None and isinstance(second, ChoiceFinding) and answers.get(second.id) is not None:
            typed.append(_plain(answer) + _begun(str(answers[second.id]), second.choices))
            written.add(second.id)
        elif answer is not None:
            typed.append(_value(number, finding, answer, findings, taken=[pairs.get(other.id, "") for other in findings]))
    # Values alone say nothing about the signs beside them.
    values_alone = absent and asked.screen.by == "history" and not any(word.lstrip("nu").isdigit() for word in typed)
    return " ".join([*_ranges(typed), *(["n"] if rest or (values_alone and typed) else [])]) or "n"


def _ranges(typed: list[str]) -> Iterator[str]:
    """Write three numbers or more that follow each other as one range."""
    run: list[str] = []
    for word in [*typed, ""]:
        if run and word.isdigit() and int(word) == int(run[-1]) + 1:
            run.append(word)
            continue
        yield from [f"{run[0]}-{run[-1]}"] if len(run) > 2 else run
        run = [word] if word.isdigit() else []
        if word and not run:
            yield word


def _value(number: int, finding: Finding, answer: Any, findings: list[Finding], taken: Sequence[str]) -> str:
    """Return the shortest way to write a value: by the number of its question, or with the beginning of its unit."""
    if isinstance(finding, ChoiceFinding):
        return _begun(str(answer), _choices(findings))
    by_number = f"{number}={_plain(answer)}"
    if not isinstance(finding, QuantityFinding):
        return by_number
    # What begins a choice that is written behind another number is read as that.
    others = _choices([other for other in findings if other.id in taken])
    others += [other.unit for other in findings if isinstance(other, QuantityFinding) and other is not finding]
    beginnings = (finding.unit[:end] for end in range(1, len(finding.unit) + 1))
    unit = next((begun for begun in beginnings if begun.isalpha() and not any(one.startswith(begun) for one in others)), None)
    by_unit = by_number if unit is None or "-" in _plain(answer) else f"{_plain(answer)}{unit}"
    return min(by_number, by_unit, key=len)


def _choices(findings: Iterable[Finding]) -> list[str]:
    return [choice for finding in findings if isinstance(finding, ChoiceFinding) for choice in finding.choices]


def _begun(answer: str, choices: Iterable[str]) -> str:
    every = list(choices)
    beginnings = (answer[:end] for end in range(1, len(answer) + 1))
    return next(begun for begun in beginnings if sum(one.startswith(begun) for one in every) == 1)


def _plain(answer: Any) -> str:
    return f"{answer:g}" if isinstance(answer, float) else str(answer)


def _names(names: Any, dictionary: MedicineDictionary) -> str:
    return "u" if names is None else ", ".join(_shortest(name, dictionary) for name in names) or "n"


def _shortest(name: str, dictionary: MedicineDictionary) -> str:
    beginnings = (name[:end] for end in range(1, len(name)))
    return next((begun for begun in beginnings if write_out(begun, dictionary) == name.casefold()), name)


def _stopped(entries: Any) -> str:
    if entries is None:
        return "u"
    return (
        ", ".join(
            f"{entry['name']}"
            + (f" {entry['days_ago']} days ago" if "days_ago" in entry else "")
            + (f" after {entry['after_weeks']} weeks" if "after_weeks" in entry else "")
            for entry in entries
        )
        or "n"
    )


def _told(finding: Finding, answer: Any, vocabulary: Vocabulary) -> str:
    names = [name for name in (finding.id, finding.label, *finding.synonyms) if find_finding(name, vocabulary) is finding]
    name = min(names, key=len)
    if isinstance(answer, bool):
        return name if answer else f"{name} no"
    return f"{name} {_plain(answer)}"
