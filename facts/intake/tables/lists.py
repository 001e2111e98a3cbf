"""A column of medicine lists read into findings: each distinct list once, by the reader that case files have."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from facts.case import doubts
from facts.intake.tables.cells import LIST
from facts.intake.tables.opening import MEDICINES
from facts.medicine_lists import ListError, read_medicines, read_stopped_medicines
from facts.medicines import Derived, MedicineDictionary, Recognition, findings_of_current, findings_of_stopped

KEY = "key"
"""The column of the JSON texts by which equal lists are told."""


@dataclass(frozen=True)
class Lists:
    """What a column of lists says: a column for each finding that it decides, refusals, and what was not recognized.

    `refused` has the rows (a mask), what is shown of them, and the reason; `doubtful` the texts and reasons by `KEY`.
    """

    findings: Mapping[str, pl.Series]
    refused: list[tuple[pl.Series, pl.Series, str]]
    doubtful: pl.DataFrame


def read_lists(keys: pl.Series, name: str, dictionary: MedicineDictionary) -> Lists:
    """Read a column of JSON texts, as `read_cells` gives it, of current or of stopped medicines."""
    names = tuple(dictionary.current_findings if name == MEDICINES else dictionary.stopped_findings)
    derived: dict[str, list[bool | None]] = {}
    doubtful: list[tuple[str, str, str]] = []
    refused: list[tuple[pl.Series, pl.Series, str]] = []
    for key in keys.unique().drop_nulls().sort().to_list():
        written = json.loads(key)[LIST]
        try:
            decided, recognitions = (_current if name == MEDICINES else _stopped)(written, dictionary)
        except ListError as error:
            shown = written if isinstance(written, str) else json.dumps(written, ensure_ascii=False)
            mask = (keys == key).fill_null(False)
            refused.append((mask, pl.Series([shown[:200]]).new_from_index(0, len(keys)), str(error)))
            continue
        derived[key] = [decided[name][0] if name in decided else None for name in names]
        doubtful += [(key, doubt.text, doubt.reason) for doubt in doubts(recognitions)]
    told = pl.DataFrame({KEY: list(derived)}, schema={KEY: pl.String}).with_columns(
        pl.Series(name, [values[place] for values in derived.values()], dtype=pl.Boolean) for place, name in enumerate(names)
    )
    joined = pl.DataFrame({KEY: keys}).join(told, on=KEY, how="left", maintain_order="left")
    findings = {name: joined[name] for name in names} if derived else {}
    schema = {KEY: pl.String, "text": pl.String, "reason": pl.String}
    return Lists(findings, refused, pl.DataFrame(doubtful, schema=schema, orient="row").unique(maintain_order=True))


def _current(written: Any, dictionary: MedicineDictionary) -> tuple[Derived, list[Recognition]]:
    names = read_medicines(written)
    if names is None:
        return {}, []
    recognitions = [dictionary.recognize(name) for name in names]
    return findings_of_current(dictionary, recognitions), recognitions


def _stopped(written: Any, dictionary: MedicineDictionary) -> tuple[Derived, list[Recognition]]:
    stops = read_stopped_medicines(written)
    if stops is None:
        return {}, []
    recognized = [(stop, dictionary.recognize(stop.name)) for stop in stops]
    return findings_of_stopped(dictionary, recognized), [recognition for _, recognition in recognized]
