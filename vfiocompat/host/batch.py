# SPDX-License-Identifier: Apache-2.0
"""File operations that a driver may hold for ever, many at once.

One thread works through a batch; as soon as it makes no progress for a moment others
go on with the rest, so that held calls wait beside each other and not one after the
other. A call that is still held when its time is over is left where it is: a batch
belongs in a process that may be left behind (`children`).

Calls go through libc and not through `os`: os.open, os.read and os.write begin again
by themselves after EINTR (PEP 475), which a driver may well answer every time.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import threading
import time
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal

import msgspec

from vfiocompat import codes
from vfiocompat.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Buffer = ctypes.Array[ctypes.c_char]

__all__ = ["Batch", "Failure", "Operation", "Probe", "Reply"]

PATIENCE = 0.01  # seconds without progress until more threads go on with a batch
MAX_THREADS = 4096  # as many calls may be held; the rest then counts as held too
_OTHER_FILES = 16  # descriptors that are not for calls
BUSY_PAUSES = (0.02, 0.04, 0.08)  # seconds before each new attempt
BUSY = frozenset({errno.EINTR, errno.EAGAIN, errno.EBUSY})
_READ_SIZE = 4097  # a byte more than a version string and its newline may have
_STACK = 256 * 1024  # bytes for a thread that does nothing but one call


class Probe(msgspec.Struct, frozen=True, gc=False):
    """What to write, and where writing it is safe.

    `tree` is the directory that the file must really lie below, and `filesystems`
    are the types of file system it may be on (`fuse` stands for all of FUSE's).
    """

    data: bytes
    tree: str
    filesystems: tuple[str, ...]


class Operation(msgspec.Struct, frozen=True, gc=False):
    """One thing to do in a directory; `names` are tried until one exists.

    `do` is `list` (names in it), `link` (target of names[0]), `resolve` (where the
    directory and the first of its names really are), `find` (first name that exists),
    `read` (bytes of the first name that exists), or `probe` (write to names[0]).
    """

    do: Literal["list", "link", "resolve", "find", "read", "probe"]
    directory: str
    names: tuple[str, ...] = ()
    probe: Probe | None = None


class Failure(msgspec.Struct, frozen=True, gc=False):
    """Why an operation gave nothing.

    `stage` is how far it came: `open` (also of a directory or a link), `read`,
    `write`, `timeout`, or `refused` with the diagnostic code in `code`. `name` is the
    file it was about, and `gone` says that it is not there any more.
    """

    stage: Literal["open", "read", "write", "timeout", "refused"]
    errno: int = 0
    name: str = ""
    gone: bool = False
    code: Code | None = None


class Reply(msgspec.Struct, frozen=True, gc=False):
    """What an operation gave: its value, or a failure.

    `name` is the file that was found or read, `text` a link's target or a real path,
    `names` a listing and `strange` what in it is not UTF-8, escaped, `data` what was
    read, `count` how many bytes were written.
    """

    failure: Failure | None = None
    name: str = ""
    text: str = ""
    names: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    data: bytes = b""
    count: int = 0


class Batch:
    """Operations being worked through by threads, some of which may never return.

    What threads share is changed by single steps of the interpreter, which are atomic
    under its lock; only the number of threads needs a lock of its own.
    """

    def __init__(self, operations: Sequence[Operation], timeout: float) -> None:
        self._operations = operations
        self._timeout = timeout
        self._next = iter(range(len(operations)))
        self._began = [0.0] * len(operations)  # 0: not yet
        self._trying = [""] * len(operations)  # the name that is being read
        self._replies: list[Reply | None] = [None] * len(operations)
        self._all_taken = False
        self._all_done = threading.Event()
        self._threads = 0
        self._wanted_threads = 1
        self._lock = threading.Lock()
        self._bug: Exception | None = None

    def run(self) -> list[Reply]:
        """Give a reply to each operation, in their order and in bounded time.

        Raises:
            Exception: a bug in an operation, which must not look like a hung driver.

        """
        if not self._operations:
            return []
        threading.stack_size(_STACK)
        self._add_threads(1)
        unanswered_before = 0
        while not self._all_done.wait(PATIENCE):
            unanswered = self._replies.count(None)
            progress, unanswered_before = unanswered != unanswered_before, unanswered
            if progress and self._threads == 1:
                continue
            running = self._running_for()
            held = sum(seconds >= self._timeout for seconds in running)
            if self._all_taken:
                if held == unanswered:
                    break
            elif progress:
                # One at a time is quickest, beside those that seem to be held.
                self._wanted_threads = 1 + sum(each >= PATIENCE for each in running)
            else:
                doubled = max(1, 2 * self._threads)
                self._wanted_threads = min(doubled, self._most_threads)
                added = self._add_threads(self._wanted_threads - self._threads)
                if not added and held >= self._threads:
                    break  # nobody is left to do the rest
        if self._bug is not None:
            raise self._bug
        return [
            reply or Reply(Failure("timeout", name=name))
            for reply, name in zip(self._replies, self._trying, strict=True)
        ]

    @cached_property
    def _most_threads(self) -> int:
        """How many calls may be held: each may have a file open."""
        import resource  # noqa: PLC0415 - few batches need it

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files == resource.RLIM_INFINITY:
            return MAX_THREADS
        return max(1, min(MAX_THREADS, files - _OTHER_FILES))

    def _running_for(self) -> list[float]:
        """Say of each operation that has begun and not ended how long ago that was."""
        now = time.monotonic()
        return [
            now - began
            for began, reply in zip(self._began, self._replies, strict=True)
            if began and reply is None
        ]

    def _add_threads(self, number: int) -> int:
        """Start threads; give how many there were to be had."""
        for added in range(number):
            with self._lock:
                self._threads += 1
            try:
                threading.Thread(target=self._work, daemon=True).start()
            except RuntimeError:
                with self._lock:
                    self._threads -= 1
                return added
        return number

    def _work(self) -> None:
        """Do one operation after the other, until there is none or too many do so."""
        buffer = ctypes.create_string_buffer(_READ_SIZE)
        for at in self._next:
            self._began[at] = time.monotonic()
            self._replies[at] = self._perform(at, buffer)
            if self._threads > self._wanted_threads and self._retire():
                return
        self._all_taken = True
        with self._lock:
            self._threads -= 1
        if None not in self._replies:
            self._all_done.set()

    def _perform(self, at: int, buffer: Buffer) -> Reply:
        todo = self._operations[at]
        try:
            if todo.do == "read":  # the one that drivers hold: it says where it is
                return _read(todo, partial(self._trying.__setitem__, at), buffer)
            if todo.do == "probe":  # the one that is tried again
                return _probe(todo, self._began[at] + self._timeout)
            return _OPERATIONS[todo.do](todo)
        except OSError as error:
            gone = not os.path.lexists(todo.directory)
            return Reply(Failure("open", error.errno or 0, gone=gone))
        except Exception as error:  # noqa: BLE001 - raised again where it is seen
            self._bug = error
            return Reply()

    def _retire(self) -> bool:
        with self._lock:
            too_many = self._threads > self._wanted_threads
            self._threads -= too_many
            return too_many


# ---- the operations ------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)
_libc.read.restype = _libc.write.restype = ctypes.c_ssize_t


def _list(todo: Operation) -> Reply:
    names: list[str] = []
    strange: list[str] = []
    for name in os.listdir(os.fsencode(todo.directory)):
        try:
            names.append(name.decode())
        except UnicodeDecodeError:
            strange.append(_text(name))
    return Reply(names=tuple(names), strange=tuple(strange))


def _link(todo: Operation) -> Reply:
    link = os.readlink(os.fsencode(f"{todo.directory}/{todo.names[0]}"))
    return Reply(text=_text(link))


def _text(name: bytes) -> str:
    """Decode a name; what is not UTF-8 in it is escaped."""
    return name.decode("utf-8", "backslashreplace")


def _resolve(todo: Operation) -> Reply:
    """Say where a directory really is; `name` tells a link or file in it apart."""
    directory = os.path.realpath(todo.directory, strict=True)
    whole = f"{directory}/{todo.names[0]}"
    mode = os.lstat(whole).st_mode
    what = "link" if stat.S_ISLNK(mode) else "file" if stat.S_ISREG(mode) else "other"
    real = os.path.realpath(whole)
    return Reply(
        name=what, text=_text(os.fsencode(directory)), names=(_text(os.fsencode(real)),)
    )


def _find(todo: Operation) -> Reply:
    for name in todo.names:
        if os.path.lexists(f"{todo.directory}/{name}"):
            return Reply(name=name)
    return _absent(todo)


def _read(todo: Operation, trying: Callable[[str], None], buffer: Buffer) -> Reply:
    for name in todo.names:
        trying(name)
        path = f"{todo.directory}/{name}"
        file = _open(path, os.O_RDONLY)
        if file < 0:
            if (number := ctypes.get_errno()) == errno.ENOENT:
                continue
            return _failed("open", number, name, path)
        try:
            size = _libc.read(file, buffer, _READ_SIZE)
            number = ctypes.get_errno()
        finally:
            os.close(file)
        if size < 0:
            return _failed("read", number, name, path)
        return Reply(name=name, data=buffer.raw[:size])
    return _absent(todo)


def _probe(todo: Operation, until: float) -> Reply:
    """Write to a version attribute, after making sure that it is one.

    A driver that is busy is asked again, unless the pause alone would last beyond
    `until`: it has answered, and does not hang.
    """
    assert todo.probe is not None
    name = todo.names[0]
    directory = os.path.realpath(todo.directory, strict=True)
    path = f"{directory}/{name}"
    if not directory.startswith(os.path.realpath(todo.probe.tree) + "/"):
        return _refused(codes.PATH_LEAVES_ENDPOINT, name)
    if not os.path.lexists(path):
        return _absent(todo)
    mode = os.lstat(path).st_mode
    if not stat.S_ISREG(mode):
        return _refused(
            codes.PATH_LEAVES_ENDPOINT
            if stat.S_ISLNK(mode)
            else codes.NOT_AN_ATTRIBUTE,
            name,
        )
    for pause in BUSY_PAUSES:
        reply = _write_once(path, name, todo.probe)
        busy = reply.failure is not None and reply.failure.errno in BUSY
        if not busy or time.monotonic() + pause >= until:
            return reply
        time.sleep(pause)
    return _write_once(path, name, todo.probe)


def _write_once(path: str, name: str, probe: Probe) -> Reply:
    """Do one open(2) and one write(2), which is what asks the driver."""
    file = _open(path, os.O_WRONLY)
    if file < 0:
        return _failed("open", ctypes.get_errno(), name, path)
    try:
        if _filesystem(file) not in probe.filesystems:
            return _refused(codes.NOT_ON_SYSFS, name)
        count = _libc.write(file, probe.data, len(probe.data))
        number = ctypes.get_errno()
    finally:
        os.close(file)
    if count < 0:
        return _failed("write", number, name, path)
    return Reply(name=name, count=count)


_OPERATIONS: dict[str, Callable[[Operation], Reply]] = {
    "list": _list,
    "link": _link,
    "resolve": _resolve,
    "find": _find,
}


def _open(path: str, flags: int) -> int:
    name = path.encode("utf-8", "surrogateescape")
    file: int = _libc.open(name, flags | os.O_CLOEXEC | os.O_NOFOLLOW)
    return file


def _failed(
    stage: Literal["open", "read", "write"], number: int, name: str, path: str
) -> Reply:
    """Report an errno, and whether the file is still there: it may have vanished."""
    if stage == "open" and number == errno.ELOOP:  # because of O_NOFOLLOW
        return _refused(codes.PATH_LEAVES_ENDPOINT, name)
    return Reply(Failure(stage, number, name, gone=not os.path.lexists(path)))


def _absent(todo: Operation) -> Reply:
    gone = not os.path.lexists(todo.directory)
    return Reply(Failure("open", errno.ENOENT, gone=gone))


def _refused(code: Code, name: str) -> Reply:
    return Reply(Failure("refused", name=name, code=code))


def _filesystem(file: int) -> str:
    """Type of the file system an open file is on; `fuse` for any kind of FUSE.

    From /proc/self/mountinfo, by device number: fstatfs(2) has a layout of its own
    on each architecture.
    """
    device = os.fstat(file).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as table:
        for line in table:
            mount, _, rest = line.partition(" - ")
            if mount.split(" ", 3)[2] == wanted:
                return rest.split(" ", 1)[0].partition(".")[0]
    return "unknown"
