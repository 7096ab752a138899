# SPDX-License-Identifier: Apache-2.0
"""Manifests in domain XML: one is read as it was written, and a wrong one is told."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from tests.fleets import inventory
from tests.vm.documents import MANIFEST, WHOLE, again, parsed, vm_of
from vfiocompat.errors import DomainError, ErrorRecord
from vfiocompat.vm.manifest import Manifest
from vfiocompat.vm.model import Vm

OURS = "xmlns:v='urn:vfiocompat:vm:1'"
EMPTY = "<domain/>"


@pytest.mark.parametrize(
    "text",
    [
        EMPTY,
        "<domain><metadata/></domain>",
        "<domain><metadata><x:y xmlns:x='urn:x'>z</x:y></metadata></domain>",
        WHOLE,
    ],
)
def test_a_manifest_is_read_as_it_was_written(text: str) -> None:
    written = again(text, manifest=MANIFEST)
    assert written.isascii() or text is WHOLE
    for data in (written, again(written)):
        assert vm_of(data) == vm_of(text)
        assert parsed(data).manifest() == MANIFEST
    assert parsed(text).manifest() is None


def test_a_manifest_takes_the_place_of_all_others() -> None:
    one = again(EMPTY, manifest=MANIFEST)
    inside = one[one.index("<vfiocompat:vm") : one.index("</metadata>")]
    other = Manifest("node-c", {}, inventory("node-b"))
    replaced = again(one.replace(inside, inside * 3), manifest=other)

    assert parsed(replaced).manifest() == other
    assert replaced.count("<vfiocompat:vm ") == 1
    assert "node-a" not in replaced
    assert again(replaced, manifest=MANIFEST) == one


def test_the_metadata_of_others_stays() -> None:
    written = again(WHOLE, manifest=MANIFEST)
    start, end = written.index("<vfiocompat:vm"), written.index("</vfiocompat:vm>")
    assert written[:start] + written[end + len("</vfiocompat:vm>") :] == again(WHOLE)


def test_a_manifest_is_one_element_of_one_namespace() -> None:
    """libvirt keeps one element a namespace in <metadata>, and loses others."""
    root = etree.fromstring(again(EMPTY, manifest=MANIFEST).encode())
    assert [each.tag for each in root] == ["metadata"]
    assert [each.tag for each in root[0]] == ["{urn:vfiocompat:vm:1}vm"]


def test_what_looks_like_a_manifest_elsewhere_is_none() -> None:
    other = "<w:vm xmlns:w='urn:vfiocompat:vm:2'/>"
    metadata = f"<metadata><vm/><x><v:vm/></x>{other}</metadata>"
    assert parsed(f"<domain {OURS}><v:vm/>{metadata}</domain>").manifest() is None


# ---- one that cannot be used -----------------------------------------------------

GOOD = json.dumps(
    {
        "schema": "vfiocompat.inventory/1",
        "tool": {"name": "vfiocompat", "version": "1"},
        "host": "h",
        "machine_id": None,
        "taken_at": "2026-11-01T00:00:00Z",
        "kernel": "6.12.0",
        "endpoints": [],
        "problems": [],
    }
)
CONTROL = json.dumps("\x1b").strip('"')
NOT_JSON = " is not a whole JSON document"
NO_TIME = ": taken_at: 'x11-01T00:00:00Z' is no time with a zone, as RFC 3339 has it"
NO_INVENTORY = " is another JSON document, not an inventory"
OF_NINE = (
    " is an inventory of schema 'vfiocompat.inventory/9'; 'vfiocompat.inventory/1' is "
    "known"
)
NEWER = "use the vfiocompat that wrote it, or a newer one"


def with_manifest(inside: str) -> str:
    vm = f"<v:vm host='b'>{inside}</v:vm>"
    return f"<domain {OURS}><metadata>{vm}</metadata></domain>"


def test_a_manifest_without_devices_is_one() -> None:
    found = parsed(with_manifest(f"<v:inventory>{GOOD}</v:inventory>")).manifest()
    assert found is not None
    assert (found.host, found.devices, found.inventory.host) == ("b", {}, "h")


@pytest.mark.parametrize("text", ["", "<inventory/>", "<v:inventory/>"])
def test_a_manifest_has_an_inventory(text: str) -> None:
    assert refused(with_manifest(text)).summary.endswith(NOT_JSON)


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("x", NOT_JSON),
        (GOOD[:-1], NOT_JSON),
        ("{}", NO_INVENTORY),
        ("[]", NO_INVENTORY),
        (GOOD.replace("/1", "/9"), OF_NINE),
        (GOOD.replace("6.12.0", CONTROL), r": kernel: '\x1b' is no such name"),
        (GOOD.replace("2026-", "x"), NO_TIME),
    ],
)
def test_a_manifest_that_cannot_be_used_is_a_mistake(text: str, summary: str) -> None:
    data = with_manifest(f"<v:inventory>{text}</v:inventory>")
    found = refused(data)
    assert vm_of(data) == Vm(name=None), "the VM itself can be read"
    assert found.code == "VFC550"
    assert found.summary == f"vm.xml: the manifest in it{summary}"
    assert summary != OF_NINE or found.hint == NEWER


def refused(data: str) -> ErrorRecord:
    domain = parsed(data)
    with pytest.raises(DomainError) as caught:
        domain.manifest()
    return caught.value.record
