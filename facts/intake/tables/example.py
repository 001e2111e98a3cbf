"""A filled example of a table of cases, and of a mapping file for somebody else's, made of the vocabulary that is loaded."""

import csv
import io
from collections.abc import Sequence

from facts.intake.tables.opening import CASE, MEDICINES, STOPPED
from facts.medicines import MedicineDictionary
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, Vocabulary, YesNoFinding

_OF_EACH_KIND = 3


def table_example(vocabulary: Vocabulary, dictionary: MedicineDictionary) -> str:
    """Return a CSV with a few columns of each kind, every cell of which can be read."""
    findings = _some(vocabulary)
    medicines = [entry.names[0] if entry.names else name for name, entry in dictionary.medicines.items() if entry.classes][:2]
    lists = [("; ".join(medicines), f"{medicines[0]}, 3 days ago, after 26 weeks"), ("none", "none"), ("", "")]
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([CASE, *map(_heading, findings), *((MEDICINES, STOPPED) if medicines else ())])
    for place, name in enumerate(("everything told", "told in other words", "little told")):
        cells = [_cells(finding)[place] for finding in findings]
        writer.writerow([name, *cells, *(lists[place] if medicines else ())])
    return written.getvalue()


def mapping_example(vocabulary: Vocabulary) -> str:
    """Return a mapping file for a table whose columns have other names and cells."""
    lines = [
        "units: SI                # bare laboratory numbers: SI or conventional",
        "decimal: point           # or comma, which is what semicolons between the cells mean by themselves",
        "yes: [1, Checked]        # in every yes/no column",
        "no: [0, Unchecked]       # leave it out where an empty box says nothing",
        "ignore: [ward, sample_date]",
        "columns:                 # those whose name is no finding",
        f"  record_id: {CASE}",
    ]
    for place, finding in enumerate(_some(vocabulary), 1):
        match finding:
            case QuantityFinding():
                told = f"{{finding: {finding.id}, unit: {(*finding.accepts, finding.unit)[0]}}}"
            case ChoiceFinding():
                values = ", ".join(f"{number}: {choice}" for number, choice in enumerate(finding.choices, 1))
                told = f"{{finding: {finding.id}, values: {{{values}}}}}"
            case _:
                told = f"{{finding: {finding.id}, yes: [1], no: [0], unknown: [9]}}"
        lines.append(f"  column_{place}: {told}")
    return "\n".join(lines) + "\n"


def _some(vocabulary: Vocabulary) -> Sequence[Finding]:
    """Return some findings of each kind that need no other one and that no medicine list decides."""
    found: list[Finding] = []
    for kind in (ChoiceFinding, QuantityFinding, YesNoFinding):
        free = [finding for finding in vocabulary.findings.values() if isinstance(finding, kind) and finding.requires is None]
        # A result of the laboratory shows best how units are written.
        free.sort(key=lambda finding: not (isinstance(finding, QuantityFinding) and finding.reference is not None))
        found += free[: _OF_EACH_KIND if kind is not ChoiceFinding else 1]
    return found


def _heading(finding: Finding) -> str:
    return f"{finding.id} [{finding.unit}]" if isinstance(finding, QuantityFinding) else finding.id


def _cells(finding: Finding) -> tuple[str, str, str]:
    match finding:
        case QuantityFinding():
            usual = finding.reference.intervals[0] if finding.reference is not None else None
            ends = finding.range if usual is None or usual.low is None or usual.high is None else (usual.low, usual.high)
            number = f"{float(f'{sum(ends) / 2:.2g}'):g}"
            return number, f"{number} {finding.unit}", ""
        case ChoiceFinding():
            first, second = list(finding.choices)[:2]
            return first, second, "unknown"
        case _:
            return "yes", "no", "unknown"
