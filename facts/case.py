"""One patient as told: what is known of each finding, and where it comes from; what every engine reasons from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from facts.measuring.derived_findings import agree, compute
from facts.measuring.reference_intervals import WORDS, NoReference, quantity_of_word
from facts.medicines import MedicineDictionary, Recognition, Stopped, findings_of_current, findings_of_stopped
from facts.quantities import Interval, Quantity, narrow, quantity_words
from facts.requirements import DeniedRequirement, denied_requirements, implied
from facts.vocabulary import QuantityFinding, Value, Vocabulary

NOT_LISTED = "not on the complete list of medicines"
"""The origin of a finding that is absent because a medicine list says nothing of it."""
DENIED_TOGETHER = "no to all that was listed"
"""The origin of a sign that is absent because a page listed it and nobody named it: a weaker "no" than one of its own."""
IMPLIED = "implied by"
"""How the origin of a finding begins that another answer implies."""
COMPUTED = "computed from"
"""How the origin of a finding begins that is computed from others."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What is known of one finding.

    `given` is what was written when that was in another unit, or one of the words low, normal and high; `origin` tells where
    the value comes from when nobody answered the finding itself (a resource of a record, a medicine on the list, another answer
    that implies it, others that it is computed from). `when` is the date of what a record says, with its age: reasons tell it,
    because an old reading is a weak one.
    """

    value: Value
    given: str = ""
    origin: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True)
class UnrecognizedText:
    """Something on the case from which not everything was concluded, and why."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a record says of a finding and nobody vouches for, and why: it may warn, and never reassures.

    The finding itself stays unknown, or is known only as far as this does not matter.
    """

    finding: str
    observed: Observed
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """The record that a case was read from: the date at which the patient is judged, and how many resources were used.

    `chosen` tells that somebody gave the date; otherwise it is the newest one in the record. `expired` names, with its value,
    what is too old to count; `conditions_not_known` are those that are present and have no code that the vocabulary knows.
    """

    as_of: str | None
    chosen: bool
    resources: int
    used: int
    expired: tuple[str, ...] = ()
    conditions_not_known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """Gold labels, used only for scoring: None or empty where the case carries none."""

    urgency: str | None = None
    causes: tuple[str, ...] = ()
    standings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    fires: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()
    open: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A patient. A finding that is not in `findings` is unknown: never False, never zero, never a default."""

    name: str
    findings: Mapping[str, Observed]
    unrecognized: tuple[UnrecognizedText, ...] = ()
    expected: Expected = Expected()
    note: str = ""
    medicines: tuple[str, ...] | None = None
    """The list of current medicines as it was written; None where none was given."""
    stopped_medicines: tuple[Stopped, ...] | None = None
    record: Record | None = None
    """The record that the case was read from, which is never taken for complete; None for what somebody wrote as a case."""
    not_known: tuple[str, ...] = ()
    """Findings that were asked for and that nobody knew; unknown as those that nobody asked for, but told apart from them."""
    unverified: tuple[Unverified, ...] = ()
    """What the record says and nobody vouches for; none of it is among the findings."""

    @property
    def values(self) -> dict[str, Value]:
        """The known findings' values alone, by id."""
        return values_of(self.findings)


def values_of(findings: Mapping[str, Observed]) -> dict[str, Value]:
    """Return the values alone of what was observed, by finding."""
    return {name: observed.value for name, observed in findings.items()}


class Contradiction(ValueError):
    """Answers that cannot both be true, named by the text.

    Either `answered` is at odds with a medicine list; or `denied` holds every answer that implies one that is "no", and
    `origins` tells where each of them comes from when nobody answered it.
    """

    def __init__(
        self,
        message: str,
        *,
        answered: str | None = None,
        denied: tuple[DeniedRequirement, ...] = (),
        origins: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(message)
        self.answered, self.denied, self.origins = answered, denied, origins


def complete(
    vocabulary: Vocabulary,
    dictionary: MedicineDictionary,
    answered: Mapping[str, Observed],
    medicines: Iterable[str] | None = None,
    stopped: Iterable[Stopped] | None = None,
    *,
    sources: Mapping[str, str] | None = None,
) -> tuple[dict[str, Observed], tuple[UnrecognizedText, ...]]:
    """Add to the answers what follows from them: findings of the medicine lists, what is computed, what a finding requires.

    The words low, normal and high get the meaning that they have for this patient.

    Lists that were not given (None) say nothing. `sources` tells that the lists are gathered from a record, and where each
    current medicine stands in it: nobody says that such a list is complete, so what is not on it stays unknown.

    Returns the findings in the vocabulary's order, and what was not recognized. Raises Contradiction when an answer is at odds
    with a list or with another answer.
    """
    findings = dict(answered)
    unrecognized = settle_quantities(vocabulary, findings)
    current = None if medicines is None else [_recognized(dictionary, text, sources) for text in medicines]
    past = None if stopped is None else [(entry, dictionary.recognize(entry.name)) for entry in stopped]
    for derived, recognitions in (
        (findings_of_current(dictionary, current) if current is not None else {}, current or []),
        (findings_of_stopped(dictionary, past) if past is not None else {}, [found for _, found in past or []]),
    ):
        for name, (value, entries) in derived.items():
            if value or sources is None:
                _add_from_list(findings, name, value, entries)
        unrecognized.extend(doubts(recognitions))
    return add_required(vocabulary, findings), tuple(dict.fromkeys(unrecognized))


def add_required(vocabulary: Vocabulary, answered: Mapping[str, Observed]) -> dict[str, Observed]:
    """Return answers with what they imply, in the vocabulary's order. Raises Contradiction where that is denied."""
    values = values_of(answered)
    if denied := denied_requirements(values, vocabulary.findings):
        origins = {name: observed.origin for name, observed in answered.items()}
        raise Contradiction("; ".join(one.tell(origins) for one in denied), denied=denied, origins=origins)
    required = {
        name: Observed(True, origin=f"{IMPLIED} {child}") for name, child in implied(values, vocabulary.findings).items()
    }
    findings = {**answered, **required}
    return {name: findings[name] for name in vocabulary.findings if name in findings}


def settle_quantities(vocabulary: Vocabulary, findings: dict[str, Observed]) -> list[UnrecognizedText]:
    """Give words the meaning that they have for this patient, and add what is computed. Returns what was not understood."""
    unrecognized: list[UnrecognizedText] = []
    _settle_words(vocabulary, findings, unrecognized)
    _add_computed(vocabulary, findings, unrecognized)
    return unrecognized


def _settle_words(vocabulary: Vocabulary, findings: dict[str, Observed], unrecognized: list[UnrecognizedText]) -> None:
    words = [name for name, seen in findings.items() if type(seen.value) is Interval and seen.given in WORDS]
    if not words:
        return
    known = {name: observed.value for name, observed in findings.items() if name not in words}
    for name in words:
        finding, observed = vocabulary.findings[name], findings[name]
        word = next(word for word in WORDS if word == observed.given)
        if isinstance(finding, QuantityFinding):
            try:
                findings[name] = replace(observed, value=quantity_of_word(finding, word, known))
            except NoReference as error:
                # What the word means of this patient is not declared, though it is of others.
                del findings[name]
                unrecognized.append(UnrecognizedText(f"{finding.label}: {word}", str(error)))


def _add_computed(vocabulary: Vocabulary, findings: dict[str, Observed], unrecognized: list[UnrecognizedText]) -> None:
    for finding in vocabulary.derived:
        derivation = finding.derived
        if derivation is None or not all(name in findings for name in derivation.inputs):
            continue
        inputs = {name: _quantity(findings[name]) for name in derivation.inputs}
        computed, given = compute(derivation, finding, inputs), findings.get(finding.id)
        doubt = doubt_of_computed(vocabulary, finding, inputs, computed, None if given is None else _quantity(given))
        if doubt is not None:
            unrecognized.append(doubt)
        elif computed is None:
            continue
        elif given is None:
            findings[finding.id] = Observed(computed, origin=_origin(vocabulary, inputs))
        elif isinstance(given.value, Interval):
            try:
                origin = _origin(vocabulary, inputs)
                findings[finding.id] = Observed(narrow(given.value, computed), given.given, origin, given.when)
            except ValueError:
                # They differ by less than is told; what was given stays.
                continue


def doubt_of_computed(
    vocabulary: Vocabulary,
    finding: QuantityFinding,
    inputs: Mapping[str, Quantity],
    computed: Quantity | None,
    given: Quantity | None,
) -> UnrecognizedText | None:
    """Return what is to be said where a finding that is `computed` from its inputs is not plausible, or not what was given."""
    if computed is None:
        origin = _origin(vocabulary, inputs)
        return UnrecognizedText(finding.label, f"what is {origin} is not plausible; check the figures and units")
    if given is None or finding.derived is None or agree(given, computed, finding.derived.agrees_within):
        return None
    shown = [_written(vocabulary, finding.id, value) for value in (given, computed)]
    reason = f"{shown[1]} is {_origin(vocabulary, inputs)}; the value that was given is used; correct one of them"
    return UnrecognizedText(f"{finding.label}: {shown[0]}", reason)


def _origin(vocabulary: Vocabulary, inputs: Mapping[str, Quantity]) -> str:
    told = (f"{vocabulary.findings[name].label} ({_written(vocabulary, name, value)})" for name, value in inputs.items())
    return f"{COMPUTED} {' and '.join(told)}"


def _quantity(observed: Observed) -> Quantity:
    return observed.value if isinstance(observed.value, Interval) else float(observed.value)


def _written(vocabulary: Vocabulary, name: str, value: Quantity) -> str:
    finding = vocabulary.findings[name]
    if not isinstance(finding, QuantityFinding):
        raise TypeError(f"{name} is not a quantity")
    return f"{quantity_words(value, finding.range, '{:.4g}'.format)} {finding.unit}"


def _recognized(dictionary: MedicineDictionary, text: str, sources: Mapping[str, str] | None) -> Recognition:
    recognition = dictionary.recognize(text)
    source = (sources or {}).get(text)
    return replace(recognition, text=f"{text} ({source})") if source else recognition


def _add_from_list(findings: dict[str, Observed], name: str, value: bool, entries: str) -> None:
    origin = entries or NOT_LISTED
    answer = findings.get(name)
    if answer is None:
        findings[name] = Observed(value, origin=origin)
    elif answer.value is not value:
        said = "yes" if answer.value else "no"
        listed = (
            f"the medicine list says yes ({entries})"
            if value
            else "nothing on the medicine list, which is taken as complete, is one"
        )
        raise Contradiction(f"{name} is answered {said}, but {listed}", answered=name)


def doubts(recognitions: Iterable[Recognition]) -> list[UnrecognizedText]:
    """Return the medicines that were not, or not wholly, recognized."""
    return [UnrecognizedText(recognition.text, recognition.doubt) for recognition in recognitions if recognition.doubt]
