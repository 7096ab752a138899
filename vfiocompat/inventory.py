# SPDX-License-Identifier: Apache-2.0
"""Inventories: what a host had when it was scanned."""

from __future__ import annotations

import posixpath
import shlex
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from vfiocompat import __version__
from vfiocompat.addresses import (
    FleetAddress,
    InventoryAddress,
    MdevPrefix,
    PathAddress,
    address_text,
    parse_address,
)
from vfiocompat.contradictions import (
    KINDS,
    answers_that_count,
    changed,
    contradiction,
    contradiction_of_gpus,
    identified_by_facts,
)
from vfiocompat.endpoints import Endpoint, Problem, Recorded
from vfiocompat.errors import (
    InvalidVersion,
    InventoryError,
    NoSuchEndpoint,
    nearest,
    there_are,
)
from vfiocompat.nvidia.gpus import Gpu
from vfiocompat.nvidia.metadata import InvalidMetadata, decoded
from vfiocompat.nvidia.placing import on_gpus
from vfiocompat.nvidia.vgpus import completed
from vfiocompat.times import timestamp
from vfiocompat.versions import VersionString

if TYPE_CHECKING:
    from vfiocompat.endpoints import Head, RecordedAnswer
    from vfiocompat.times import Horizon

__all__ = [
    "Identity",
    "Inventory",
    "Tool",
    "changed_since",
    "named",
    "parse_inventory",
    "recorded",
    "with_answers_that_count",
]

SCHEMA = "vfiocompat.inventory/1"
MAX_BYTES = 256 << 20
"""How long an inventory may be: some 200,000 endpoints."""

MAX_OBJECTS = 1_000_000
"""How many JSON objects it may have: what each costs in memory is far more than its
text, and an endpoint with answers is some five."""


class Tool(msgspec.Struct, frozen=True):
    """Which program made a document."""

    name: str = "vfiocompat"
    version: str = __version__


class Identity(msgspec.Struct, frozen=True):
    """Which host an inventory is of, as its files say; None where they do not.

    `boot_id` is random(4)'s, another one after each boot.
    """

    host: str | None
    machine_id: str | None
    kernel: str | None
    boot_id: str | None


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """Every endpoint of a host, what could not be read, and when that was.

    `machine_id` is that of machine-id(5); None where the host has none. `boot_id` was
    not kept by earlier programs. `gpus` are NVIDIA's, as far as its library told.
    """

    schema: Literal["vfiocompat.inventory/1"] = "vfiocompat.inventory/1"
    tool: Tool = Tool()
    host: str
    machine_id: str | None
    taken_at: str
    kernel: str
    boot_id: str | msgspec.UnsetType | None = msgspec.UNSET
    endpoints: list[Endpoint]
    gpus: list[Gpu] | msgspec.UnsetType = msgspec.UNSET
    problems: list[Problem]


class _Schema(msgspec.Struct):
    schema: str


def parse_inventory(data: bytes, path: str) -> Inventory:
    """Read an inventory; `path` is named in errors.

    Raises:
        InventoryError: it is none, or of another version, or holds what no scan writes.

    """
    # The shortest one is `{}` and a comma: a shorter file need not be counted.
    if len(data) > 3 * MAX_OBJECTS and data.count(b"{") > MAX_OBJECTS:
        raise InventoryError(
            f"{path} has more than {MAX_OBJECTS:,} objects, which no host's has"
        )
    try:
        inventory = msgspec.json.decode(data, type=Inventory)
    except msgspec.ValidationError as error:
        raise _not_ours(data, path, error) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InventoryError(
            f"{path} is not a whole JSON document", detail=str(error)
        ) from None
    if not inventory.host:
        raise InventoryError(f"{path}: host: is empty")
    # These go into other programs' files, where a new line would be another one.
    for key, text in (
        ("host", inventory.host),
        ("kernel", inventory.kernel),
        ("boot_id", inventory.boot_id or ""),
        ("tool.version", inventory.tool.version),
    ):
        if not text.isprintable():
            raise InventoryError(f"{path}: {key}: {text!r} is no such name")
    if timestamp(inventory.taken_at) is None:
        raise InventoryError(
            f"{path}: taken_at: {inventory.taken_at!r} is no time with a zone, as "
            "RFC 3339 has it"
        )
    _demand_usable(inventory, path)
    _demand_metadata(inventory, path)
    if what := contradiction_of_gpus(inventory.endpoints, inventory.gpus or ()):
        raise InventoryError(f"{path}: {what}")
    if msgspec.json.encode(inventory) != data.rstrip():
        _demand_keys(data, path)  # what scan writes has each once, and is quicker
    endpoints = completed([*map(identified_by_facts, inventory.endpoints)])
    inventory.endpoints[:] = on_gpus(endpoints, inventory.gpus or ())
    return inventory


def _demand_keys(data: bytes, path: str) -> None:
    """Refuse keys that an object has twice, and a document that names no schema.

    Of two another reader would take the other one.

    Raises:
        InventoryError: there is one.

    """
    import json  # noqa: PLC0415 - costs start-up time, and few files need it

    def look(pairs: list[tuple[str, Any]]) -> bool:
        """Tell whether an object names a schema; the last one is the whole."""
        keys = Counter(key for key, _ in pairs)
        if len(keys) < len(pairs):
            [(key, times)] = keys.most_common(1)
            raise InventoryError(f"{path}: an object has {key!r} {times} times")
        return "schema" in keys

    def number(_: str) -> int:
        return 0  # of any length

    if not json.loads(
        data, object_pairs_hook=look, parse_int=number, parse_float=number
    ):
        raise InventoryError(f"{path}: schema: is missing")


def _not_ours(data: bytes, path: str, error: msgspec.ValidationError) -> InventoryError:
    try:
        schema = msgspec.json.decode(data, type=_Schema).schema
    except (msgspec.DecodeError, RecursionError):
        schema = None
    if schema == SCHEMA:
        return InventoryError(
            f"{path} is no inventory that scan writes", detail=str(error)
        )
    name, _, version = (schema or "").partition("/")
    if name == SCHEMA.partition("/")[0] and version:
        return InventoryError(
            f"{path} is an inventory of schema {schema!r}; {SCHEMA!r} is known",
            hint="use the vfiocompat that wrote it, or a newer one",
        )
    what = f"a document of schema {schema!r}" if schema else "another JSON document"
    return InventoryError(
        f"{path} is {what}, not an inventory", hint="'vfiocompat scan' writes them"
    )


def _demand_usable(inventory: Inventory, path: str) -> None:
    """Refuse what no host has: version strings that no attribute could hold, say."""
    endpoints = inventory.endpoints
    texts = {endpoint.version for endpoint in endpoints}
    texts |= {answer.version for each in endpoints for answer in each.answers}
    wrong = {text for text in texts if text is not None and not _is_version(text)}
    origins = {
        endpoint.origin for endpoint in endpoints if endpoint.version is not None
    }
    kinds = {endpoint.kind for endpoint in endpoints}
    addresses = {endpoint.address for endpoint in endpoints}
    if (
        not wrong
        and kinds <= KINDS
        and origins <= {"attribute"}
        and len(addresses) == len(endpoints)
        and not any(map(contradiction, endpoints))
    ):
        return
    known: set[str] = set()
    for number, endpoint in enumerate(endpoints):
        where = f"{path}: endpoints[{number}]"
        if endpoint.kind not in KINDS:
            raise InventoryError(f"{where}: a host has no {endpoint.kind}")
        if endpoint.address in known:
            raise InventoryError(f"{where}.address: {endpoint.address} is there twice")
        known.add(endpoint.address)
        if what := contradiction(endpoint):
            raise InventoryError(f"{where}.{what}")
        if endpoint.version is not None and endpoint.origin != "attribute":
            raise InventoryError(
                f"{where}.origin: a string that is kept was read from an attribute"
            )
        if endpoint.version in wrong:
            raise InventoryError(f"{where}.version: no attribute can hold this string")
        if wrong.intersection(answer.version for answer in endpoint.answers):
            raise InventoryError(f"{where}.answers: no attribute can hold this string")


def _demand_metadata(inventory: Inventory, path: str) -> None:
    """Refuse what no driver of NVIDIA's gives as metadata."""
    where = path
    try:
        for number, gpu in enumerate(inventory.gpus or ()):
            where = f"{path}: gpus[{number}].metadata"
            if gpu.metadata is not None:
                decoded(gpu.metadata, "GPU")
        for number, endpoint in enumerate(inventory.endpoints):
            if endpoint.vgpu_metadata is not msgspec.UNSET:
                where = f"{path}: endpoints[{number}].vgpu_metadata"
                decoded(endpoint.vgpu_metadata, "vGPU")
    except InvalidMetadata as error:
        raise InventoryError(f"{where}: {error}") from None


@lru_cache(maxsize=65536)
def _is_version(text: str) -> bool:
    try:
        VersionString.parse(text)
    except InvalidVersion:
        return False
    return True


def with_answers_that_count(
    endpoint: Endpoint, inventory: Inventory, horizon: Horizon
) -> Endpoint:
    """Keep of an endpoint's answers about one thing the one that counts: the latest.

    A yes to a head that was given by another boot, kernel or build is none: a scan
    carries none over. A no is kept: it stands against a table's yes.
    """
    kept = tuple(
        each
        for each in answers_that_count(endpoint.answers, horizon)
        if not (each.channel == "stream" and each.accepted)
        or not _changed_since(each, endpoint, inventory)
    )
    if kept == endpoint.answers:
        return endpoint
    return msgspec.structs.replace(endpoint, answers=kept)


def recorded(endpoint: Endpoint, inventory: Inventory, horizon: Horizon) -> Endpoint:
    """Give an endpoint of an inventory as one that cannot be asked any more."""
    if endpoint.answers:
        endpoint = with_answers_that_count(endpoint, inventory, horizon)
    rejected: dict[str, str] = {}
    ages: dict[str, str] = {}
    for answer in endpoint.answers:
        why = horizon.rejects(answer.asked_at)
        if why is not None:
            rejected[answer.about] = why
        else:
            ages[answer.about] = horizon.age(answer.asked_at)
    return msgspec.structs.replace(
        endpoint,
        origin="recorded" if endpoint.version is not None else None,
        recorded=Recorded(
            inventory.host,
            inventory.taken_at,
            horizon.rejects(inventory.taken_at),
            rejected,
            ages,
            changed_since(endpoint, inventory) if endpoint.head else (),
            inventory.machine_id or msgspec.UNSET,
        ),
    )


def changed_since(endpoint: Endpoint, inventory: Inventory) -> tuple[str, ...]:
    """Name what may have changed since an endpoint's head was read.

    No scan writes a head that is later than the scan, unless a clock was set back.
    """
    head = endpoint.head or None
    found = _changed_since(head, endpoint, inventory)
    if head is None or not _is_later(head.taken_at, inventory.taken_at):
        return found
    return (*found, "the clock")


def _is_later(moment: str, other: str) -> bool:
    times = timestamp(moment), timestamp(other)
    return None not in times and times[0] > times[1]  # type: ignore[operator]


def _changed_since(
    what: Head | RecordedAnswer | None, endpoint: Endpoint, inventory: Inventory
) -> tuple[str, ...]:
    """Name what may have changed since a head of it was read, or it answered to one.

    An inventory tells the build of a function's own driver only: that of an mdev's may
    be of another module than its parent's.
    """
    told = endpoint.kind == "function" and endpoint.build
    return changed(
        what,
        inventory.boot_id or None,
        inventory.kernel,
        endpoint.build if told else msgspec.UNSET,
    )


def named(inventory: Inventory, address: InventoryAddress | FleetAddress) -> Endpoint:
    """Find the endpoint that an address names in an inventory.

    Raises:
        NoSuchEndpoint: there is none, and the hint names some that there are.

    """
    known = [endpoint.address for endpoint in inventory.endpoints]
    if isinstance(address, FleetAddress):
        where = f"host {inventory.host}"
    else:
        where = address.file
    if address.endpoint is None:
        if len(known) == 1:
            return inventory.endpoints[0]
        raise NoSuchEndpoint(
            f"{where} has {len(known)} endpoints: name one",
            hint=shlex.quote(f"inventory:{where}#{known[0] if known else 'ADDRESS'}"),
        )
    wanted = parse_address(address.endpoint)
    if isinstance(wanted, PathAddress):
        path = posixpath.normpath(wanted.path)
        found = [each for each in inventory.endpoints if _is_at(each, path)]
    elif isinstance(wanted, MdevPrefix):
        mdevs = (each for each in inventory.endpoints if each.kind == "mdev")
        found = [each for each in mdevs if each.address.startswith(wanted.prefix)]
    else:
        text = address_text(wanted)
        found = [each for each in inventory.endpoints if each.address == text]
    if len(found) == 1:
        return found[0]
    count = "several of" if found else "no"
    meant = [each.address for each in found]
    close = meant[:5] or nearest(address.endpoint, known) or known[:3]
    raise NoSuchEndpoint(
        f"{where} has {count} {address.endpoint}",
        hint=there_are(close),
    )


def _is_at(endpoint: Endpoint, path: str) -> bool:
    """Whether a path is that of an endpoint's own attribute, or of its directory."""
    attribute = endpoint.attribute
    if attribute is None or attribute.path is None:
        return False
    own = (attribute.node == "type") == (endpoint.kind == "type")
    if attribute.state == "absent":
        return attribute.path == path
    return own and path in {attribute.path, posixpath.dirname(attribute.path)}
