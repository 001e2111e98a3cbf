"""The names that findings go by: id, label, synonyms, codes with what they are called, and the words of the question."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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


def index_names(written: Mapping[str, Iterable[str]], questions: Mapping[str, str]) -> Names:
    """Return the names of findings, given for each what is written of it and its question."""
    named: dict[str, list[str]] = {}
    for finding, texts in written.items():
        for name in dict.fromkeys(map(fold, texts)):
            if name:
                named.setdefault(name, []).append(finding)
    return Names(
        {name: tuple(found) for name, found in named.items()},
        {name: tuple(name.split()) for name in named},
        {finding: tuple(fold(question).split()) for finding, question in questions.items()},
    )
