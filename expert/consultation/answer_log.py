"""The log of a consultation's answers: an append-only list of events, from which everything else is derived.

Undo, change and resume are events like any other, so replaying a log always gives the same consultation.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

from facts.answers import AnswerError, read_answer
from facts.case import DENIED_TOGETHER, NOT_LISTED, Case, Contradiction, Observed, complete, values_of
from facts.finding_search import suggest_finding
from facts.medicines import Stopped
from facts.requirements import DeniedRequirement, closed_by
from knowledge_base.model import KnowledgeBase

EventKind: TypeAlias = Literal["answered", "denied", "unknown", "changed", "undone"]
_KINDS = get_args(EventKind)
MEDICINES, STOPPED_MEDICINES = "medicines", "stopped_medicines"
RESULTS, NO_MORE, SOME = "results", "none", "some"
"""What is recorded when it was asked which test results are available, and whether there is none or some."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was said, at one step of the consultation.

    `answers` holds what was written, by finding; `medicines` is a list of texts, `stopped_medicines` a list of mappings with
    name, days_ago and after_weeks. None stands for "unknown"; what was `denied` is absent because a page listed it and nobody
    named it. A step may have several events; `undone` takes its step back.
    `screen` is the screen that was answered, "" where an answer was changed outside of one. `at` is a time (ISO 8601),
    `knowledge` the hash of the knowledge base that asked.
    """

    step: int
    kind: EventKind
    screen: str
    answers: Mapping[str, Any]
    at: str
    knowledge: str

    def to_dict(self) -> dict[str, Any]:
        """Return the event as JSON has it."""
        return {
            "step": self.step,
            "kind": self.kind,
            "screen": self.screen,
            "answers": dict(self.answers),
            "at": self.at,
            "knowledge": self.knowledge,
        }

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> "Event":
        """Read an event. Raises KeyError or TypeError when a part is missing or of another kind."""
        if written["kind"] not in _KINDS or not isinstance(written["answers"], dict):
            raise TypeError(f"not an event of a consultation: {written!r}")
        return cls(
            step=int(written["step"]),
            kind=written["kind"],
            screen=str(written["screen"]),
            answers=MappingProxyType(dict(written["answers"])),
            at=str(written["at"]),
            knowledge=str(written["knowledge"]),
        )


Log: TypeAlias = tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What stands after a log: the case, what was answered "unknown", and the screens in the order in which they were shown."""

    case: Case
    unknown: frozenset[str]
    lists_asked: bool
    screens: tuple[str, ...]
    results_asked: bool = False
    no_more_results: bool = False


class AnswerRefused(ValueError):
    """Answers that cannot stand: each problem says what was found, what was expected and what to do."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


def drop_undone(log: Log) -> Log:
    """Return the events that were not taken back."""
    undone = {event.step for event in log if event.kind == "undone"}
    return tuple(event for event in log if event.kind != "undone" and event.step not in undone)


def next_step(log: Log) -> int:
    """Return the number of the step that comes next."""
    return max((event.step for event in log), default=0) + 1


def replay(log: Log, knowledge: KnowledgeBase, name: str) -> Told:
    """Derive what stands after a log. Raises AnswerRefused when an answer cannot be read or answers contradict each other."""
    events = drop_undone(log)
    lists: dict[str, Any] = {MEDICINES: None, STOPPED_MEDICINES: None, RESULTS: None}
    steps: dict[int, dict[str, Any]] = {}
    for event in events:
        lists.update((key, event.answers[key]) for key in lists if key in event.answers)
        written = {name: answer for name, answer in event.answers.items() if name not in lists}
        steps.setdefault(event.step, {}).update(written)
    answered, unknown = _read(steps.values(), knowledge)
    kinds = {finding: event.kind for event in events for finding in event.answers}
    for finding, observed in answered.items():
        if observed.value is False and kinds[finding] == "denied":
            answered[finding] = replace(observed, origin=DENIED_TOGETHER)
    medicines, stopped = _medicines(lists[MEDICINES]), _stopped(lists[STOPPED_MEDICINES])
    try:
        findings, unrecognized = complete(knowledge.vocabulary, knowledge.dictionary, answered, medicines, stopped)
    except Contradiction as error:
        raise _refuse_contradiction(error) from None
    if medicines == [] and stopped == []:
        absent = Observed(False, origin=NOT_LISTED)
        findings = {**dict.fromkeys(knowledge.interview.with_medicines, absent), **findings}
        findings = {name: findings[name] for name in knowledge.vocabulary.findings if name in findings}
    case = Case(
        name=name,
        findings=MappingProxyType(findings),
        unrecognized=unrecognized,
        medicines=None if medicines is None else tuple(medicines),
        stopped_medicines=None if stopped is None else tuple(stopped),
        not_known=tuple(finding for finding in knowledge.vocabulary.findings if finding in unknown - findings.keys()),
    )
    return Told(
        case=case,
        unknown=frozenset(unknown - set(findings)),
        lists_asked=any(key in event.answers for event in events for key in (MEDICINES, STOPPED_MEDICINES)),
        screens=tuple({event.step: event.screen for event in events if event.screen}.values()),
        results_asked=any(RESULTS in event.answers for event in events),
        no_more_results=lists[RESULTS] == NO_MORE,
    )


def _read(steps: Iterable[Mapping[str, Any]], knowledge: KnowledgeBase) -> tuple[dict[str, Observed], set[str]]:
    """Read what was answered at each step, in turn, into the answers that stand and the findings answered "unknown"."""
    findings = knowledge.vocabulary.findings
    answered: dict[str, Observed] = {}
    unknown: set[str] = set()
    problems: list[str] = []
    for written in steps:
        said: dict[str, Observed] = {}
        for name, text in written.items():
            finding = findings.get(name)
            if finding is None:
                problems.append(
                    f"{name} is not a finding of this knowledge base; {suggest_finding(name, knowledge.vocabulary)}"
                )
                continue
            try:
                observed = read_answer(finding, text)
            except AnswerError as error:
                problems.append(str(error))
                continue
            answered.pop(name, None)
            if observed is not None:
                said[name] = observed
        now_unknown = written.keys() - said.keys()
        for name in closed_by(values_of(said), now_unknown, values_of(answered), findings):
            del answered[name]
        answered |= said
        unknown = (unknown | now_unknown) - said.keys()
    if problems:
        raise AnswerRefused(problems)
    return answered, unknown


def _refuse_contradiction(error: Contradiction) -> AnswerRefused:
    """Return the refusal of answers that contradict each other, with how to change the other one."""
    if not error.denied:
        return AnswerRefused([f"the answers contradict each other: {error}; correct one of them"])
    return AnswerRefused(_contradicted(one, error.origins) for one in error.denied)


def _contradicted(one: DeniedRequirement, origins: Mapping[str, str]) -> str:
    told = f"the answers contradict each other: {one.tell(origins)}"
    if origins[one.denied] in ("", DENIED_TOGETHER):
        return f"{told}; if {one.denied} is yes after all, change that answer too"
    return f"{told}; correct one of them"


def _medicines(written: Any) -> list[str] | None:
    if written is None:
        return None
    if not isinstance(written, list) or not all(isinstance(text, str) and text.strip() for text in written):
        raise AnswerRefused([f"medicines: found {written!r}, expected a list of names; write them with commas between"])
    return [text.strip() for text in written]


def _stopped(written: Any) -> list[Stopped] | None:
    if written is None:
        return None
    try:
        return [Stopped(entry["name"], entry.get("days_ago"), entry.get("after_weeks")) for entry in written]
    except (TypeError, KeyError, AttributeError):
        raise AnswerRefused(
            [f"stopped_medicines: found {written!r}, expected a list of {{name, days_ago, after_weeks}}"]
        ) from None
