"""What is finished stays finished: an append-only journal, one JSON line per run, on disk before the next one is looked at.

The first line names the model; tables are derived from the rest and can be made again. A line torn by a crash is ignored and
its run is done again.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from influence_sim._version import MODEL_VERSION, __version__
from influence_sim.studies.outputs import MADE_BY, OutputError

NAME = "journal.jsonl"
FORMAT = 1


class JournalError(OutputError):
    """The folder of a sweep cannot be used; what is in it was left as it is."""


def question_digest(resolved: Mapping[str, Any]) -> str:
    """Return the digest of everything that decides the numbers of a run but the replication, and of the model's version.

    `resolved` has every default written out, and the seeds, as plain values.
    """
    from influence_sim.scenario.schema import canonical

    text = json.dumps([MODEL_VERSION, canonical(resolved)], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def run_id(digest: str, replication: int) -> str:
    """Return the identity of a run: of a question, by its digest, in one of the paired replications.

    Examples
    --------
    >>> a, b = (question_digest({"budget": budget}) for budget in (1500, 1500.0))
    >>> run_id(a, 0) == run_id(b, 0) != run_id(a, 1)
    True
    """
    return hashlib.sha256(f"{digest}/{replication}".encode()).hexdigest()[:24]


class Journal:
    """The journal of a folder, open for appending; one process at a time.

    Parameters
    ----------
    folder
        Made when it does not exist.

    Raises
    ------
    JournalError
        When the folder holds other files, another model's runs, or is in use.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.path = Path(folder) / NAME
        self.damaged = 0  # lines that could not be read
        check_folder(folder)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            raise JournalError(f"cannot write {self.path}: {error.strerror}") from error
        try:
            self._lock()
            self._begin()
        except BaseException:
            os.close(self._file)
            raise

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # no such locks on this system
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError(f"{self.path} is in use by another process; wait for it or stop it") from None
        except OSError:  # some network file systems have no locks
            return

    def _begin(self) -> None:
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            self._write(b"\n")  # ends a torn line, which no reader can take for a run
        if not size or _header(self.path) is None:
            self._write(_line({"journal": FORMAT, "made_by": MADE_BY, "model_version": MODEL_VERSION, "package_version": __version__}))
        _sync_folder(self.path.parent)

    def append(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Write records, each with its `run_id`, and return when they are on disk.

        Raises
        ------
        JournalError
            When the disk is full or fails; what was written before is kept.
        """
        self._write(b"".join(map(_line, records)))

    def _write(self, data: bytes) -> None:
        try:
            while data:  # a full disk takes a part of it first
                data = data[os.write(self._file, data) :]
            os.fsync(self._file)
        except OSError as error:
            raise JournalError(f"cannot write {self.path}: {error.strerror}; every run written so far is kept") from error

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield every record in the order in which it was written; a later record of the same run replaces an earlier one."""
        self.damaged = 0
        for _, line in _lines(self.path):
            if line is None:
                self.damaged += 1
            elif "run_id" in line:
                yield line

    def records(self) -> Records:
        """Return the last record of every run that is finished now."""
        return Records(self.path.parent)

    def __enter__(self) -> Self:
        """Return the journal."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file, which frees it for others."""
        os.close(self._file)


class Records:
    """The last record of every run of a folder's journal, read from the file when it is asked for: a sweep may have a million of them."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        path = Path(folder) / NAME
        self._places = {line["run_id"]: begin for begin, line in _lines(path) if line is not None and "run_id" in line}
        self._file = path.open("rb")

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the record of a run; None when it is not finished."""
        begin = self._places.get(key)
        if begin is None:
            return None
        self._file.seek(begin)
        found: dict[str, Any] = json.loads(self._file.readline())
        return found

    def __enter__(self) -> Self:
        """Return the records."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file."""
        self._file.close()


def read_journal(folder: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """Yield the records of a folder's journal without opening it for writing."""
    for _, line in _lines(Path(folder) / NAME):
        if line is not None and "run_id" in line:
            yield line


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield where each line begins, and the line; None for one that is no record."""
    begin = 0
    with path.open("rb") as file:
        for raw in file:
            try:
                line = json.loads(raw)
            except ValueError:
                line = None
            if isinstance(line, dict) or raw.strip():
                yield begin, line if isinstance(line, dict) else None
            begin += len(raw)


def _header(path: Path) -> dict[str, Any] | None:
    return next((line for _, line in _lines(path) if line is not None and "journal" in line), None)


def _line(record: Mapping[str, Any]) -> bytes:
    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: plain(item) for key, item in value.items()}
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(plain(record), separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode() + b"\n"


def check_folder(folder: str | os.PathLike[str]) -> None:
    """Refuse a folder that is not free and holds no journal of this model.

    Raises
    ------
    JournalError
        With what is wrong.
    """
    out = Path(folder)
    if not out.exists():
        return
    if not out.is_dir():
        raise JournalError(f"{out} exists and is not a folder; choose another one")
    path = out / NAME
    if not path.exists():
        if any(out.iterdir()):
            raise JournalError(f"{out} holds other files and no {NAME}; nothing was written, choose another folder")
        return
    try:
        header = _header(path)
    except OSError as error:
        raise JournalError(f"cannot read {path}: {error.strerror}") from error
    if header is None:
        if any(line is not None for _, line in _lines(path)) or path.stat().st_size > 4096:
            raise JournalError(f"{path} is not a journal of {MADE_BY}; choose another folder")
        return  # a crash before the first line was complete
    if header.get("made_by") != MADE_BY or header.get("journal") != FORMAT:
        raise JournalError(f"{path} has another form (journal {header.get('journal')}, not {FORMAT}); choose another folder")
    if header.get("model_version") != MODEL_VERSION:
        raise JournalError(
            f"{path} holds runs of model version {header.get('model_version')}, this is {MODEL_VERSION}: their numbers cannot be mixed; "
            "choose another folder"
        )


def _sync_folder(folder: Path) -> None:
    """Make the name of a new file as durable as its content."""
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError:  # not every system lets a folder be opened
        return
