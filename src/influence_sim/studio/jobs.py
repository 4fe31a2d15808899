"""Jobs: commands that a page asked for, played one after the other by processes of their own.

A job is a command line and a folder; everything about it is read from the folder, so it outlives the page and the studio:

- ``jobs/ID/job.json``: the command and the folder it is played in, when it was asked, and what the page wants to know again;
- ``jobs/ID/log.txt``: what the command says while it plays, its progress among it; locked as long as its process lives;
- ``jobs/ID/answer.json``: what the command printed at its end (`--json`); ``earlier.json``: the same of the last time that it was done;
- ``jobs/ID/stopped``: there when somebody asked it to stop;
- ``jobs/ID/kept``: finished runs, from which the same command goes on;
- ``ID``: the result, beside those of the command line.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

PROGRAM = (sys.executable, "-P", "-m", "influence_sim.cli")  # -P: a file random.py in the working folder is no module
IDENTITY = re.compile(r"(?:compare|stress|allocate)-\d{8}-\d{6}-[0-9a-f]{4}")
MOST_WAITING = 20
PATIENCE = 5.0  # seconds that a process asked to stop may take
LOOK = 0.2  # seconds between two looks at the line
MOST_ESTIMATE = 300.0  # seconds that an estimate may take; the first one after an installation compiles kernels
_PROGRESS = re.compile(r"(\d+)/(\d+) runs.*")


class JobError(ValueError):
    """What was asked of a job cannot be done; the message says why."""


class Job(NamedTuple):
    """A job as its folder tells it.

    Attributes
    ----------
    identity : name of its folders
    words : the command line without the program
    folder : where it is played
    about : what the page wants to know again
    status : waiting, running, done, failed or stopped
    ahead : jobs before it in the line
    done, total : runs of the part that is being played
    line : the command's last line of progress, with the estimates so far; the last line of all where it ended without an answer
    answer : what the command printed at its end
    earlier : what it printed when it was done before
    """

    identity: str
    words: list[str]
    folder: str
    about: dict[str, str]
    status: str
    ahead: int
    done: int
    total: int
    line: str
    answer: dict[str, Any]
    earlier: dict[str, Any]

    @property
    def kind(self) -> str:
        """The command."""
        return self.words[0]


class Jobs:
    """The jobs of a results folder; one plays at a time, the others wait in line.

    Parameters
    ----------
    folder
        Where results are; resolved once, and made with the first job.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.abspath(folder))
        self._line: deque[str] = deque()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._guard = threading.Lock()
        self._one_estimate = threading.Lock()
        self._estimate: subprocess.Popen[str] | None = None

    # --------------------------------------------------------------- reading

    def identities(self) -> list[str]:
        """Return all jobs, the newest first."""
        folder = self.folder / "jobs"
        found = [path.name for path in folder.iterdir() if IDENTITY.fullmatch(path.name)] if folder.is_dir() else []
        return sorted(found, key=lambda name: name.split("-", 1)[1], reverse=True)

    def place(self, identity: str) -> Path:
        """Return the folder of a job's own files.

        Raises
        ------
        JobError
            When there is no such job; only names of `identities` are ever joined to a path.
        """
        if identity not in self.identities():
            raise JobError("there is no such job")
        return self.folder / "jobs" / identity

    def result(self, identity: str) -> Path:
        """Return the folder of a job's result, which may not be there yet; errors as for `place`."""
        return self.folder / self.place(identity).name

    def read(self, identity: str) -> Job:
        """Return a job; errors as for `place`."""
        place = self.place(identity)
        told = _json(place / "job.json")
        words = [str(word) for word in told.get("words", [])] or [identity.partition("-")[0]]
        about = {str(key): str(value) for key, value in told.get("about", {}).items()}
        with self._guard:
            waiting = self._line.index(identity) if identity in self._line else -1
        status, running = "stopped", _locked(place / "log.txt") or self._lives(identity)
        answer = _json(place / "answer.json")  # after that look: whoever no longer runs has written it
        if running:
            status, answer = "running", {}
        elif waiting >= 0:
            status, answer = "waiting", {}
        elif answer.get("status") == "ok":
            status = "done"
        elif answer.get("status") == "error" or (not answer and (place / "log.txt").exists() and not (place / "stopped").exists()):
            status = "failed"
        done, total, line = _progress(place / "log.txt", status == "failed")
        ahead = 0 if waiting < 0 else waiting + self._busy()
        folder, earlier = str(told.get("folder", Path.cwd())), _json(place / "earlier.json")
        return Job(identity, words, folder, about, status, ahead, done, total, line, answer, earlier)

    # ---------------------------------------------------------------- asking

    def ask(
        self, kind: str, words: Callable[[Path, Path], list[str]], files: Mapping[str, str | bytes], about: Mapping[str, str]
    ) -> str:  # fmt: skip
        """Write a job's folder, put it in line and return its identity.

        Parameters
        ----------
        kind
            The command.
        words
            From the job's folder and that of its result to the command line.
        files
            Files of the job's folder by name.
        about
            As in `Job`.
        """
        if len(self._line) >= MOST_WAITING:
            raise JobError(f"{MOST_WAITING} jobs are waiting already")
        identity = f"{kind}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
        place = self.folder / "jobs" / identity
        place.mkdir(parents=True)
        for name, text in files.items():
            (place / name).write_bytes(text.encode() if isinstance(text, str) else text)
        self._write(place, words(place, self.folder / identity), str(Path.cwd()), about)
        self._enter(identity)
        return identity

    def again(self, identity: str, words: list[str] | None = None) -> None:
        """Put a job that is not under way in line once more, with other words where given: it goes on from the runs it kept."""
        job = self.read(identity)
        if job.status in ("waiting", "running"):
            raise JobError("the job is under way")
        place = self.place(identity)
        if job.status == "done":
            (place / "answer.json").replace(place / "earlier.json")
        for name in ("answer.json", "log.txt", "stopped"):
            (place / name).unlink(missing_ok=True)
        if words is not None:
            self._write(place, words, job.folder, job.about)
        self._enter(identity)

    def stop(self, identity: str) -> None:
        """Take a job out of the line, or end its process; the runs it finished are kept."""
        place = self.place(identity)
        with self._guard:
            if identity in self._line:
                self._line.remove(identity)
                return
        if _locked(place / "log.txt") or self._lives(identity):
            (place / "stopped").touch()
            process = int(_json(place / "process.json").get("process", 0))
            if process > 1:
                _end(process, lambda: _locked(place / "log.txt") or self._lives(identity))

    def close(self) -> None:
        """End the job that plays and an estimate, and forget the line; jobs can go on later."""
        self._closed.set()
        with self._guard:
            self._line.clear()
            if self._estimate is not None:
                self._estimate.kill()
        for identity in list(self._children):
            self.stop(identity)
        if self._thread is not None:
            self._thread.join(PATIENCE)

    # ------------------------------------------------------------------ line

    @staticmethod
    def _write(place: Path, words: list[str], folder: str, about: Mapping[str, str]) -> None:
        told = {"words": words, "folder": folder, "asked": time.strftime("%Y-%m-%d %H:%M"), "about": dict(about)}
        text = json.dumps(told, indent=1, ensure_ascii=False)
        part = place / "job.json.part"
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(place / "job.json")

    def _enter(self, identity: str) -> None:
        with self._guard:
            self._line.append(identity)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, daemon=True, name="jobs")
                self._thread.start()

    def _serve(self) -> None:
        while not self._closed.wait(LOOK):
            with self._guard:
                for identity in [one for one, child in self._children.items() if child.poll() is not None]:
                    del self._children[identity]
                if self._line and not self._busy():
                    self._try(self._line.popleft())

    def _busy(self) -> bool:
        """Tell whether a job plays, be it one that an earlier studio began."""
        return bool(self._children) or any(_locked(self.folder / "jobs" / one / "log.txt") for one in self.identities())

    def _lives(self, identity: str) -> bool:
        child = self._children.get(identity)
        return child is not None and child.poll() is None

    def _try(self, identity: str) -> None:
        """Begin a job; one that cannot begin (a full disk, a torn or moved folder) has failed, and the next one's turn comes."""
        try:
            self._begin(identity)
        except (OSError, ValueError, KeyError, TypeError) as error:
            why = f"it could not begin ({type(error).__name__}: {error})\n"
            with contextlib.suppress(OSError):
                (self.folder / "jobs" / identity / "log.txt").write_text(why, encoding="utf-8")

    def _begin(self, identity: str) -> None:
        place = self.folder / "jobs" / identity
        told = json.loads((place / "job.json").read_text("utf-8"))
        command = [*PROGRAM, *told["words"]]
        with (place / "log.txt").open("wb") as log, (place / "answer.json").open("wb") as answer:
            _lock(log.fileno())  # the process inherits it: whoever reads the folder sees that it lives
            child = subprocess.Popen(
                [*command, "--keep", str(place / "kept"), "--json"], stdin=subprocess.DEVNULL, stdout=answer, stderr=log,
                cwd=told.get("folder"), start_new_session=True, env={**os.environ, "INFLUENCE_SIM_PROGRESS_SECONDS": "0.5"},
            )  # fmt: skip
        self._children[identity] = child
        (place / "process.json").write_text(json.dumps({"process": child.pid}), encoding="utf-8")

    # ------------------------------------------------------------- estimates

    def estimate(self, words: Callable[[Path, Path], list[str]], files: Mapping[str, str | bytes]) -> dict[str, Any]:
        """Return what a command says with `--dry-run`: `told`, or `problems`; parameters as in `ask`. One plays at a time."""
        if not self._one_estimate.acquire(blocking=False):
            return {"problems": ["an estimate is under way: wait for it, or start the job"]}
        try:
            with tempfile.TemporaryDirectory(prefix="influence-sim-studio-") as folder:
                place = Path(folder)
                for name, text in files.items():
                    (place / name).write_bytes(text.encode() if isinstance(text, str) else text)
                said = self._said([*PROGRAM, *words(place, place / "out"), "--dry-run", "--json"])
        finally:
            self._one_estimate.release()
        try:
            result = json.loads(said)["result"]
        except (ValueError, KeyError):
            return {"problems": ["the command gave no answer"]}
        return {"told": result["told"]} if "told" in result else {"problems": [result["message"]]}

    def _said(self, command: list[str]) -> str:
        """Return what a command prints; it ends with the studio, and after `MOST_ESTIMATE`."""
        with self._guard:
            if self._closed.is_set():
                return ""
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self._estimate = child
        with child:
            try:
                return child.communicate(timeout=MOST_ESTIMATE)[0]
            except subprocess.TimeoutExpired:
                child.kill()
                return ""


def _end(process: int, lives: Callable[[], bool]) -> None:
    """Ask a process to stop as Ctrl-C would; end it and its workers when it does not, or is gone and they are not."""
    for tell, sign in ((os.kill, signal.SIGINT), (os.killpg, signal.SIGKILL)):
        with contextlib.suppress(ProcessLookupError):
            tell(process, sign)
        until = time.monotonic() + PATIENCE
        while lives() and time.monotonic() < until:
            time.sleep(LOOK / 4)
        if not lives():
            return


def _lock(file: int) -> None:
    with contextlib.suppress(ImportError, OSError):  # no such locks on this system
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)


def _locked(path: Path) -> bool:
    """Tell whether a process holds the lock of a file."""
    try:
        import fcntl

        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (ImportError, OSError):
        return False
    return False


def _json(path: Path) -> dict[str, Any]:
    """Return what a file says; nothing when it is missing, or torn."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _progress(path: Path, failed: bool = False) -> tuple[int, int, str]:
    """Return runs done and asked for of the last line of progress, and that line, or the last of all where there is none or it `failed`."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0, 0, ""
    found = next((m for line in reversed(lines) if (m := _PROGRESS.match(line))), None)
    last = lines[-1] if lines else ""
    return (int(found[1]), int(found[2]), last if failed else found[0]) if found else (0, 0, last)
