"""One row of a table as a case."""

import json
from decimal import Decimal
from typing import Any

from facts.answers import AnswerError
from facts.case import Case
from facts.intake.case_files import Refusal, read_case
from facts.intake.entries import Entry
from facts.intake.tables.cells import LIST, read_cells
from facts.intake.tables.opening import CASE, MEDICINES, NOTE, STOPPED, Table, as_written
from facts.medicines import MedicineDictionary
from facts.problems import Place, Problem
from facts.vocabulary import Vocabulary


def case_of_row(table: Table, row: int, vocabulary: Vocabulary, dictionary: MedicineDictionary) -> Case | Refusal:
    """Read one row (from 1) as the reader of case files reads a case, with what was written kept for its report.

    Raises CharleyError when the file cannot be read.
    """
    place = Place(str(table.path), row)
    read = read_cells(table, row - 1, 1)
    if read.refused.height:
        return Refusal(None, (Problem(place, read.refused["reason"][0], ""),))
    cells = read.cells.row(0, named=True)
    value: dict[str, Any] = {"findings": {}}
    problems: list[Problem] = []
    for heading in table.headings:
        cell = cells[heading.column]
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            continue
        if heading.name in (MEDICINES, STOPPED):
            value[heading.name] = json.loads(cell)[LIST]
        elif heading.name in vocabulary.findings:
            number = not isinstance(cell, bool) and isinstance(cell, int | float | Decimal)
            try:
                written = as_written(table, heading, str(cell)) if number or isinstance(cell, str) else cell
            except AnswerError as error:
                problems.append(Problem(place, str(error), ""))
                continue
            value["findings"][heading.name] = written
        elif heading.name in (CASE, NOTE):
            value[heading.name] = str(cell).strip()
    return read_case(
        Entry(value, lambda path, of_key: place, tuple(problems)), vocabulary, dictionary, {}, table.mapping.system
    )
