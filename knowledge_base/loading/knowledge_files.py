"""The files of a knowledge base: which there are, what each holds by its schema, and the hash of them all.

A knowledge base is the shipped one, or a folder with the same layout (`--knowledge FOLDER`). A folder that brings no
`findings/` speaks the shipped vocabulary with the shipped medicines; one that does brings its own `medicines.yaml` or has none.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import facts
from facts.declaring.schema_reading import checker, read_knowledge_file, validate
from facts.medicines import MedicineDictionary, dictionary, load_medicines
from facts.problems import CharleyError, Place, Problem
from facts.vocabulary import Vocabulary, load_vocabulary
from knowledge_base import schema
from knowledge_base.declarations import CertificateFile
from knowledge_base.entries import Content, KnowledgeFile, Problems

SHIPPED = Path(__file__).parents[1]
_CERTIFICATE = "certificate.json"
_INVARIANTS = "invariants.yaml"
_SHIPPED_FACTS = Path(facts.__file__).parent


@dataclass(frozen=True, slots=True)
class KnowledgeFiles:
    """Everything that is written of a knowledge base; None stands for a file that it does without."""

    vocabulary: Vocabulary
    medicines: MedicineDictionary
    has_own_medicines: bool
    """Whether the medicines belong to this knowledge base, so that its own evidence.yaml has their sources."""
    has_own_findings: bool
    """The same of the findings, whose reference intervals and formulas have sources."""
    manifest: KnowledgeFile[schema.Manifest]
    levels: KnowledgeFile[schema.LevelFile]
    grading: KnowledgeFile[schema.GradingFile]
    evidence: KnowledgeFile[schema.EvidenceFile]
    definitions: KnowledgeFile[schema.DefinitionFile] | None
    warning_signs: KnowledgeFile[schema.WarningSignFile] | None
    contradictions: KnowledgeFile[schema.ContradictionFile] | None
    interview: KnowledgeFile[schema.InterviewFile] | None
    decision_support: KnowledgeFile[schema.DecisionSupportFile] | None
    plan: KnowledgeFile[schema.PlanFile] | None
    leaflet: KnowledgeFile[schema.LeafletFile] | None
    invariants: KnowledgeFile[schema.InvariantFile] | None
    causes: tuple[KnowledgeFile[schema.CauseFile], ...]
    next_steps: tuple[KnowledgeFile[schema.NextStepFile], ...]
    names: tuple[str, ...]
    """Every file that the hash is of."""
    hash: str
    certificate: CertificateFile | None


def read_knowledge_files(folder: Path | None, shown: str, problems: Problems, *, to_assess: bool) -> KnowledgeFiles:
    """Read the shipped knowledge base, or the one in `folder`, which places call `shown`, and note problems on the way.

    `to_assess` leaves out the invariants. Raises CharleyError when what everything else is built on cannot be read.
    """
    reader = _Reader(folder or SHIPPED, shown or ("knowledge_base" if folder is None else str(folder)), problems)
    if not reader.folder.is_dir():
        raise CharleyError([Problem(Place(reader.shown), "there is no such knowledge folder", "check the path")])
    vocabulary, medicines, has_own_medicines = reader.read_facts()
    manifest = reader.read("knowledge.yaml", schema.Manifest)
    levels = reader.read_or_shipped("urgency.yaml", schema.LevelFile)
    grading = reader.read_or_shipped("grading.yaml", schema.GradingFile)
    evidence = reader.read("evidence.yaml", schema.EvidenceFile)
    definitions = reader.read_if_there("definitions.yaml", schema.DefinitionFile)
    warning_signs = reader.read_if_there("warning_signs.yaml", schema.WarningSignFile)
    contradictions = reader.read_if_there("contradictions.yaml", schema.ContradictionFile)
    interview = reader.read_if_there("interview.yaml", schema.InterviewFile)
    plan = reader.read_if_there("plan.yaml", schema.PlanFile)
    leaflet = reader.read_if_there("leaflet.yaml", schema.LeafletFile)
    decision_support = reader.read_if_there("cds_hooks.yaml", schema.DecisionSupportFile)
    if to_assess:
        reader.skip(_INVARIANTS)
    invariants = None if to_assess else reader.read_if_there(_INVARIANTS, schema.InvariantFile)
    causes = reader.read_folder("causes", schema.CauseFile)
    next_steps = reader.read_folder("next_steps", schema.NextStepFile)
    if manifest is None or levels is None or grading is None or evidence is None:
        raise problems.error()
    content_hash = _hash(reader.paths)
    return KnowledgeFiles(
        vocabulary=vocabulary,
        medicines=medicines,
        has_own_medicines=has_own_medicines,
        has_own_findings=(reader.folder / "findings").is_dir() or reader.folder == SHIPPED,
        manifest=manifest,
        levels=levels,
        grading=grading,
        evidence=evidence,
        definitions=definitions,
        warning_signs=warning_signs,
        contradictions=contradictions,
        interview=interview,
        decision_support=decision_support,
        plan=plan,
        leaflet=leaflet,
        invariants=invariants,
        causes=causes,
        next_steps=next_steps,
        names=tuple(sorted(reader.paths)),
        hash=content_hash,
        certificate=_read_certificate(reader.folder / _CERTIFICATE, content_hash),
    )


class _Reader:
    """Reads the files of one folder; `paths` are those that the knowledge is made of, by name."""

    def __init__(self, folder: Path, shown: str, problems: Problems) -> None:
        self.folder, self.shown, self.problems = folder, shown, problems
        self.paths: dict[str, Path] = {}

    def read_facts(self) -> tuple[Vocabulary, MedicineDictionary, bool]:
        """Return the findings, the medicines, and whether the medicines belong to this folder. Raises CharleyError."""
        own = (self.folder / "findings").is_dir()
        findings = self.folder / "findings" if own else _SHIPPED_FACTS / "findings"
        self.paths.update({f"facts/findings/{path.name}": path for path in findings.glob("*.yaml")})
        vocabulary = load_vocabulary(findings, f"{self.shown}/findings" if own else "facts/findings")
        medicines = self.folder / "medicines.yaml"
        has_own_medicines = medicines.is_file() or self.folder == SHIPPED
        if not medicines.is_file():
            if own:
                return vocabulary, dictionary({}, {}, {}, {}), has_own_medicines
            medicines = _SHIPPED_FACTS / "medicines.yaml"
        self.paths["facts/medicines.yaml"] = medicines
        shown = str(medicines) if own else "facts/medicines.yaml"
        return vocabulary, load_medicines(medicines, shown, vocabulary), has_own_medicines

    def read(self, name: str, model: type[Content]) -> KnowledgeFile[Content] | None:
        """Read a file that has to be there, or note why it cannot be used."""
        return self._read(name, self.folder / name, f"{self.shown}/{name}", model)

    def read_if_there(self, name: str, model: type[Content]) -> KnowledgeFile[Content] | None:
        """Read a file that a knowledge base may do without."""
        return self.read(name, model) if (self.folder / name).is_file() else None

    def read_or_shipped(self, name: str, model: type[Content]) -> KnowledgeFile[Content] | None:
        """Read a file, or the shipped one where a folder brings none."""
        if (self.folder / name).is_file():
            return self.read(name, model)
        return self._read(name, SHIPPED / name, f"knowledge_base/{name}", model)

    def read_folder(self, folder: str, model: type[Content]) -> tuple[KnowledgeFile[Content], ...]:
        """Read every file of a folder, by name."""
        paths = sorted((self.folder / folder).glob("*.yaml"))
        read = [self.read(f"{folder}/{path.name}", model) for path in paths]
        return tuple(file for file in read if file is not None)

    def skip(self, name: str) -> None:
        """Leave a file unread; it is part of what the hash is of all the same."""
        if (self.folder / name).is_file():
            self.paths[name] = self.folder / name

    def _read(self, name: str, path: Path, shown: str, model: type[Content]) -> KnowledgeFile[Content] | None:
        try:
            document = read_knowledge_file(path, shown)
            self.paths[name] = path
            return KnowledgeFile(name, validate(model, document), document)
        except CharleyError as error:
            self.problems.extend(error.problems)
            return None


def _hash(paths: Mapping[str, Path]) -> str:
    """Hash the name and content of every file, so that any change of knowledge shows, wherever the folder stands."""
    digest = hashlib.sha256()
    for name in sorted(paths):
        content = paths[name].read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _read_certificate(path: Path, content_hash: str) -> CertificateFile | None:
    """Read what was proved of this very knowledge; a certificate of other knowledge, or a broken one, says nothing."""
    try:
        certificate = checker(CertificateFile).validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    return certificate if certificate.hash == content_hash else None
