# SPDX-License-Identifier: Apache-2.0
"""File operations that a driver may hold for ever, in a child that may be left.

A read(2) or write(2) that a driver holds cannot be ended from outside, and a process
with a held thread cannot be reaped. So every operation on a device's files runs in a
child which has none of our pipes, is never waited for, and goes away by itself once
its own pipe closes. Operations come in batches; one thread of the child works through
a batch, and as soon as it makes no progress for a moment others go on with the rest,
so that held calls wait beside each other and not one after the other.

Calls go through libc and not through `os`: os.open, os.read and os.write begin again
by themselves after EINTR (PEP 475), which a driver may well answer every time.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import threading
import time
from typing import TYPE_CHECKING, Literal, NoReturn

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Failure", "Operation", "Probe", "Reply", "Worker"]

PATIENCE = 0.01  # seconds without progress until more threads go on with a batch
MAX_THREADS = 1024  # of one child: as many calls may be held at once
MAX_CHILDREN = 2
WORTH_A_CHILD = 2000  # operations from which on a second child saves time
BUSY_TRIES = 4
BUSY_PAUSE = 0.02  # seconds before the first new attempt, doubled each time
BUSY = frozenset({errno.EINTR, errno.EAGAIN, errno.EBUSY})
_READ_SIZE = 8192  # more than a sysfs page, so that too long a string is seen
_SIZE_BYTES = 8
_STACK = 256 * 1024


class Probe(msgspec.Struct, frozen=True, array_like=True):
    """What to write, and where writing it is safe.

    `tree` is the directory that the file must really lie below, and `filesystems`
    are the types of file system it may be on (`fuse` stands for all of FUSE's).
    """

    data: bytes
    tree: str
    filesystems: tuple[str, ...]


class Operation(msgspec.Struct, frozen=True, array_like=True):
    """One thing to do in a directory; `names` are tried until one exists.

    `do` is `list` (names in it), `link` (target of names[0]), `resolve` (where the
    directory and the first of its names really are), `find` (first name that exists),
    `read` (bytes of the first name that exists), or `probe` (write to names[0]).
    """

    do: Literal["list", "link", "resolve", "find", "read", "probe"]
    directory: str
    names: tuple[str, ...] = ()
    probe: Probe | None = None


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """Why an operation gave nothing.

    `stage` is how far it came: `open` (also of a directory or a link), `read`,
    `write`, `timeout`, or `refused` with the diagnostic code in `code`. `name` is the
    file it was about, and `gone` says that it is not there any more.
    """

    stage: Literal["open", "read", "write", "timeout", "refused"]
    errno: int = 0
    name: str = ""
    gone: bool = False
    code: str = ""


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """What an operation gave: its value, or a failure.

    `name` is the file that was found or read, `text` a link's target or a real path,
    `names` a listing, `data` what was read, `count` how many bytes were written.
    """

    failure: Failure | None = None
    name: str = ""
    text: str = ""
    names: tuple[str, ...] = ()
    data: bytes = b""
    count: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode_request = msgspec.msgpack.Decoder(tuple[float, list[Operation]]).decode
_decode_replies = msgspec.msgpack.Decoder(list[Reply]).decode


class Worker:
    """Runs batches of operations in children, which are made when first used.

    A held call delays its batch by `timeout` seconds once, however many are held.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._children: list[tuple[int, int]] = []

    def run(self, operations: Sequence[Operation]) -> list[Reply]:
        """Run a batch, and give the replies in its order.

        Raises:
            OSError: a child could not be made, or has died.

        """
        if not operations:
            return []
        wanted = MAX_CHILDREN if len(operations) >= WORTH_A_CHILD else 1
        while len(self._children) < wanted:
            self._children.append(_start_child())
        share = -(-len(operations) // wanted)
        for at, (requests, _) in enumerate(self._children[:wanted]):
            part = operations[at * share : (at + 1) * share]
            _send(requests, _encode((self._timeout, part)))
        done: list[Reply] = []
        for _, replies in self._children[:wanted]:
            if (message := _receive(replies)) is None:
                raise ChildProcessError(errno.ECHILD, "the reading process died")
            done += _decode_replies(message)
        return done

    def close(self) -> None:
        """Let go of the children, which end by themselves; none is waited for."""
        for pipes in self._children:
            for pipe in pipes:
                os.close(pipe)
        self._children.clear()


# ---- the pipes -----------------------------------------------------------------


def _send(pipe: int, message: bytes) -> None:
    rest = memoryview(len(message).to_bytes(_SIZE_BYTES, "little") + message)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def _receive(pipe: int) -> bytes | None:
    """Read one message; None where the other side has closed the pipe."""
    head = _read_exactly(pipe, _SIZE_BYTES)
    return None if head is None else _read_exactly(pipe, int.from_bytes(head, "little"))


def _read_exactly(pipe: int, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = os.read(pipe, min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


# ---- the child -----------------------------------------------------------------


def _start_child() -> tuple[int, int]:
    """Fork the child; give the pipes for requests to it and replies from it."""
    request_out, request_in = os.pipe()
    reply_out, reply_in = os.pipe()
    if os.fork() == 0:
        try:
            _serve(request_out, reply_in)
        finally:
            os._exit(0)
    os.close(request_out)
    os.close(reply_in)
    return request_in, reply_out


def _serve(requests: int, replies: int) -> NoReturn:
    """Do batch after batch until the parent has gone."""
    os.setsid()  # Ctrl-C is the parent's to hear
    os.chdir("/")
    requests, replies = _keep_only(requests, replies)
    threading.stack_size(_STACK)
    while (message := _receive(requests)) is not None:
        timeout, operations = _decode_request(message)
        _send(replies, _encode(_Batch(operations, timeout).run()))
    os._exit(0)


def _keep_only(requests: int, replies: int) -> tuple[int, int]:
    """Close every descriptor but these two, so that no pipe of ours stays open."""
    requests, replies = os.dup(requests), os.dup(replies)
    null = os.open(os.devnull, os.O_RDWR)
    keep = sorted({requests, replies})
    for standard in range(3):
        if standard not in keep:
            os.dup2(null, standard)
    os.closerange(3, keep[0])
    os.closerange(keep[0] + 1, keep[1])
    os.closerange(keep[1] + 1, os.sysconf("SC_OPEN_MAX"))
    return requests, replies


class _Batch:
    """Operations being worked through by threads, some of which may never return."""

    def __init__(self, operations: list[Operation], timeout: float) -> None:
        self._operations = operations
        self._timeout = timeout
        self._replies: list[Reply | None] = [None] * len(operations)
        self._running: dict[int, float] = {}  # operation -> when it began
        self._taken = self._done = self._threads = 0
        self._lock = threading.Lock()
        self._complete = threading.Event()

    def run(self) -> list[Reply]:
        """Give a reply to each operation, in their order and in bounded time."""
        self._add_threads(1)
        seen = -1
        while not self._complete.wait(PATIENCE):
            with self._lock:
                began_after = time.monotonic() - self._timeout
                held = sum(began < began_after for began in self._running.values())
                waiting = self._taken < len(self._operations)
                stuck, seen = self._done == seen, self._done
            if not waiting and held == len(self._running):
                break
            if waiting and stuck:
                self._add_threads(
                    min(self._threads, MAX_THREADS + held - self._threads)
                )
        return [reply or _TIMED_OUT for reply in self._replies]

    def _add_threads(self, number: int) -> None:
        for _ in range(number):
            try:
                threading.Thread(target=self._work, daemon=True).start()
            except RuntimeError:  # no more to be had; those that run go on
                return
            self._threads += 1

    def _work(self) -> None:
        while (at := self._take()) is not None:
            self._replies[at] = _perform(self._operations[at])
            with self._lock:
                del self._running[at]
                self._done += 1
        if self._done == len(self._operations):
            self._complete.set()

    def _take(self) -> int | None:
        with self._lock:
            at = self._taken
            if at == len(self._operations):
                return None
            self._taken += 1
            self._running[at] = time.monotonic()
            return at


# ---- the operations ------------------------------------------------------------

_TIMED_OUT = Reply(Failure("timeout"))

_libc = ctypes.CDLL(None, use_errno=True)
_libc.read.restype = _libc.write.restype = ctypes.c_ssize_t


def _perform(todo: Operation) -> Reply:
    try:
        return _OPERATIONS[todo.do](todo)
    except OSError as error:
        gone = not os.path.lexists(todo.directory)
        return Reply(Failure("open", error.errno or 0, gone=gone))


def _list(todo: Operation) -> Reply:
    return Reply(names=tuple(os.listdir(todo.directory)))


def _link(todo: Operation) -> Reply:
    return Reply(text=os.readlink(f"{todo.directory}/{todo.names[0]}"))


def _resolve(todo: Operation) -> Reply:
    """Say where a directory really is; `name` tells a link or file in it apart."""
    directory = os.path.realpath(todo.directory, strict=True)
    whole = f"{directory}/{todo.names[0]}"
    mode = os.lstat(whole).st_mode
    what = "link" if stat.S_ISLNK(mode) else "file" if stat.S_ISREG(mode) else "other"
    return Reply(name=what, text=directory, names=(os.path.realpath(whole),))


def _find(todo: Operation) -> Reply:
    for name in todo.names:
        if os.path.lexists(f"{todo.directory}/{name}"):
            return Reply(name=name)
    return _absent(todo)


def _read(todo: Operation) -> Reply:
    for name in todo.names:
        path = f"{todo.directory}/{name}"
        file = _open(path, os.O_RDONLY)
        if file < 0:
            if (number := ctypes.get_errno()) == errno.ENOENT:
                continue
            return _failed("open", number, name, path)
        try:
            buffer = ctypes.create_string_buffer(_READ_SIZE)
            size = _libc.read(file, buffer, _READ_SIZE)
            number = ctypes.get_errno()
        finally:
            os.close(file)
        if size < 0:
            return _failed("read", number, name, path)
        return Reply(name=name, data=ctypes.string_at(buffer, size))
    return _absent(todo)


def _probe(todo: Operation) -> Reply:
    """Write to a version attribute, after making sure that it is one."""
    assert todo.probe is not None
    name = todo.names[0]
    directory = os.path.realpath(todo.directory, strict=True)
    path = f"{directory}/{name}"
    if not directory.startswith(os.path.realpath(todo.probe.tree) + "/"):
        return _refused("VFC142", name)
    if not os.path.lexists(path):
        return _absent(todo)
    mode = os.lstat(path).st_mode
    if not stat.S_ISREG(mode):
        return _refused("VFC142" if stat.S_ISLNK(mode) else "VFC141", name)
    pause = BUSY_PAUSE
    for _ in range(BUSY_TRIES - 1):
        reply = _write_once(path, name, todo.probe)
        if reply.failure is None or reply.failure.errno not in BUSY:
            return reply
        time.sleep(pause)
        pause *= 2
    return _write_once(path, name, todo.probe)


def _write_once(path: str, name: str, probe: Probe) -> Reply:
    """Do one open(2) and one write(2), which is what asks the driver."""
    file = _open(path, os.O_WRONLY)
    if file < 0:
        return _failed("open", ctypes.get_errno(), name, path)
    try:
        if _filesystem(file) not in probe.filesystems:
            return _refused("VFC143", name)
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
    "read": _read,
    "probe": _probe,
}


def _open(path: str, flags: int) -> int:
    file: int = _libc.open(os.fsencode(path), flags | os.O_CLOEXEC | os.O_NOFOLLOW)
    return file


def _failed(
    stage: Literal["open", "read", "write"], number: int, name: str, path: str
) -> Reply:
    """Report an errno, and whether the file is still there: it may have vanished."""
    return Reply(Failure(stage, number, name, gone=not os.path.lexists(path)))


def _absent(todo: Operation) -> Reply:
    gone = not os.path.lexists(todo.directory)
    return Reply(Failure("open", errno.ENOENT, gone=gone))


def _refused(code: str, name: str) -> Reply:
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
