"""Case files in YAML, JSON and JSON Lines read into cases: every entry becomes a case or a refusal that says why."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from facts.answers import AnswerError, read_answer
from facts.case import Case, Contradiction, Expected, Observed, complete
from facts.declaring.yaml_reading import KeyPath
from facts.finding_search import suggest_finding
from facts.intake.entries import Entry, read_entries
from facts.measuring.unit_systems import UnitSystem, read_system
from facts.medicine_lists import ListError, read_medicines, read_stopped_medicines
from facts.medicines import MedicineDictionary
from facts.problems import Place, Problem, did_you_mean, quoted
from facts.vocabulary import Vocabulary

_CASE_KEYS = ("case", "units", "findings", "medicines", "stopped_medicines", "expected", "note")
_EXPECTED_KEYS = ("urgency", "causes", "standings", "fires", "ruled_out", "open")
_LONGEST_NAME = 200
_LONGEST_TEXT = 2_000
_MOST_MEDICINES = 1_000
"""Of one case, taken and stopped; each is looked for among all names, and nobody takes a hundred."""
_Listed = TypeVar("_Listed")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An entry, or a part of a file, that did not become a case. `case` is its name where that could be read."""

    case: str | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Intake:
    """What a reading gave. `read` counts entries; it always equals cases plus refusals."""

    cases: tuple[tuple[Case, Place], ...]
    refusals: tuple[Refusal, ...]
    read: int


def read_case_files(
    paths: Iterable[Path], vocabulary: Vocabulary, dictionary: MedicineDictionary, system: UnitSystem | None = None
) -> Intake:
    """Read case files; a folder stands for the case files in it. Bad input becomes refusals, never an exception.

    `system` is the one of bare numbers in files that do not say theirs. An entry that says `units:` and nothing else says it
    for what follows in its file, and is no case.
    """
    parts = [read_cases(read_entries(path, str(path)), vocabulary, dictionary, system) for path in _files(paths)]
    return Intake(
        tuple(case for part in parts for case in part.cases),
        tuple(refusal for part in parts for refusal in part.refusals),
        sum(part.read for part in parts),
    )


def read_cases(
    entries: Iterable[Entry | Problem],
    vocabulary: Vocabulary,
    dictionary: MedicineDictionary,
    system: UnitSystem | None = None,
) -> Intake:
    """Read the entries of one file, or of a text, into cases; no two of them may have the same name."""
    cases: list[tuple[Case, Place]] = []
    refusals: list[Refusal] = []
    read = 0
    first_place: dict[str, Place] = {}
    for part in entries:
        if isinstance(part, Entry) and not part.problems and _says_units_only(part):
            system = read_system(part.value["units"])
            continue
        read += 1
        if isinstance(part, Problem):
            refusals.append(Refusal(None, (part,)))
            continue
        outcome = read_case(part, vocabulary, dictionary, first_place, system)
        if isinstance(outcome, Refusal):
            refusals.append(outcome)
        else:
            cases.append((outcome, part.locate((), False)))
    return Intake(tuple(cases), tuple(refusals), read)


def _says_units_only(entry: Entry) -> bool:
    if not isinstance(entry.value, dict) or list(entry.value) != ["units"]:
        return False
    try:
        return read_system(entry.value["units"]) is not None
    except ValueError:
        return False


_ENDINGS = (".yaml", ".yml", ".json", ".jsonl", ".ndjson")


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in _ENDINGS)
            yield from inside or [path]
        else:
            yield path


class _Reader:
    """One entry on its way to a case; gathers every problem, so that a writer can fix all of them at once."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.problems: list[Problem] = list(entry.problems)

    def refuse(self, path: KeyPath, message: str, fix: str = "", *, of_key: bool = False) -> None:
        self.problems.append(Problem(self.entry.locate(path, of_key), message, fix))

    def section(self, key: str, kind: type, expected: str) -> Any:
        value = self.entry.value.get(key)
        if value is not None and not isinstance(value, kind):
            self.refuse((key,), f"{key}: found {quoted(value)}, expected {expected}", "see `charley schema case`")
            return None
        return value

    def keys(self, path: KeyPath, found: Mapping[str, Any], known: Iterable[str]) -> None:
        for key in found:
            if key not in known:
                fix = did_you_mean(key, known) or f"use {', '.join(known)}"
                self.refuse((*path, key), f"{quoted(key)} is not a key here", fix, of_key=True)

    def text(self, path: KeyPath, value: Any, longest: int) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            found = "nothing" if value is None or value == "" else quoted(value)
            self.refuse(path, f"{path[-1]}: found {found}, expected a text of at most {longest} characters", "write one")
            return ""
        return value.strip()


def read_case(
    entry: Entry,
    vocabulary: Vocabulary,
    dictionary: MedicineDictionary,
    first_place: dict[str, Place],
    system: UnitSystem | None = None,
) -> Case | Refusal:
    """Read one entry. `first_place` holds the places of the names that were read before, and gets this one's.

    `system` is the one of its bare numbers where the entry itself does not say.
    """
    if not isinstance(entry.value, dict):
        problem = Problem(
            entry.locate((), False), f"found {quoted(entry.value)}, expected a case", "write `case:` and `findings:`"
        )
        return Refusal(None, (problem,))
    reader = _Reader(entry)
    reader.keys((), entry.value, _CASE_KEYS)
    name = reader.text(("case",), entry.value.get("case"), _LONGEST_NAME)
    if name in first_place:
        reader.refuse(
            ("case",), f"the case {quoted(name)} stands twice in this file, first at {first_place[name]}", "rename one"
        )
    elif name:
        first_place[name] = entry.locate((), False)
    try:
        system = read_system(entry.value.get("units")) or system
    except ValueError as error:
        reader.refuse(("units",), str(error))
    answered, not_known = _read_findings(reader, vocabulary, system)
    medicines = _read_list(reader, "medicines", read_medicines)
    stopped = _read_list(reader, "stopped_medicines", read_stopped_medicines)
    expected = _read_expected(reader)
    if (listed := len(medicines or ()) + len(stopped or ())) > _MOST_MEDICINES:
        reader.refuse(("medicines",), f"found {listed:,} medicines, expected at most {_MOST_MEDICINES:,}", "leave some out")
    note = "" if entry.value.get("note") is None else reader.text(("note",), entry.value["note"], _LONGEST_TEXT)
    if not reader.problems:
        try:
            findings, unrecognized = complete(vocabulary, dictionary, answered, medicines, stopped)
            current = None if medicines is None else tuple(medicines)
            past = None if stopped is None else tuple(stopped)
            return Case(name, MappingProxyType(findings), unrecognized, expected, note, current, past, not_known=not_known)
        except Contradiction as error:
            _refuse_contradiction(reader, error)
    return Refusal(name or None, tuple(sorted(_named(name, problem) for problem in reader.problems)))


def _refuse_contradiction(reader: _Reader, error: Contradiction) -> None:
    fix = "correct one of them"
    if error.answered is not None:
        reader.refuse(("findings", error.answered), f"the answers contradict each other: {error}", fix)
    written = reader.entry.value.get("findings") or {}
    for one in error.denied:
        # A finding that nobody answered comes from a list.
        places = {
            name: str(reader.entry.locate(("findings", name), False)) if name in written else error.origins[name]
            for name in (one.denied, one.finding)
        }
        reader.refuse(("findings", one.finding), f"the answers contradict each other: {one.tell(places)}", fix)


def _named(name: str, problem: Problem) -> Problem:
    if not name:
        return problem
    return Problem(problem.place, f"case {quoted(name)}: {problem.message}", problem.fix)


def _read_findings(
    reader: _Reader, vocabulary: Vocabulary, system: UnitSystem | None
) -> tuple[dict[str, Observed], tuple[str, ...]]:
    """Read the answers, and which of them say that the finding is not known."""
    answered: dict[str, Observed] = {}
    not_known: list[str] = []
    for key, written in (reader.section("findings", dict, "a mapping from finding to answer") or {}).items():
        finding = vocabulary.findings.get(key)
        if finding is None:
            fix = suggest_finding(key, vocabulary)
            reader.refuse(("findings", key), f"{quoted(key)} is not a finding", fix, of_key=True)
            continue
        try:
            observed = read_answer(finding, written, system)
        except AnswerError as error:
            reader.refuse(("findings", key), str(error))
            continue
        if observed is not None:
            answered[key] = observed
        elif isinstance(written, str) and written.strip():
            not_known.append(key)
    return answered, tuple(not_known)


def _read_list(reader: _Reader, key: str, read: Callable[[Any], list[_Listed] | None]) -> list[_Listed] | None:
    try:
        return read(reader.entry.value.get(key))
    except ListError as error:
        for fault in error.faults:
            reader.refuse((key, *fault.path), fault.message, fault.fix, of_key=fault.of_key)
        return None


def _read_expected(reader: _Reader) -> Expected:
    written = reader.section("expected", dict, "a mapping of gold labels")
    if written is None:
        return Expected()
    reader.keys(("expected",), written, _EXPECTED_KEYS)

    urgency = written.get("urgency")
    if urgency is not None and not isinstance(urgency, str):
        reader.refuse(("expected", "urgency"), f"urgency: found {quoted(urgency)}, expected a level", "write its name")
    causes, fires, ruled_out, open_ = (
        _names(reader, key, written.get(key)) for key in ("causes", "fires", "ruled_out", "open")
    )
    return Expected(urgency, causes, MappingProxyType(_standings(reader, written.get("standings"))), fires, ruled_out, open_)


def _names(reader: _Reader, key: str, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    reader.refuse(("expected", key), f"{key}: found {quoted(value)}, expected a list of ids", "see `charley schema case`")
    return ()


def _standings(reader: _Reader, value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return dict(value)
    message = f"standings: found {quoted(value)}, expected cause: standing"
    reader.refuse(("expected", "standings"), message, "see `charley schema case`")
    return {}
