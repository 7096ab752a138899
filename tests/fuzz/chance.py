# SPDX-License-Identifier: Apache-2.0
"""Input of any kind by chance: what is real, changed a little, with nasty parts."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from tests.anyendpoint import (
    ATTRIBUTES,
    FAMILIES,
    HEADS,
    STRINGS,
    VALUES,
    consistent,
    may_have,
    placed,
    with_head,
)
from tests.fleets import TAKEN, answer, answer_to_head, head, inventory
from vfiocompat import codes
from vfiocompat.endpoints import Endpoint, Head, Recorded
from vfiocompat.errors import InvalidVersion
from vfiocompat.output.json import json_text
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfiocompat.endpoints import RecordedAnswer
    from vfiocompat.inventory import Inventory

__all__ = ["Chance"]

LONG_AGO = "2026-10-01T00:00:00Z"

_LONGEST = 100_000  # characters: what takes time by their square is told by then

_NASTY = [
    *"\0\t\n\r\x1b\x7f\x85\x9b\xa0\xad\u061c\u200b\u2028\u202e\u2066\ufeff\ud800\udcff",
    *"é²٣Ⅳ\U0001d11e\U0010ffff",
    *" !\"#$%&'()*+,-./0:;<=>?@[\\]^_`{|}~",
    *("9" * 25, "0x", "..", ",,", "]]>", "&#0;", "-->", "\x1b[31m", "a" * 300, "٣" * 9),
]
"""What a terminal, a number, a grammar or an encoding may stumble over."""

_OTHERS = [
    *("null", "true", "false", "0", "1", "-1", "2147483648", "1e30", "1.5", "-0.0"),
    *('""', '"x"', '"?"', '"0x8086"', "[]", "{}", "[null]", '{"a":1}', "[[[[]]]]"),
]
"""What stands in a document where something else is expected."""


class Chance(Random):
    """Chance that draws more than numbers."""

    def is_rare(self, times: int = 8) -> bool:
        """Whether something happens that happens once in so many times."""
        return self.randrange(times) == 0

    def text(self, real: Sequence[str], changes: int = 3) -> str:
        """Draw one of some texts, changed in a few places."""
        text = self.choice(real)
        for _ in range(self.randint(0, changes)):
            at, end = sorted((self.randint(0, len(text)), self.randint(0, len(text))))
            end = min(end, at + 8) if self.random() < 0.8 else end
            match self.randrange(5):
                case 0:
                    text = text[:at] + text[end:]
                case 1:
                    text = text[:at] + self.choice(_NASTY) + text[at:]
                case 2:
                    text = text[:at] + self.choice(_NASTY) + text[end:]
                case 3:
                    times = self.randint(2, 3000) if self.is_rare() else 1
                    text = text[:end] + text[at:end] * times + text[end:]
                case _:
                    text = text[:at] + self.choice(real)[end:]
            text = text[:_LONGEST]
        return text

    def data(self, real: Sequence[str]) -> bytes:
        """Draw the same as bytes, which are UTF-8 or not."""
        data = self.text(real).encode("utf-8", "surrogatepass")
        if self.is_rare():
            at = self.randint(0, len(data))
            data = data[:at] + self.randbytes(self.randint(1, 4)) + data[at:]
        return data

    def like(self, value: Any, changes: int = 3) -> Any:  # noqa: ANN401 - any JSON
        """Draw a document that is one in all but a few places."""
        found = msgspec.json.decode(msgspec.json.encode(value))
        for _ in range(self.randint(0, changes)):
            found = self._changed(found)
        return found

    def _changed(self, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """Change one place of a document, and more often one that is deep in it."""
        if isinstance(value, dict) and value and not self.is_rare():
            key = self.choice(list(value))
            match self.randrange(8):
                case 0:
                    del value[key]
                case 1:
                    value[self._utf8([key])] = value[key]
                case _:
                    value[key] = self._changed(value[key])
            return value
        if isinstance(value, list) and value and not self.is_rare():
            at = self.randrange(len(value))
            match self.randrange(8):
                case 0:
                    del value[at]
                case 1:
                    value.append(value[at])
                case _:
                    value[at] = self._changed(value[at])
            return value
        if isinstance(value, str) and not self.is_rare(4):
            return self._utf8([value, *STRINGS])
        return msgspec.json.decode(self.choice(_OTHERS))

    def _utf8(self, real: Sequence[str]) -> str:
        """Draw a text as JSON can have it: without half a character."""
        return self.text(real).encode("utf-8", "replace").decode()

    # ---- endpoints ---------------------------------------------------------------

    def version(self) -> str:
        """Draw a version string that an attribute can hold."""
        text = self.text(STRINGS, 1)
        try:
            return VersionString.parse(text).text
        except InvalidVersion:
            return self.choice(STRINGS)

    def answer(self, about: str | Head) -> RecordedAnswer:
        """Draw what a driver said of a string or a head, and when."""
        accepted = self.choice([True, True, False, None])
        at = LONG_AGO if self.is_rare() else TAKEN
        if isinstance(about, str):
            return answer(about, accepted=accepted, at=at)
        return answer_to_head(about, accepted=accepted, at=at)

    def endpoint(self, like: Sequence[Endpoint] = ()) -> Endpoint:
        """Draw an endpoint of a host, perhaps one that differs in one thing."""
        if like and self.random() < 0.5:
            name = "version" if self.is_rare(3) else self.choice(sorted(VALUES))
            value = self.choice(VALUES[name])
            if name == "head":
                return with_head(self.choice(like), value)
            return consistent(replace(self.choice(like), **{name: value}))
        fields: dict[str, Any] = {
            name: self.choice(values) for name, values in VALUES.items()
        }
        if self.random() < 0.6:
            fields |= self.choice(FAMILIES)
            fields |= {"vfio": True, "device_api": "vfio-pci"}
            fields["attribute"] = self.choice([None, ATTRIBUTES[1]])
        fields["version"] = self.version()
        if self.is_rare(2):
            name = self.choice(["driver", "vendor_id", "parent", "type_id", "address"])
            fields[name] = self.text([fields[name] or "x"])
        if self.is_rare():
            told = self.choice(["facts", "stated"])
            fields[told] = {
                name: self.text([text]) for name, text in fields[told].items()
            }
        texts = [fields["version"], *(end.version for end in like if end.version)]
        versions = {self.choice([*texts, *STRINGS[:4]]) for _ in range(3)}
        heads = {self.choice(HEADS) for _ in range(2)}
        given = [self.answer(text) for text in versions if self.random() < 0.5]
        given += [
            self.answer(head(data, None)) for data in heads if self.random() < 0.5
        ]
        data = fields.pop("head")
        end = with_head(consistent(Endpoint(**fields)), data)
        return replace(end, answers=tuple(x for x in given if may_have(end, x)))

    def endpoints(self, most: int, like: Sequence[Endpoint] = ()) -> list[Endpoint]:
        """Draw a host's endpoints as JSON has them, each at an address of its own."""
        ends: list[Endpoint] = []
        for at in range(self.randint(1, most)):
            end = json_text(placed(self.endpoint([*like, *ends]), at), indent=None)
            ends.append(msgspec.json.decode(end, type=Endpoint))
        return ends

    def recorded(self, endpoint: Endpoint) -> Endpoint:
        """Draw an endpoint as one of this host, or of an inventory that may be old.

        Only an inventory can have a code that no reading of an attribute gives.
        """
        attribute = endpoint.attribute
        if self.random() < 0.5 and not (attribute and attribute.code == codes.ACCEPTED):
            return endpoint
        old = "it is 9 days old"
        known = Recorded("a", TAKEN, old if self.is_rare() else None)
        origin = None if endpoint.version is None else "recorded"
        return replace(endpoint, origin=origin, recorded=known)

    def inventory(
        self, host: str, most: int = 4, like: Sequence[Endpoint] = ()
    ) -> Inventory:
        """Draw a host's inventory of a few endpoints."""
        taken_at = LONG_AGO if self.is_rare() else TAKEN
        return inventory(host, *self.endpoints(most, like), taken_at=taken_at)
