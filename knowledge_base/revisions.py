"""Knowledge bases by name: a folder, or a revision of the git repository in which one stands."""

import subprocess
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from shutil import move

from facts.problems import CharleyError, Place, Problem, quoted
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase


def load_named(name: str) -> KnowledgeBase:
    """Load the knowledge base in a folder, or of a git revision ("HEAD~3", "v1.2"). Raises CharleyError."""
    if name and Path(name).is_dir():
        return load_knowledge_base(Path(name))
    with tempfile.TemporaryDirectory(prefix="charley-") as folder:
        return load_knowledge_base(_checked_out(name, Path(folder)), shown=f"{name}:knowledge_base")


def _checked_out(revision: str, folder: Path) -> Path:
    """Lay out a revision's knowledge as a folder of its own: its vocabulary and medicines stand beside it in the repository."""
    _archived(revision, folder)
    knowledge, facts = folder / "knowledge_base", folder / "facts"
    if not (knowledge / "knowledge.yaml").is_file():
        problem = Problem(Place(revision), "this revision holds no knowledge_base/knowledge.yaml", "name a folder instead")
        raise CharleyError([problem])
    for part in ("findings", "medicines.yaml"):
        if (facts / part).exists() and not (knowledge / part).exists():
            move(facts / part, knowledge / part)
    return knowledge


def _archived(revision: str, folder: Path) -> None:
    # What begins with a hyphen would be taken for an option.
    if not revision or revision.startswith("-"):
        raise CharleyError([_no_revision(revision, "")])
    command = ["git", "archive", "--format=tar", revision]
    try:
        top = subprocess.run(["git", "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=True)  # noqa: S607
        done = subprocess.run(command, capture_output=True, check=True, cwd=top.stdout.strip())  # noqa: S603
    except FileNotFoundError:
        raise CharleyError([_no_revision(revision, "git is not installed")]) from None
    except subprocess.CalledProcessError as error:
        told = error.stderr if isinstance(error.stderr, str) else error.stderr.decode(errors="replace")
        raise CharleyError([_no_revision(revision, told.strip().splitlines()[0] if told.strip() else "")]) from None
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")


def _no_revision(revision: str, told: str) -> Problem:
    message = f"{quoted(revision)} is neither a folder nor a revision of a git repository here"
    return Problem(Place("knowledge"), message + (f" ({told})" if told else ""), "check the name")
