"""One patient's resources gathered into a case: each finding by its own reduction, with where it stands and how old it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from facts.case import Case, Contradiction, Expected, Observed, Record, UnrecognizedText, complete
from facts.intake.fhir.codes import CodeIndex
from facts.intake.fhir.findings import condition, observation, patient, procedure
from facts.intake.fhir.medicines import Ended, Lookup, Taken, medication, order_period
from facts.intake.fhir.resources import DATED, AsOf, NotUsed, Resource, StatedFinding, label
from facts.intake.fhir.values import Timestamp, codings_of, days_between, moment_of, object_of, objects_of, text_of
from facts.intake.judging import Judging
from facts.medicines import Stopped
from facts.problems import Problem
from facts.vocabulary import QuantityFinding, Value

_WINDOW = timedelta(hours=24)
_NAMED = 3
_CODED = frozenset({"Observation", "Condition", "Procedure"})


def read_record(
    name: str, resources: Sequence[Resource], index: CodeIndex, lookup: Lookup, judging: Judging
) -> tuple[Case, tuple[Problem, ...]]:
    """Make a case of one patient's resources, and tell what in them is at fault. Never raises for what they hold."""
    return _Gathering(_current_versions(resources), index, lookup, judging).case(name)


def _current_versions(resources: Sequence[Resource]) -> list[Resource]:
    """Keep one version of each resource: the one updated last, or else the one that stands last."""
    newest: dict[str, tuple[tuple[str, int], Resource]] = {}
    kept: list[Resource] = []
    for position, resource in enumerate(resources):
        if not text_of(resource.value.get("id")):
            kept.append(resource)
            continue
        updated = moment_of(object_of(resource.value.get("meta")).get("lastUpdated"))
        rank = (updated.instant.isoformat() if updated else "", position)
        if resource.name not in newest or newest[resource.name][0] < rank:
            newest[resource.name] = rank, resource
    kept += [resource for _, resource in newest.values()]
    return sorted(kept, key=lambda resource: (resource.kind, resource.name, resource.place))


def essential(resource: Resource, index: CodeIndex) -> Mapping[str, Any]:
    """Return a resource as far as a case can depend on it: of one with no declared code, that it is there, and its date."""
    value, kind = resource.value, resource.kind
    if kind == "Encounter" or (kind in _CODED and not any(index.knows(codings_of(concept)) for concept in _concepts(value))):
        kept = ("resourceType", "id", "meta", *DATED[kind])
        return {key: value[key] for key in kept if key in value}
    return value


def _concepts(value: Mapping[str, Any]) -> Iterator[Any]:
    for part in (value, *objects_of(value.get("component"))):
        yield part.get("code")
        yield part.get("valueCodeableConcept")


def newest_day(resources: Sequence[Resource]) -> date | None:
    """Return the newest whole date that something in the record was on."""
    return max((day for resource in resources for day in _days(resource)), default=None)


def _days(resource: Resource) -> Iterator[date]:
    value = resource.value
    told = [value[element] for element in DATED.get(resource.kind, ()) if element in value]
    moments = [moment_of(written) for written in told]
    moments += [moment_of(period.get("start")) for period in objects_of(told)]
    ends = [moment_of(period.get("end")) for period in objects_of(told)]
    if resource.kind == "MedicationRequest":
        # An order is often dated by nothing but the beginning of its dosage.
        started, ended = order_period(value)
        moments.append(started)
        ends.append(ended)
    for moment in moments if _is_planned(resource) else (*moments, *ends):
        if moment is not None and moment.day is not None:
            yield moment.day


def _is_planned(resource: Resource) -> bool:
    """Return whether the end of a medicine is a plan, which dates nothing: that of one that is still taken."""
    return resource.kind.startswith("Medication") and text_of(resource.value.get("status")) not in ("stopped", "completed")


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

    def case(self, name: str) -> tuple[Case, tuple[Problem, ...]]:
        for resource in self.resources:
            self.read(resource)
        answered = {finding: observed for finding in self.statements if (observed := self.reduced(finding))}
        sources = {one.text: _dated(one) for one in sorted(self.taken, key=_by_moment)}
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
        used = len(self.used.union(self.counted.values()))
        record = Record(day.isoformat() if day else None, self.judging.as_of is not None, len(self.resources), used)
        told = (*(self.told(*note) for note in self.notes.items()), *unrecognized)
        case = Case(name, MappingProxyType(findings), told, Expected(), record=record)
        return case, tuple(self.problems)

    def read(self, resource: Resource) -> None:
        index, as_of = self.index, self.as_of
        told: Iterator[StatedFinding | NotUsed | Taken | Ended | None]
        match resource.kind:
            case "Observation":
                told = observation(resource, index)
            case "Condition":
                told = condition(resource, index, as_of)
            case "Procedure":
                told = procedure(resource, index)
            case "Patient":
                told = patient(resource, index, as_of)
            case "MedicationRequest" | "MedicationStatement" | "MedicationAdministration":
                told = iter([medication(resource, index, self.lookup, as_of)])
            case _:
                return
        for one in told:
            self.keep(one)

    def keep(self, told: StatedFinding | NotUsed | Taken | Ended | None) -> None:
        match told:
            case StatedFinding():
                if why := self.why_not_now(told):
                    self.note(label(self.index.vocabulary.findings[told.finding]), why, told.resource, told.moment)
                else:
                    self.statements.setdefault(told.finding, []).append(told)
            case Taken():
                self.taken.append(told)
                self.used.add(told.resource)
            case Ended():
                self.ended.append(told)
                self.used.add(told.resource)
            case NotUsed():
                self.note(told.what, told.reason, told.resource.name, told.moment)
                if told.fix:
                    message = f"{told.resource.name}: {told.what}: {told.reason}"
                    self.problems.append(Problem(told.resource.place, message, told.fix))
                unread = StatedFinding(told.finding, None, told.moment, told.resource.name)
                if told.finding and not self.why_not_now(unread):
                    self.statements.setdefault(told.finding, []).append(unread)

    def why_not_now(self, told: StatedFinding) -> str:
        if self.as_of.before(told.moment):
            return "it was only after the assessment"
        limit, day = self.judging.within_days, self.as_of.day
        if limit is None or told.moment is None or not told.resource.startswith("Observation/") or day is None:
            return ""
        age = days_between(told.moment.day or told.moment.instant.date(), day)
        return f"older than {limit} days" if age > limit else ""

    def note(self, what: str, reason: str, resource: str, moment: Timestamp | None) -> None:
        shown = resource if moment is None else f"{resource}, {moment.shown}"
        self.notes.setdefault((what, reason), []).append(shown)

    def told(self, about: tuple[str, str], where: list[str]) -> UnrecognizedText:
        what, reason = about
        more = f" and {len(where) - _NAMED} more" if len(where) > _NAMED else ""
        return UnrecognizedText(f"{what} ({'; '.join(where[-_NAMED:])}{more})", reason)

    # Several statements of one finding

    def reduced(self, name: str) -> Observed | None:
        """Make one answer of all that the record says of a finding; None where it says two things at once."""
        finding = self.index.vocabulary.findings[name]
        # What is not dated counts only where nothing is; of equal times, the resource's name decides, so that order never does.
        statements = sorted(self.statements[name], key=lambda told: (told.moment is not None, *_by_moment(told)))
        standing = [told for told in statements if not told.resource.startswith("Observation/")]
        observed = [told for told in statements if told.resource.startswith("Observation/")]
        chosen = (standing or observed)[-1]
        if isinstance(finding, QuantityFinding):
            chosen = _by_reduction(finding, standing or observed)
        elif observed and observed[-1].observed is not None:
            # What stands in the record now, and the last observation; observations of one time count alike.
            same_time = [told for told in observed if told.moment == observed[-1].moment]
            said = {told.observed.value for told in (*standing, *same_time) if told.observed is not None}
            if len(said) > 1:
                for told in (*standing, *same_time):
                    self.note(label(finding), "the record says both, so neither counts", told.resource, told.moment)
                return None
            chosen = observed[-1]
        if chosen.observed is None:
            return None
        self.counted[name] = chosen.resource
        when = self.when(chosen)
        return replace(chosen.observed, origin=", ".join(filter(None, (chosen.resource, when))), when=when)

    def when(self, told: StatedFinding) -> str:
        """Return the date of a statement; with its age for an observation, which tells of its own day alone."""
        moment, day = told.moment, self.as_of.day
        if moment is None:
            return ""
        if not told.resource.startswith("Observation/"):
            return f"since {moment.shown}"
        days = 0 if day is None or moment.day is None else days_between(moment.day, day)
        return f"{moment.shown}, {days} day{'s' * (days != 1)} earlier" if days else moment.shown

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

    def stopped(self) -> list[Stopped]:
        """Return what was stopped and is not taken under another order."""
        recognize = self.index.dictionary.recognize
        current = {medicine for one in self.taken for medicine in recognize(one.text).medicines}
        left = [one for one in self.ended if not current.intersection(recognize(one.stopped.name).medicines)]
        for one in left:
            if not recognize(one.stopped.name).medicines:
                self.notes.setdefault(("stopped medicines", "not names we know"), []).append(str(one.stopped))
        return list(dict.fromkeys(one.stopped for one in left if recognize(one.stopped.name).medicines))


def _by_reduction(finding: QuantityFinding, statements: Sequence[StatedFinding]) -> StatedFinding:
    """Choose among readings in the order of their times."""
    latest = statements[-1]
    if finding.reduction == "latest" or latest.moment is None or latest.observed is None:
        return latest
    since = latest.moment.instant - _WINDOW
    recent = [
        (told.observed.value, told)
        for told in reversed(statements)
        if told.observed is not None and told.moment is not None and told.moment.instant >= since
    ]
    pick: Callable[..., tuple[Value, StatedFinding]] = max if finding.reduction == "highest" else min
    return pick(recent, key=lambda entry: entry[0])[1]


def _by_moment(told: StatedFinding | Taken) -> tuple[str, str]:
    return (told.moment.instant.isoformat() if told.moment else "", told.resource)


def _dated(taken: Taken) -> str:
    return f"{taken.resource}, since {taken.moment.shown}" if taken.moment else taken.resource
