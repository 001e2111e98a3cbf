"""The approval of a knowledge base: one line of a file beside it, which names its hash and says why it is as it is.

It is written when somebody who read what a change does to patients says so, and by nothing else. What the tests ask for is that
the knowledge is the one that was approved.
"""

from dataclasses import dataclass
from pathlib import Path

from facts.problems import quoted

APPROVAL = "approval.txt"
"""The file, in the folder of the knowledge; it is no part of what it approves."""


@dataclass(frozen=True, slots=True)
class Approval:
    """The content hash of the knowledge that was approved last, and why."""

    hash: str
    why: str


def read_approval(folder: Path) -> Approval | None:
    """Return what was approved last of the knowledge in a folder, or None where nothing ever was."""
    try:
        line = (folder / APPROVAL).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    content_hash, _, why = line.strip().partition(" ")
    return Approval(content_hash, why.strip())


def what_forbids(why: str, old_hash: str, folder: Path) -> str:
    """Return why the knowledge in a folder cannot be approved by what it is compared with; empty where it can.

    What was approved last must be what it is compared with: then nothing in between goes unseen.
    """
    if not why.strip():
        return "an empty text is no reason; say in a line why the knowledge changes"
    if not folder.is_dir():
        return f"{quoted(folder)} is no folder; check the revision out, and name the folder that holds it"
    last = read_approval(folder)
    if last is None or last.hash == old_hash:
        return ""
    found = f"OLD is {old_hash[:12]}, and what was approved last is {quoted(last.hash[:12])}"
    return f"{found}; name the revision that has it, so that nothing in between goes unseen"


def write_approval(folder: Path, approval: Approval) -> None:
    """Approve the knowledge in a folder; the line that was there is replaced, and git keeps it."""
    # Whatever was typed, it is one line.
    (folder / APPROVAL).write_text(f"{approval.hash} {' '.join(approval.why.split())}\n", encoding="utf-8")
