"""What a code in a record stands for: the findings, answers and medicines that the vocabulary and the dictionary declare."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from facts.finding_names import fold
from facts.intake.fhir.shapes.systems import ICD_10, ICD_10_CM
from facts.intake.fhir.shapes.values import Coding
from facts.measuring.units import same_unit
from facts.medicines import MedicineDictionary
from facts.vocabulary import Codes, Finding, QuantityFinding, Vocabulary

_CATEGORY = 3
"""Characters of an ICD-10 category, as far as its editions agree."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code says by itself: that a finding is asked about (`answer` ""), or that this is its answer."""

    finding: str
    answer: str = ""


@dataclass(frozen=True)
class CodeIndex:
    """Every declared code by terminology and code."""

    vocabulary: Vocabulary
    dictionary: MedicineDictionary
    meanings: Mapping[tuple[str, str], tuple[Meaning, ...]]
    medicines: Mapping[tuple[str, str], str]
    elements: Mapping[str, str]
    """The finding that an element of Patient ("Patient.birthDate") stands for."""
    codes: frozenset[str]
    """Every code of a finding, whatever its terminology."""
    units: frozenset[str]
    """Every unit that some finding takes, in one spelling."""

    def meant(self, codings: Iterable[Coding]) -> tuple[Meaning, ...]:
        """Return what the codes of one concept say, each thing once."""
        return tuple(dict.fromkeys(meaning for coding in codings for meaning in self._one(coding)))

    def _one(self, coding: Coding) -> tuple[Meaning, ...]:
        if coding.system not in (ICD_10_CM, ICD_10):
            return self.meanings.get((coding.system, coding.code), ())
        # Every subdivision of an ICD-10-CM category is one of its kind: E11.65 is E11. Claims write codes without the dot.
        bare = coding.code.replace(".", "").upper()
        # Below the category the editions of ICD-10 differ, so of the others only the category is read.
        longest = len(bare) if coding.system == ICD_10_CM else min(len(bare), _CATEGORY)
        return tuple(
            meaning
            for length in range(longest, _CATEGORY - 1, -1)
            for meaning in self.meanings.get((ICD_10_CM, bare[:length]), ())
        )

    def knows(self, codings: Iterable[Coding]) -> bool:
        """Return whether any of these codes is declared."""
        return bool(self.meant(codings))

    def is_code_elsewhere(self, code: str) -> bool:
        """Return whether a code whose terminology is not known is one that some terminology has for a finding."""
        return code in self.codes

    def measured_by_name(self, names: Iterable[str]) -> str:
        """Return the first of these names that a measured finding goes by; "" where none is."""
        for name in names:
            found = self.vocabulary.names.findings.get(fold(name), ())
            if any(isinstance(self.vocabulary.findings[one], QuantityFinding) for one in found):
                return name
        return ""

    def is_unit(self, text: str) -> bool:
        """Return whether a text is a unit that some finding takes."""
        return same_unit(text) in self.units

    def finding(self, meaning: Meaning) -> Finding:
        """Return the finding that is meant."""
        return self.vocabulary.findings[meaning.finding]

    def answers(self, finding: Finding, codings: Iterable[Coding]) -> set[str]:
        """Return the answers to a finding that these codes stand for."""
        return {meaning.answer for meaning in self.meant(codings) if meaning.finding == finding.id and meaning.answer}


def code_index(vocabulary: Vocabulary, dictionary: MedicineDictionary) -> CodeIndex:
    """Gather the codes of a vocabulary and of its medicines."""
    meanings: dict[tuple[str, str], list[Meaning]] = {}
    elements: dict[str, str] = {}

    def declare(codes: Codes, meaning: Meaning) -> None:
        for system, entries in codes.items():
            for entry in entries:
                code = entry.code.replace(".", "").upper() if system == ICD_10_CM else entry.code
                meanings.setdefault((system, code), []).append(meaning)

    for name, finding in vocabulary.findings.items():
        declare(finding.codes, Meaning(name))
        elements.update({entry.code: name for entry in finding.codes.get("FHIR", [])})
        for answer, codes in finding.answer_codes.items():
            declare(codes, Meaning(name, answer))
    found: dict[tuple[str, str], set[str]] = {}
    for name, medicine in dictionary.medicines.items():
        for system, listed in (("RxNorm", medicine.rxnorm), ("ATC", medicine.atc)):
            for code in listed:
                found.setdefault((system, code), set()).add(name)
    # A code that several medicines share names none of them.
    medicines = {key: names.pop() for key, names in found.items() if len(names) == 1}
    return CodeIndex(
        vocabulary,
        dictionary,
        {key: tuple(listed) for key, listed in meanings.items()},
        medicines,
        elements,
        frozenset(code for _, code in meanings),
        frozenset(
            same_unit(unit)
            for finding in vocabulary.findings.values()
            if isinstance(finding, QuantityFinding)
            for unit in (finding.unit, *finding.accepts)
        ),
    )
