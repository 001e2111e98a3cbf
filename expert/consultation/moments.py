"""A consultation as a pure function of its log of answers: what is known, what is asked next, when it may stop.

Nothing here reads a clock, a terminal or a file. Whoever holds the log appends the events that these functions give, and shows
the moment that follows; the same log always gives the same moment.
"""

from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from expert.consultation.answer_log import (
    MEDICINES,
    NO_MORE,
    RESULTS,
    SOME,
    STOPPED_MEDICINES,
    AnswerRefused,
    Event,
    EventKind,
    Log,
    Told,
    drop_undone,
    next_step,
    replay,
)
from expert.consultation.asking.next_question import Certificate, Questioner
from expert.consultation.asking.page import ScreenAsked
from expert.consultation.asking.prospect import Known, Prospect
from expert.inference.assessing import Assessor, ContradictoryCase
from expert.inference.outline import Outline
from facts.answers import is_unknown, write_answer
from facts.assessment import Assessment, WarningSignFound
from facts.case import IMPLIED, Case, Observed
from facts.medicines import Stopped
from knowledge_base.judging.judgement import Judgement


@dataclass(frozen=True)
class Moment:
    """A point of a consultation: what stands, what it amounts to, and what comes next; worked out when it is asked for."""

    told: Told
    known: Known
    judgement: Judgement
    questioner: Questioner
    assessor: Assessor

    @cached_property
    def prospect(self) -> Prospect:
        """What can still change."""
        return self.questioner.prospect(self.known, self.judgement)

    @cached_property
    def next(self) -> ScreenAsked | Certificate:
        """The screen that comes next, or why none does."""
        return self.questioner.next_screen(self.known, self.told.screens, self.prospect)

    @cached_property
    def assessment(self) -> Assessment:
        """The assessment of what is known."""
        return self.assessor.conclude(self.told.case, self.judgement)

    @cached_property
    def outline(self) -> Outline:
        """Where it stands, without the argument: what a page shows."""
        return self.assessor.outline(self.told.case, self.judgement)

    @property
    def screens(self) -> int:
        """How many pages were answered."""
        return len(self.told.screens)


class Consultation:
    """Consultations with one knowledge base. Holds nothing of a patient; thread-safe."""

    def __init__(self, assessor: Assessor, *, thorough: bool = False) -> None:
        """`thorough` asks whatever could change anything; otherwise only what is pertinent is asked."""
        self.assessor, self.knowledge = assessor, assessor.knowledge
        self.questioner = Questioner(assessor.knowledge, assessor.judge, assessor.urgency.verdicts, thorough=thorough)

    def moment(self, log: Log, name: str) -> Moment:
        """Derive where a consultation stands. Raises AnswerRefused when its answers contradict each other."""
        told = replay(log, self.knowledge, name)
        if not log:
            return self._begun(told)
        return self._moment(told)

    def _begun(self, told: Told) -> Moment:
        """Return the moment before anything is told: what stands and what comes first is the same for everybody."""
        first = self._first
        begun = Moment(told, first.known, first.judgement, self.questioner, self.assessor)
        # As if they had been asked of it; the assessment is not among them, since it names the patient.
        vars(begun).update(prospect=first.prospect, next=first.next, outline=first.outline)
        return begun

    @cached_property
    def _first(self) -> Moment:
        return self._moment(replay((), self.knowledge, ""))

    def _moment(self, told: Told) -> Moment:
        try:
            judgement = self.assessor.check(told.case)
        except ContradictoryCase as error:
            raise AnswerRefused([f"the answers contradict each other: {error}; correct one of them"]) from None
        known = Known(told.case.values, told.unknown, told.lists_asked, told.results_asked, told.no_more_results)
        return Moment(told, known, judgement, self.questioner, self.assessor)

    def answered(
        self, log: Log, name: str, screen: str, answers: Mapping[str, Any], at: str, together: Collection[str] = ()
    ) -> tuple[Log, Moment]:
        """Append the answers to a screen; None stands for "unknown". Gives the longer log, and where it leads.

        Those `together` are signs that nobody named, and that the screen calls absent then. Raises AnswerRefused, and then
        nothing was appended.
        """
        denied = {key: False for key in answers if key in together and answers[key] is False}
        known = {key: value for key, value in answers.items() if key not in denied and not is_unknown(value)}
        unknown = {key: None for key in answers if key not in known and key not in denied}
        added = []
        if known:
            added.append(self._event(log, "answered", screen, known, at))
        if denied:
            added.append(self._event(log, "denied", screen, denied, at))
        if unknown:
            added.append(self._event(log, "unknown", screen, unknown, at))
        return self._checked(log, name, added)

    def changed(self, log: Log, name: str, answers: Mapping[str, Any], at: str) -> tuple[Log, Moment]:
        """Append a change of answers, outside of a screen. Raises AnswerRefused, and then nothing was appended."""
        return self._checked(log, name, [self._event(log, "changed", "", answers, at)])

    def undone(self, log: Log, at: str) -> Log:
        """Take the last step back that was not taken back yet. Gives the same log when there is none."""
        left = drop_undone(log)
        if not left:
            return log
        last = left[-1].step
        return (*log, Event(last, "undone", "", MappingProxyType({}), at, self.knowledge.hash))

    def dangers(self, before: Moment | None, now: Moment) -> tuple[WarningSignFound, ...]:
        """Return the warning signs of the highest level that the last answers revealed."""
        highest = list(self.knowledge.levels)[-1]
        if not any(level == highest for _, level in now.outline.signs):
            return ()
        known = {sign for sign, level in before.outline.signs if level == highest} if before else set()
        return tuple(sign for sign in now.assessment.warning_signs if sign.level == highest and sign.id not in known)

    def scripted(self, case: Case, clock: Callable[[], str]) -> tuple[Log, Moment]:
        """Hold the consultation with a case that answers every question: what it does not tell is "unknown"."""
        log: Log = ()
        moment = self.moment(log, case.name)
        while isinstance(moment.next, ScreenAsked):
            screen = moment.next.screen.id
            log, moment = self.answered(log, case.name, screen, self.reply(moment.next, case), clock())
        return log, moment

    def reply(self, asked: ScreenAsked, case: Case) -> dict[str, Any]:
        """Return what a case answers to a page; a result that it does not have is not available."""
        answers = {name: self._written(name, case.findings.get(name)) for name in asked.questions}
        if asked.asks_medicines:
            stopped = None if case.stopped_medicines is None else [_stop(entry) for entry in case.stopped_medicines]
            current = None if case.medicines is None else list(case.medicines)
            answers |= {MEDICINES: current, STOPPED_MEDICINES: stopped, **self._direct(case, self.questioner.listed)}
        if asked.asks_results:
            given = self._direct(case, self.questioner.tests)
            answers |= {RESULTS: SOME if given else NO_MORE, **given}
        if asked.asks_anything:
            told = {name for name, observed in case.findings.items() if observed.value is not False}
            answers |= self._direct(case, told - self.questioner.tests - self.questioner.listed)
        return answers

    def _direct(self, case: Case, names: Set[str]) -> dict[str, Any]:
        """Return what a case says of some findings itself, not by what it says of others."""
        return {
            name: self._written(name, observed)
            for name, observed in case.findings.items()
            if name in names and (not observed.origin or observed.origin.startswith(IMPLIED))
        }

    def _written(self, name: str, observed: Observed | None) -> Any:
        return None if observed is None else write_answer(self.knowledge.vocabulary.findings[name], observed)

    def _event(self, log: Log, kind: EventKind, screen: str, answers: Mapping[str, Any], at: str) -> Event:
        return Event(next_step(log), kind, screen, MappingProxyType(dict(answers)), at, self.knowledge.hash)

    def _checked(self, log: Log, name: str, added: list[Event]) -> tuple[Log, Moment]:
        longer = (*log, *added)
        return longer, self.moment(longer, name)


def _stop(entry: Stopped) -> dict[str, Any]:
    times = {"days_ago": entry.days_ago, "after_weeks": entry.after_weeks}
    return {"name": entry.name, **{key: value for key, value in times.items() if value is not None}}
