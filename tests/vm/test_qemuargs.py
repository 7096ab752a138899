# SPDX-License-Identifier: Apache-2.0
"""What follows `-device`, in both ways that QEMU takes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfiocompat.vm.qemuargs import CommandLine, device_argument


def quoted(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Write JSON with single quotes, as QEMU reads it too."""
    match value:
        case str():
            inner = json.dumps(value)[1:-1].replace("'", r"\'").replace(r"\"", '"')
            return f"'{inner}'"
        case dict():
            members = (f"{quoted(key)}: {quoted(each)}" for key, each in value.items())
            return f"{{{', '.join(members)}}}"
        case list():
            return f"[{', '.join(map(quoted, value))}]"
        case _:
            return json.dumps(value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), VALUES))
def test_either_quotes_say_the_same(value: dict[str, object]) -> None:
    for text in (json.dumps(value), quoted(value)):
        assert device_argument(text).properties == value


@pytest.mark.parametrize("number", ["1e999", "9" * 5000, "-0", "1.50", "0"])
def test_a_number_of_any_size_stays_as_it_is(number: str) -> None:
    found = device_argument(f"{{'driver':'vfio-pci','x':{number}}}")

    assert found.properties["driver"] == "vfio-pci"
    assert found.replace(["host"], "host", "1:2.3") == (
        f'{{"driver":"vfio-pci","x":{number},"host":"1:2.3"}}'
    )


@pytest.mark.parametrize(
    "text",
    [
        *("{", "{]", "{'a'}", "{'a':1}}", "{'a':1,}", "{'a':b}", "{'a':1 'b':2}"),
        *("{'a':'b", '{"a":"b', "{a:1}", "{'a':1,'a':2}", "{'a':{'b':1,\"b\":2}}"),
        *('{"a":"\\ud800"}', "{'\\udcff':1}", "{'a':'\ud800'}"),
        *("{" * 100_000, '{"a":' * 100_000, "{'a':" + "[" * 100_000),
    ],
)
def test_what_is_no_json_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        device_argument(text)


@pytest.mark.parametrize(
    ("arguments", "iommus"),
    [
        (("-device", "intel-iommu,intremap=on"), ["intel-iommu"]),
        (("-device", "virtio-iommu-pci"), ["virtio-iommu-pci"]),
        (("-device", "amd-iommu"), ["amd-iommu"]),
        (("-device", "arm-smmuv3,primary-bus=pcie.0"), ["arm-smmuv3"]),
        (("-device", "{'driver':'intel-iommu'}"), ["intel-iommu"]),
        (("-machine", "virt,iommu=smmuv3"), ["smmuv3"]),
        (("-M", "virt,iommu=none"), []),
        (("-machine", "q35,kernel-irqchip=split"), []),
        (("-device", "virtio-net-pci,iommu_platform=on"), []),
    ],
)
def test_a_virtual_iommu_among_the_arguments(
    arguments: tuple[str, ...], iommus: list[str]
) -> None:
    line = CommandLine(arguments)
    for at in line.devices:
        line.read_device(device_argument(arguments[at]))

    assert line.iommus == iommus


def test_config_files_are_named() -> None:
    line = CommandLine(["-S", "-readconfig", "/etc/a.cfg", "-readconfig", "b"])

    assert line.config_files == ["/etc/a.cfg", "b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vfio-pci,enable-migration", "on"),
        ("vfio-pci,noenable-migration", "off"),
        ("vfio-pci,enable-migration=on,noenable-migration", "off"),
        ("vfio-pci,noenable-migration,enable-migration=on", "on"),
    ],
)
def test_a_property_without_a_value(text: str, expected: str) -> None:
    assert device_argument(text).properties["enable-migration"] == expected


@pytest.mark.parametrize(
    ("arguments", "machine"),
    [
        (("-machine", "pc-q35-9.0"), "pc-q35-9.0"),
        (("-M", "type=pc-q35-8.2,usb=off"), "pc-q35-8.2"),
        (("-M", "pc-q35-8.2", "-machine", "pc-q35-9.1"), "pc-q35-9.1"),
        (("-M", "pc-q35-8.2", "-machine", "usb=off"), "pc-q35-8.2"),
        (("-S",), None),
    ],
)
def test_a_machine_type_among_the_arguments(
    arguments: tuple[str, ...], machine: str | None
) -> None:
    assert CommandLine(arguments).machine == machine
