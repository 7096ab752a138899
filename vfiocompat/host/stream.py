# SPDX-License-Identifier: Apache-2.0
"""The head of a device's migration stream: read, and offered to a driver.

A device that resumes looks at the first bytes of the stream that it is given, and says
by write(2) whether it would load it (Documentation and drivers of VFIO migration v2,
Linux 5.18; numbers and layouts are of include/uapi/linux/vfio.h).

What is done with a device is a session: it begins with a device that runs, and ends
with one. RESUMING is left by a reset, never by another state: that would load. Signals
that would end this process wait for the end of a session. It may hang in any call, so
it belongs in a child that may be left behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import signal
import struct
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from vfiocompat import codes
from vfiocompat.decision.streams import Asked, Offer, Reply, is_refused
from vfiocompat.errors import DeviceError, VfiocompatError, errno_name
from vfiocompat.host.vfio import GET, SET, feature, opened
from vfiocompat.tables.heads import MOST, offered, spoiled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vfiocompat.addresses import LiveAddress
    from vfiocompat.tables.language.records import Stream

__all__ = [
    "Errand",
    "Known",
    "State",
    "data_size",
    "initial_bytes",
    "run",
    "state_of",
]

_DEVICE_GET_INFO = 0x3B6B
_DEVICE_RESET = 0x3B6F
_PRECOPY_INFO = 0x3B79
_FLAGS_RESET = 1
_DEVICE_STATE = 2
_DATA_SIZE = 9

State = Literal[
    "ERROR",
    "STOP",
    "RUNNING",
    "STOP_COPY",
    "RESUMING",
    "RUNNING_P2P",
    "PRE_COPY",
    "PRE_COPY_P2P",
]
_STATES: tuple[State, ...] = State.__args__  # type: ignore[attr-defined]
"""What a device can be in, by number: enum vfio_device_mig_state."""

_HELD_OFF = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})


class Known(msgspec.Struct, frozen=True):
    """A source's head. One that was `recorded` may be anything: a file had it."""

    data: bytes
    recorded: bool = False


class Errand(NamedTuple):
    """What to do with a device: read its own head, and offer it those of others.

    `stream` says where its driver's head is.
    """

    address: LiveAddress
    driver: str
    stream: Stream
    heads: tuple[Known, ...] = ()


def run(errands: Sequence[tuple[str, Errand]]) -> Iterator[tuple[int, Asked]]:
    """Do errands one after the other; tell after each session what is known so far.

    Each is given with its device's directory in sysfs. Each time that is told is the
    place of the errand, and what came of it.
    """
    for place, (path, errand) in enumerate(errands):
        known = Asked()
        try:
            for known in _sessions(path, errand):
                yield place, known
            yield place, msgspec.structs.replace(known, done=True)
        except VfiocompatError as error:
            yield place, msgspec.structs.replace(known, error=error.record, done=True)


def _sessions(path: str, errand: Errand) -> Iterator[Asked]:
    name = os.path.basename(path)
    with opened(path) as device:
        own = _read(device, name, errand.stream)
        yield (known := Asked(own))
        if not errand.heads:
            return
        _demand_reset(device, name)
        for head in errand.heads:
            data, made = offered(errand.stream, own, head.data, recorded=head.recorded)
            offer = Offer(data, made)
            yield (known := _with(known, offer))
            if data is None:
                continue
            control = _offer(device, path, spoiled(errand.stream, data))
            offer = msgspec.structs.replace(offer, control=control)
            yield (known := _with(known, offer, again=True))
            if is_refused(control):
                reply = _offer(device, path, data)
                offer = msgspec.structs.replace(offer, reply=reply)
                yield (known := _with(known, offer, again=True))


def _with(asked: Asked, offer: Offer, *, again: bool = False) -> Asked:
    others = asked.offers[:-1] if again else asked.offers
    return msgspec.structs.replace(asked, offers=(*others, offer))


# ---- sessions ----------------------------------------------------------------------


def _read(device: int, name: str, stream: Stream) -> bytes:
    """Read the first bytes that a device would send."""
    with _session(device, name):
        file = -1
        try:
            file = _enter(device, stream.via)
            size = stream.size
            if size == "initial":
                size = _head_size(file)
            data = _read_all(file, size)
        except OSError as error:
            raise _not_read(name, errno_name(error.errno or 0)) from None
        finally:
            if file >= 0:
                os.close(file)
            _go_on(device, stream.via)
    if len(data) < size:
        raise _not_read(name, f"it has only {len(data)} of {size} bytes")
    return data


def initial_bytes(device: int, name: str) -> int:
    """Ask an open device how many bytes PRE_COPY has at first.

    Raises:
        DeviceError: it does not tell, or does not run in the end.

    """
    with _session(device, name):
        file = -1
        try:
            file = _enter(device, "PRE_COPY")
            return _initial(file)
        except OSError as error:
            raise _not_read(name, errno_name(error.errno or 0)) from None
        finally:
            if file >= 0:
                os.close(file)
            _go_on(device, "PRE_COPY")


def _go_on(device: int, via: str) -> None:
    """Let a device run again: from PRE_COPY without a reset, which stops nothing."""
    with contextlib.suppress(OSError):
        if via == "PRE_COPY" and state_of(device) == "PRE_COPY":
            _enter(device, "RUNNING")
            return
        _reset(device)


def _offer(device: int, path: str, data: bytes) -> Reply:
    """Offer bytes to a device that resumes, in one write."""
    with _session(device, os.path.basename(path)):
        try:
            file = _enter(device, "RESUMING")
        except OSError as error:
            reply = Reply("enter", error.errno or 0)
        else:
            try:
                count, number = _write(file, data)
            finally:
                os.close(file)
            reply = Reply("write", number, count)
        with contextlib.suppress(OSError):
            _reset(device)
    if reply.errno and not os.path.exists(path):
        return msgspec.structs.replace(reply, gone=True)
    return reply


@contextlib.contextmanager
def _session(device: int, name: str) -> Iterator[None]:
    """Begin with a device that runs, and demand that it does so in the end.

    An earlier user may have left it otherwise: a driver of an mdev may keep its state
    over close, and crash over any request then but a reset (samples/vfio-mdev/mtty.c).
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_OFF)
    try:
        if _state(device, name) != "RUNNING":
            with contextlib.suppress(OSError):
                _reset(device)
            _demand_running(device, name)
        yield
        _demand_running(device, name)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _demand_running(device: int, name: str) -> None:
    state = _state(device, name)
    if state != "RUNNING":
        raise DeviceError(
            f"{name} is in the state {state}, and a reset does not let it run again",
            hint="let no VM open it: make the mdev anew, or unbind its driver and bind "
            "it again",
            code=codes.DEVICE_NOT_RUNNING,
        )


def _demand_reset(device: int, name: str) -> None:
    """See that a reset works before RESUMING is entered, which only a reset leaves."""
    info = bytearray(struct.pack("=IIIIII", 24, 0, 0, 0, 0, 0))
    with contextlib.suppress(OSError):
        fcntl.ioctl(device, _DEVICE_GET_INFO, info)
    if struct.unpack_from("=I", info, 4)[0] & _FLAGS_RESET:
        return
    with _session(device, name):
        try:
            _reset(device)
        except OSError as error:
            raise DeviceError(
                f"{name} cannot be reset ({errno_name(error.errno or 0)}), so nothing "
                "is offered to its driver",
                hint="only a reset ends what an ask begins",
                code=codes.DEVICE_NOT_RESET,
            ) from None


def _not_read(name: str, why: str) -> DeviceError:
    return DeviceError(
        f"the head of the migration stream of {name} could not be read: {why}",
        code=codes.HEAD_NOT_READ,
    )


# ---- the device --------------------------------------------------------------------


def state_of(device: int) -> State | None:
    """Ask in which state an open device is; None if it is one that is not known.

    Raises:
        OSError: the device does not tell.

    """
    found = feature(device, GET | _DEVICE_STATE, bytes(8))
    (number,) = struct.unpack_from("=I", found)
    return _STATES[number] if number < len(_STATES) else None


def _state(device: int, name: str) -> State | None:
    try:
        return state_of(device)
    except OSError as error:
        why = errno_name(error.errno or 0)
        raise _not_read(name, f"its state is not told ({why})") from None


def data_size(device: int) -> int | None:
    """Ask an open device how much a migration has to move: an estimate, in bytes.

    None where it does not tell (before Linux 6.2, and by the driver).
    """
    try:
        found = feature(device, GET | _DATA_SIZE, bytes(8))
    except OSError:
        return None
    return int(struct.unpack("=Q", found)[0])


def _enter(device: int, state: State) -> int:
    """Bring a device to a state; give the file that this opens, -1 for none."""
    data = struct.pack("=Ii", _STATES.index(state), -1)
    found = feature(device, SET | _DEVICE_STATE, data)
    return int(struct.unpack("=Ii", found)[1])


def _reset(device: int) -> None:
    fcntl.ioctl(device, _DEVICE_RESET, 0)


def _head_size(file: int) -> int:
    """Give the initial bytes of PRE_COPY, if they can be a head."""
    size = _initial(file)
    if not 0 < size <= MOST:
        raise OSError(errno.EMSGSIZE, "")
    return size


def _initial(file: int) -> int:
    """Ask how many bytes PRE_COPY has at first: struct vfio_precopy_info."""
    info = bytearray(struct.pack("=IIQQ", 24, 0, 0, 0))
    fcntl.ioctl(file, _PRECOPY_INFO, info)
    return int(struct.unpack_from("=Q", info, 8)[0])


# Through libc: os.read and os.write begin again by themselves after EINTR, without end
# where a driver answers that every time.
_libc = ctypes.CDLL(None, use_errno=True)


def _read_all(file: int, size: int) -> bytes:
    """Read so many bytes, or all that there are: ENOMSG is PRE_COPY's end for now."""
    data = bytearray()
    while len(data) < size:
        buffer = ctypes.create_string_buffer(size - len(data))
        count = _libc.read(file, buffer, len(buffer))
        if count < 0 and ctypes.get_errno() != errno.ENOMSG:
            raise OSError(ctypes.get_errno(), "")
        if count <= 0:
            break
        data += buffer.raw[:count]
    return bytes(data)


def _write(file: int, data: bytes) -> tuple[int, int]:
    """Write once; give how many bytes were taken, and the errno."""
    count = _libc.write(file, data, len(data))
    return (0, ctypes.get_errno()) if count < 0 else (count, 0)
