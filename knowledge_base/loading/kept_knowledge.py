"""Knowledge that was read, checked and built before, kept in the user's cache folder: read in a tenth of the time.

A file serves for exactly the content it was made of: every file of the knowledge, and every source of the program that builds
it. Whatever else is found there (another program's, another user's, cut, altered, older) is not used, and written anew. Nothing
depends on it: what cannot be read or written is left alone in silence. CHARLEY_NO_CACHE=1 turns it off.
"""

import hashlib
import json
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import facts
from facts.measuring.units import Conversion, conversions, remember_conversions
from knowledge_base.loading.packing import pack, unpack
from knowledge_base.model import KnowledgeBase

NO_CACHE = "CHARLEY_NO_CACHE"
_MARK = "charley knowledge 1"
_LARGEST = 64 * 1024 * 1024
_MOST_FILES = 12
"""Knowledge bases that are kept, the latest; each takes about a megabyte."""
_A_DAY = 86_400
_PROGRAM = (Path(facts.__file__).parent, Path(__file__).parents[1])
_PARTS = ("findings", "causes", "next_steps")


class KeptKnowledge:
    """The place in the cache for one knowledge base: the shipped one, or the one in `folder`, which places call `shown`."""

    def __init__(self, folder: Path | None, shown: str) -> None:
        self.folder, self.shown = folder or _PROGRAM[1], shown or str(folder or "")
        self.key = self._key()

    def find(self) -> KnowledgeBase | None:
        """Return the knowledge that is kept for exactly this content; None where there is none, or none that can be trusted."""
        try:
            written = _read_own(self._path())
            header, _, body = written.partition(b"\n")
            if self.key is None or json.loads(header) != self._header(body):
                return None
            kept = json.loads(body)
            knowledge = unpack(kept["knowledge"])
            known = {(unit, own, mass, valence): (factor, offset) for unit, own, mass, valence, factor, offset in kept["units"]}
            remember_conversions({key: Conversion(Decimal(one), Decimal(other)) for key, (one, other) in known.items()})
        except Exception:  # A file may be broken in any way, and then it is as good as none.
            return None
        return knowledge if isinstance(knowledge, KnowledgeBase) else None

    def keep(self, knowledge: KnowledgeBase) -> None:
        """Keep what was built of this content, unless that has changed meanwhile or there is nowhere to keep it."""
        if self.key is None:
            return
        try:
            path = self._path()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_own(path.parent.stat())
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        except OSError:
            return
        temporary = Path(name)
        # Whatever is in the way of keeping it, as a full disk or a unit that is none, is in the way of nothing else.
        with suppress(Exception):
            with os.fdopen(handle, "wb") as file:
                body = _body(knowledge)
                file.write(json.dumps(self._header(body)).encode() + b"\n" + body)
            if self._key() == self.key:
                temporary.replace(path)
                _forget_oldest(path.parent)
        with suppress(OSError):
            temporary.unlink(missing_ok=True)

    def _header(self, body: bytes) -> list[object]:
        return [_MARK, self.key, hashlib.sha256(body).hexdigest()]

    def _path(self) -> Path:
        from platformdirs import user_cache_path

        name = hashlib.sha256(f"{self.folder.resolve()}\0{self.shown}".encode()).hexdigest()[:32]
        return user_cache_path("charley", appauthor=False) / "knowledge" / f"{name}.json"

    def _key(self) -> str | None:
        """Hash all that the knowledge is made of, and all that makes it; None where that cannot be told."""
        digest = hashlib.sha256(f"{sys.version}\0{self.shown}\0".encode())
        sources = 0
        try:
            for name, path in self._made_of():
                content = path.read_bytes() if path.is_file() else b""
                digest.update(f"{name}\0{len(content)}\0".encode() + content)
                sources += name.endswith(".py")
        except OSError:
            return None
        # A program that was installed without its sources cannot be told from an older one.
        return digest.hexdigest() if sources else None

    def _made_of(self) -> Iterator[tuple[str, Path]]:
        for root in _PROGRAM:
            for kind in ("*.py", "*.txt", *(() if root == self.folder else ("*.yaml",))):
                yield from ((f"{root.name}/{path.relative_to(root)}", path) for path in sorted(root.rglob(kind)))
        yield from ((f"has {part}", self.folder / part) for part in _PARTS if (self.folder / part).is_dir())
        for pattern in ("*.yaml", "certificate.json", *(f"{part}/*.yaml" for part in _PARTS)):
            yield from ((str(path.relative_to(self.folder)), path) for path in sorted(self.folder.glob(pattern)))


def _body(knowledge: KnowledgeBase) -> bytes:
    units = [
        [*key, str(conversion.factor), str(conversion.offset)]
        for key, conversion in conversions(knowledge.vocabulary.findings.values()).items()
    ]
    return json.dumps({"units": units, "knowledge": pack(knowledge)}, ensure_ascii=False, separators=(",", ":")).encode()


def _read_own(path: Path) -> bytes:
    """Read a file that only this user can have written. Raises OSError."""
    _check_own(path.parent.stat())
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        _check_own(status)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            raise OSError("no file of ours")
        return file.read()


def _check_own(status: Any) -> None:
    own = getattr(os, "geteuid", lambda: status.st_uid)()
    if status.st_uid != own or (os.name == "posix" and status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
        raise PermissionError("another user can write it")


def _forget_oldest(folder: Path) -> None:
    files = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    # What a process left that was killed while it wrote.
    left = [path for path in folder.glob(".*.part") if path.stat().st_mtime < time.time() - _A_DAY]
    for path in (*files[_MOST_FILES:], *left):
        path.unlink(missing_ok=True)
