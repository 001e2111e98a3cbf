"""What a code in a record stands for: the findings, answers and medicines that the vocabulary and the dictionary declare."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from facts.intake.fhir.values import Coding
from facts.medicines import MedicineDictionary
from facts.vocabulary import Codes, Finding, Vocabulary

INTERPRETATION = "HL7 interpretation"
_ICD = "ICD-10-CM"


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

    def meant(self, codings: Iterable[Coding]) -> tuple[Meaning, ...]:
        """Return what the codes of one concept say, each thing once."""
        return tuple(dict.fromkeys(meaning for coding in codings for meaning in self._one(coding)))

    def _one(self, coding: Coding) -> tuple[Meaning, ...]:
        code = coding.code
        if coding.system != _ICD:
            return self.meanings.get((coding.system, code), ())
        # Every subdivision of an ICD-10-CM category is one of its kind: E11.65 is E11. Claims write codes without the dot.
        bare = code.replace(".", "").upper()
        return tuple(meaning for length in range(len(bare), 2, -1) for meaning in self.meanings.get((_ICD, bare[:length]), ()))

    def knows(self, codings: Iterable[Coding]) -> bool:
        """Return whether any of these codes is declared."""
        return bool(self.meant(codings))

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
                code = entry.code.replace(".", "").upper() if system == _ICD else entry.code
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
    return CodeIndex(vocabulary, dictionary, {key: tuple(listed) for key, listed in meanings.items()}, medicines, elements)
