"""The names that findings go by: id, label, synonyms, codes with what they are called, and the words of the question."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facts.vocabulary import Finding

_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a vocabulary, folded: which findings go by each, its words, and the words of each finding's question."""

    findings: Mapping[str, tuple[str, ...]]
    words: Mapping[str, tuple[str, ...]]
    questions: Mapping[str, tuple[str, ...]]


def fold(text: str) -> str:
    """Return the words of `text` in lower case with single spaces, so that "Foot-pulse" and "foot_pulse" are one."""
    return " ".join(_WORDS.findall(text.casefold()))


def index_names(findings: Mapping[str, "Finding"]) -> Names:
    """Return the names of findings, in the order in which the findings are declared."""
    named: dict[str, list[str]] = {}
    for finding in findings.values():
        coded = [finding.codes, finding.panels, *finding.answer_codes.values()]
        codes = (code for of in coded for codes in of.values() for code in codes)
        written = [
            finding.id,
            finding.label,
            *finding.synonyms,
            *(part for code in codes for part in (code.code, code.display)),
        ]
        for name in dict.fromkeys(fold(one) for one in written):
            if name:
                named.setdefault(name, []).append(finding.id)
    return Names(
        {name: tuple(found) for name, found in named.items()},
        {name: tuple(name.split()) for name in named},
        {finding.id: tuple(fold(finding.question).split()) for finding in findings.values()},
    )
