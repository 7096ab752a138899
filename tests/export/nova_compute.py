# SPDX-License-Identifier: Apache-2.0
"""What nova-compute does with a folder of provider.yaml, by nova's own code.

It runs where nova is, as a program. Each argument is the folder that nova-compute has
as it starts once more; a line of JSON tells which traits of ours each provider has
then, and which providers of the folder there are not.
"""

from __future__ import annotations

import json
import sys
import uuid
from types import SimpleNamespace

import os_traits
from nova.compute.pci_placement_translator import PlacementView
from nova.compute.provider_config import get_provider_configs
from nova.compute.provider_tree import ProviderTree
from nova.compute.resource_tracker import ResourceTracker
from nova.objects.pci_device import PciDevice
from nova.virt.libvirt.driver import LibvirtDriver

NODE = "b"
PARENTS = ("pci_0000_03_00_0", "pci_0000_04_00_0", "pci_0000_05_00_0")
"""What libvirt calls the parents of mdevs."""

FUNCTIONS = {"0000:c1:00.1": "0000:c1:00.0", "0000:c1:00.2": "0000:c1:00.0"}
"""Virtual functions, and their physical ones."""


def start(tree: ProviderTree, folder: str) -> set[str]:
    """Do what ResourceTracker._update_to_placement does with providers of devices."""
    driver = LibvirtDriver.__new__(LibvirtDriver)
    driver._get_resource_class_for_device = lambda _: "VGPU"  # noqa: SLF001
    inventories = {parent: {"total": 1} for parent in PARENTS}
    driver._ensure_pgpu_providers(inventories, tree, NODE)  # noqa: SLF001
    view = PlacementView(NODE, [])
    for address, physical in FUNCTIONS.items():
        device = PciDevice(
            address=address,
            parent_addr=physical,
            dev_type="type-VF",
            vendor_id="19e5",
            product_id="a251",
            status="available",
            extra_info={},
        )
        view.process_dev(device, SimpleNamespace(get_tags=dict))
    view.update_provider_tree(tree, {})
    tracker = ResourceTracker.__new__(ResourceTracker)
    tracker.absent_providers = set()
    tracker._merge_provider_configs(get_provider_configs(folder), tree)  # noqa: SLF001
    absent: set[str] = tracker.absent_providers
    return absent


def main(*folders: str) -> None:
    """Start with each folder in turn; what Placement has stays."""
    tree = ProviderTree()
    tree.new_root(NODE, str(uuid.uuid4()))
    tree.add_traits(NODE, os_traits.COMPUTE_NODE)
    for folder in folders:
        absent = start(tree, folder)
        providers = [tree.data(each) for each in tree.get_provider_uuids()]
        traits = {
            each.name: sorted(
                trait for trait in each.traits if trait.startswith("CUSTOM_VFIOCOMPAT")
            )
            for each in providers
        }
        sys.stdout.write(json.dumps([traits, sorted(absent)]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
