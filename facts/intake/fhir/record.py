"""One patient's resources gathered into a case: each finding by its own reduction, with where it stands and how old it is."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from types import MappingProxyType

from facts.case import Case, Contradiction, Expected, Observed, Record, UnrecognizedText, Unverified, complete
from facts.intake.fhir.codes import CodeIndex
from facts.intake.fhir.kinds.conditions import condition, procedure
from facts.intake.fhir.kinds.days import newest_day
from facts.intake.fhir.kinds.medicine_names import Lookup
from facts.intake.fhir.kinds.medicines import Ended, Taken, medication
from facts.intake.fhir.kinds.observations import observation
from facts.intake.fhir.kinds.people import patient
from facts.intake.fhir.kinds.questionnaires import questionnaire_response
from facts.intake.fhir.several import by_moment, settle
from facts.intake.fhir.shapes.moments import Timestamp, days_between
from facts.intake.fhir.shapes.resources import AsOf, NotKnown, NotUsed, Resource, StatedFinding, Told, label, with_value
from facts.intake.fhir.versions import current_versions
from facts.intake.judging import Judging
from facts.medicines import Stopped
from facts.problems import Problem

_NAMED = 3


def read_record(
    name: str, resources: Sequence[Resource], index: CodeIndex, lookup: Lookup, judging: Judging
) -> tuple[Case, tuple[Problem, ...]]:
    """Make a case of one patient's resources, and tell what in them is at fault. Never raises for what they hold."""
    current, problems = current_versions(resources)
    case, more = _Gathering(current, index, lookup, judging).case(name)
    return case, (*problems, *more)


class _Gathering:
    def __init__(self, resources: Sequence[Resource], index: CodeIndex, lookup: Lookup, judging: Judging) -> None:
        self.resources, self.index, self.lookup, self.judging = resources, index, lookup, judging
        self.as_of = AsOf(judging.as_of or newest_day(resources))
        self.statements: dict[str, list[StatedFinding]] = {}
        self.taken: list[Taken] = []
        self.ended: list[Ended] = []
        self.notes: dict[tuple[str, str], list[str]] = {}
        self.problems: list[Problem] = []
        self.used: set[str] = set()
        self.counted: dict[str, str] = {}
        self.expired: list[str] = []
        self.not_known: dict[str, None] = {}
        self.unverified: list[Unverified] = []

    def case(self, name: str) -> tuple[Case, tuple[Problem, ...]]:
        for resource in self.resources:
            self.read(resource)
        answered = {finding: observed for finding in self.statements if (observed := self.settled(finding))}
        sources = {one.text: self.dated(one) for one in sorted(self.taken, key=_taken_by_moment)}
        stopped = self.stopped()
        while True:
            try:
                findings, unrecognized = complete(
                    self.index.vocabulary, self.index.dictionary, answered, list(sources), stopped, sources=sources
                )
                break
            except Contradiction as error:
                self.drop_contradicted(answered, error)
        day = self.as_of.day
        record = Record(
            day.isoformat() if day else None,
            self.judging.as_of is not None,
            len(self.resources),
            len(self.used.union(self.counted.values())),
            tuple(self.expired),
            tuple(self.not_known),
        )
        told = (*(self.told(*note) for note in self.notes.items()), *map(_of_a_record, unrecognized))
        case = Case(
            name, MappingProxyType(findings), told, Expected(), record=record, unverified=self.in_order(self.unverified)
        )
        return case, tuple(self.problems)

    def read(self, resource: Resource) -> None:
        index, as_of = self.index, self.as_of
        told: Iterator[Told | Taken | Ended | None]
        match resource.kind:
            case "Observation":
                told = observation(resource, index, self.judging.accepted)
            case "Condition":
                told = condition(resource, index, as_of)
            case "Procedure":
                told = procedure(resource, index)
            case "Patient":
                told = patient(resource, index, as_of)
            case "QuestionnaireResponse":
                told = questionnaire_response(resource, index)
            case "MedicationRequest" | "MedicationStatement" | "MedicationAdministration" | "MedicationDispense":
                told = iter([medication(resource, index, self.lookup, as_of)])
            case _:
                return
        for one in told:
            self.keep(one)

    def keep(self, told: Told | Taken | Ended | None) -> None:
        match told:
            case StatedFinding() if self.as_of.before(told.moment):
                what = with_value(self.index.vocabulary.findings[told.finding], told.observed)
                self.note(what, "it was only after the assessment", told.resource, told.moment)
            case StatedFinding():
                self.statements.setdefault(told.finding, []).append(told)
            case Taken() if self.is_old_order(told):
                reason = f"ordered more than {self.judging.orders_within_days} days earlier"
                self.note(told.text, reason, told.resource, told.moment)
            case Taken():
                self.taken.append(told)
                self.used.add(told.resource)
            case Ended():
                self.ended.append(told)
                self.used.add(told.resource)
            case NotKnown():
                self.not_known.setdefault(told.name)
            case NotUsed():
                self.note(told.what, told.reason, told.resource.name, told.moment)
                if told.fix:
                    message = f"{told.resource.name}: {told.what}: {told.reason}"
                    self.problems.append(Problem(told.resource.place, message, told.fix))
                if told.finding and not self.as_of.before(told.moment):
                    unread = StatedFinding(told.finding, None, told.moment, told.resource.name)
                    self.statements.setdefault(told.finding, []).append(unread)

    def is_old_order(self, taken: Taken) -> bool:
        limit, day = self.judging.orders_within_days, self.as_of.day
        return limit is not None and taken.moment is not None and day is not None and _age(taken.moment, day) > limit

    def note(self, what: str, reason: str, resource: str, moment: Timestamp | None) -> None:
        shown = resource if moment is None else f"{resource}, {moment.shown}"
        self.notes.setdefault((what, reason), []).append(shown)

    def told(self, about: tuple[str, str], where: list[str]) -> UnrecognizedText:
        what, reason = about
        more = f" and {len(where) - _NAMED} more" if len(where) > _NAMED else ""
        return UnrecognizedText(f"{what} ({'; '.join(where[-_NAMED:])}{more})", reason)

    # Several statements of one finding

    def settled(self, name: str) -> Observed | None:
        """Make one answer of all that the record says of a finding; None where nothing is known. What may only warn is kept."""
        finding = self.index.vocabulary.findings[name]
        found = settle(finding, self.lasting(name))
        for told in found.doubted:
            observed = self.observed(told)
            if observed is not None:
                self.unverified.append(Unverified(name, observed, told.doubt))
        if found.chosen is None:
            return None
        self.counted[name] = found.chosen.resource
        return self.observed(found.chosen)

    def observed(self, told: StatedFinding) -> Observed | None:
        if told.observed is None:
            return None
        when = self.when(told)
        return replace(told.observed, origin=", ".join(filter(None, (told.resource, when, told.remark))), when=when)

    def lasting(self, name: str) -> list[StatedFinding]:
        """Return the statements of a finding that are not too old to count, and tell of the newest of the others."""
        kept: list[StatedFinding] = []
        dropped: list[tuple[StatedFinding, int, int]] = []
        for told in self.statements[name]:
            limit, age = self.limit(told), self.age(told)
            if limit is not None and age is not None and age > limit:
                dropped.append((told, age, limit))
            else:
                kept.append(told)
        if dropped:
            self.tell_dropped(name, dropped)
        return kept

    def limit(self, told: StatedFinding) -> int | None:
        """Return for how many days a statement counts; None for as long as the record does."""
        lasts = self.index.vocabulary.findings[told.finding].lasts_days
        asked = self.judging.within_days if told.is_reading else None
        return min((days for days in (lasts, asked) if days is not None), default=None)

    def age(self, told: StatedFinding) -> int | None:
        """Return how many days ago something was last said to be so, at the least that its date allows."""
        moments = [moment for moment in (told.moment, told.recorded) if moment is not None]
        if not moments or self.as_of.day is None:
            return None
        return min(_age(moment, self.as_of.day) for moment in moments)

    def tell_dropped(self, name: str, dropped: list[tuple[StatedFinding, int, int]]) -> None:
        told, age, limit = max(dropped, key=lambda entry: by_moment(entry[0]))
        what = with_value(self.index.vocabulary.findings[name], told.observed)
        more = f" ({len(dropped) - 1} older too)" if len(dropped) > 1 else ""
        reason = f"{age} days old, and it counts for {limit} days: whether it is still so is not known{more}"
        reason += f"; {told.doubt}" if told.doubt else ""
        self.note(what, reason, told.resource, told.moment)
        self.expired.append(f"{what} ({told.resource}): {age} days old, counts for {limit} days")

    def when(self, told: StatedFinding) -> str:
        """Return the date of a statement; with its age for a reading, which tells of its own day alone."""
        moment, day = told.moment, self.as_of.day
        if moment is None:
            return ""
        if not told.is_reading:
            return f"since {moment.shown}"
        days = 0 if day is None or moment.day is None else days_between(moment.day, day)
        return f"{moment.shown}, {days} day{'s' * (days != 1)} earlier" if days else moment.shown

    def in_order(self, unverified: list[Unverified]) -> tuple[Unverified, ...]:
        order = {name: place for place, name in enumerate(self.index.vocabulary.findings)}
        return tuple(sorted(unverified, key=lambda one: (order[one.finding], one.observed.origin)))

    def drop_contradicted(self, answered: dict[str, Observed], error: Contradiction) -> None:
        """Leave out what contradicts, and say so: both of two answers, or the answer that is at odds with a medicine.

        A record is never refused for a contradiction.
        """
        told: dict[str, str] = {} if error.answered is None else {error.answered: f"{error}; so it does not count"}
        # A medicine stands; without the "no" that it contradicts, other answers may stand too.
        by_medicines = [one for one in error.denied if one.finding not in answered]
        for one in by_medicines:
            told.setdefault(one.denied, f"{one.tell(error.origins)}; so the no does not count")
        for one in () if by_medicines else error.denied:
            for name in (one.denied, one.finding):
                told.setdefault(name, f"{one.tell(error.origins)}; so neither counts")
        for name, reason in told.items():
            if (answer := answered.pop(name, None)) is not None:
                self.counted.pop(name)
                self.notes.setdefault((label(self.index.vocabulary.findings[name]), reason), []).append(answer.origin)

    # Medicines

    def stopped(self) -> list[Stopped]:
        """Return what was stopped and is not taken under another order."""
        recognize = self.index.dictionary.recognize
        current = {medicine for one in self.taken for medicine in recognize(one.text).medicines}
        left = [one for one in self.ended if not current.intersection(recognize(one.stopped.name).medicines)]
        for one in left:
            if not recognize(one.stopped.name).medicines:
                self.notes.setdefault(("stopped medicines", "not names we know"), []).append(str(one.stopped))
        return list(dict.fromkeys(one.stopped for one in left if recognize(one.stopped.name).medicines))

    def dated(self, taken: Taken) -> str:
        """Return where a medicine stands in the record, since when, and how long ago that was where it is long."""
        parts = [taken.resource]
        if taken.moment:
            days = 0 if self.as_of.day is None else _age(taken.moment, self.as_of.day)
            parts.append(f"since {taken.moment.shown}" + (f", {days} days earlier" if days >= _OLD_ORDER_DAYS else ""))
        return ", ".join([*parts, taken.remark] if taken.remark else parts)


_OLD_ORDER_DAYS = 366
"""From when on the age of an order is told in days: its year alone is easily read over."""


def _age(moment: Timestamp, day: date) -> int:
    return days_between(moment.last_day, day)


def _taken_by_moment(taken: Taken) -> tuple[str, str]:
    return (taken.moment.instant.isoformat() if taken.moment else "", taken.resource)


def _of_a_record(note: UnrecognizedText) -> UnrecognizedText:
    """Leave out what somebody who wrote a case is told to do: nobody here can."""
    return replace(note, reason=note.reason.partition("; list only")[0])
