"""One row of a table as a case."""

from typing import Any

from facts.case import Case
from facts.intake.case_files import Refusal, read_case
from facts.intake.entries import Entry
from facts.intake.tables import CASE, MEDICINES, NOTE, STOPPED, Table, read_stop, split_list
from facts.measurements import with_unit
from facts.medicines import MedicineDictionary
from facts.problems import Place
from facts.vocabulary import QuantityFinding, Vocabulary


def case_of_row(table: Table, row: int, vocabulary: Vocabulary, dictionary: MedicineDictionary) -> Case | Refusal:
    """Read one row (from 1) as the reader of case files reads a case, with what was written kept for its report."""
    cells = table.scan().slice(row - 1, 1).collect().row(0, named=True)
    value: dict[str, Any] = {"findings": {}}
    for heading in table.headings:
        cell = cells[heading.column]
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            continue
        if heading.name == MEDICINES:
            value[MEDICINES] = split_list(cell)
        elif heading.name == STOPPED:
            value[STOPPED] = [_stopped_entry(text) for text in split_list(cell)]
        elif heading.name in vocabulary.findings:
            finding = vocabulary.findings[heading.name]
            if heading.unit is not None and isinstance(finding, QuantityFinding) and not isinstance(cell, bool):
                cell = with_unit(str(cell), heading.unit, finding)
            value["findings"][heading.name] = cell
        elif heading.name in (CASE, NOTE):
            value[heading.name] = str(cell).strip()
    place = Place(str(table.path), row)
    return read_case(Entry(value, lambda path, of_key: place, ()), vocabulary, dictionary, {})


def _stopped_entry(text: str) -> dict[str, str]:
    stop = read_stop(text)
    times = {"days_ago": stop.days_ago, "after_weeks": stop.after_weeks}
    return {"name": stop.name, **{key: str(time) for key, time in times.items() if time is not None}}
