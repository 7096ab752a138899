# SPDX-License-Identifier: Apache-2.0
"""A monitor that answers as a test has it, and notes what it was asked.

What qemu.qmp sends ends in no new line, so that messages are told apart by where a JSON
value ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["ENDS", "HANGS", "Failure", "QmpServer", "Raw", "child", "vm_answers"]

GREETING = {
    "QMP": {
        "version": {"qemu": {"micro": 0, "minor": 0, "major": 10}, "package": ""},
        "capabilities": ["oob"],
    }
}


class Failure(NamedTuple):
    """An answer that is an error."""

    error_class: str
    text: str


class Raw(NamedTuple):
    """An answer that is these bytes, and may be none."""

    data: bytes


HANGS = object()
"""In place of an answer: nothing is said any more."""
ENDS = object()
"""In place of an answer: QEMU is gone."""


def child(name: str, kind: str = "vfio-pci") -> dict[str, str]:
    """Give what qom-list says of a device."""
    return {"name": name, "type": f"child<{kind}>"}


def vm_answers(
    devices: dict[str, dict[str, object]] | None = None,
    *,
    anonymous: dict[str, dict[str, object]] | None = None,
    **more: object,
) -> dict[str, Any]:
    """Give the answers of a QEMU with VFIO devices: of each, its properties.

    `more` are other answers, by the name of the command with _ for -.
    """
    answers: dict[str, Any] = {
        "qmp_capabilities": {},
        "query-name": {"name": "web"},
        "query-uuid": {"UUID": "11111111-2222-3333-4444-555555555555"},
        "query-migrate": {},
        "query-migrate-parameters": {"mode": "normal", "multifd-compression": "none"},
        "query-status": {"status": "running", "running": True},
        "query-migrate-capabilities": [
            {"capability": "xbzrle", "state": False},
            {"capability": "postcopy-ram", "state": False},
        ],
        "query-named-block-nodes": [
            {"drv": "qcow2", "file": "/disk", "node-name": "a"}
        ],
        "qom-get /machine type": "pc-q35-10.0-machine",
    }
    places = {"peripheral": devices or {}, "peripheral-anon": anonymous or {}}
    for place, here in places.items():
        listed = [{"name": "type", "type": "string"}, child("net0", "e1000")]
        listed += [child(name) for name in here]
        answers[f"qom-list /machine/{place}"] = listed
        for name, properties in here.items():
            path = f"/machine/{place}/{name}"
            answers[f"qom-list {path}"] = [
                {"name": "type", "type": "string"},
                *({"name": each, "type": "str"} for each in properties),
            ]
            for each, value in properties.items():
                answers[f"qom-get {path} {each}"] = value
    return answers | {name.replace("_", "-"): each for name, each in more.items()}


class QmpServer:
    """It listens in a thread, on a socket in a folder."""

    def __init__(
        self,
        folder: Path,
        answers: dict[str, Any],
        *,
        greeting: object = GREETING,
        events: bytes = b"",
    ) -> None:
        self.path = os.fspath(folder / "qmp")
        self.asked: list[str] = []
        """Each command that came, with its arguments."""
        self._answers = answers
        self._greeting = greeting
        self._events = Raw(events)
        self._stopped = threading.Event()
        self._server = socket.socket(socket.AF_UNIX)
        self._thread = threading.Thread(target=self._serve)

    @property
    def commands(self) -> set[str]:
        """The names of the commands that came."""
        return {each.partition(" ")[0] for each in self.asked}

    def __enter__(self) -> Self:
        self._server.bind(self.path)
        self._server.listen()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # so that accept() ends
        self._thread.join()
        self._server.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)  # another may come after it

    def _serve(self) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(OSError):  # nobody came, or has gone already
                client, _ = self._server.accept()
                with client:
                    self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        if not self._say(client, self._greeting):
            return
        for message in self._messages(client):
            command = str(message.get("execute") or message.get("exec-oob"))
            asked = " ".join(
                [command, *map(str, message.get("arguments", {}).values())]
            )
            self.asked.append(asked)
            missing = Failure("GenericError", f"no answer to {asked}")
            answer = self._answers.get(asked, self._answers.get(command, missing))
            if answer is HANGS or answer is ENDS or isinstance(answer, Raw):
                said = answer
            elif isinstance(answer, Failure):
                said = {"error": {"class": answer.error_class, "desc": answer.text}}
            else:
                said = {"return": answer}
            if isinstance(said, dict) and "id" in message:
                said["id"] = message["id"]
            if command != "qmp_capabilities":
                self._say(client, self._events)
            if not self._say(client, said):
                return

    def _say(self, client: socket.socket, what: object) -> bool:
        """Say something; tell whether the session goes on."""
        if what is ENDS:
            return False
        if what is HANGS:
            self._stopped.wait()
            return False
        data = what.data if isinstance(what, Raw) else json.dumps(what).encode()
        client.settimeout(None)
        client.sendall(data if isinstance(what, Raw) else data + b"\r\n")
        return True

    def _messages(self, client: socket.socket) -> Iterator[dict[str, Any]]:
        """Give each message that comes, until the other side ends."""
        decoder = json.JSONDecoder()
        client.settimeout(0.05)
        text = ""
        while not self._stopped.is_set():
            try:
                message, end = decoder.raw_decode(text)
            except ValueError:
                try:
                    part = client.recv(65536)
                except TimeoutError:
                    continue
                if not part:
                    return
                text = (text + part.decode()).lstrip()
                continue
            text = text[end:].lstrip()
            yield message
            client.settimeout(0.05)
