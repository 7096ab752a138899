# SPDX-License-Identifier: Apache-2.0
"""A host's /sys with a driver's answers, served over FUSE from a specification.

errnos      errors by name
spec        the TOML language
nvml        what the library of simulated GPUs answers from
capacity    how many instances a parent can still make
gpuchecks   what types cannot say of GPUs and VMs
checks      what types cannot say: every mistake at once
specfile    a specification from its file
answers     what a driver answers to a read and a write of its attribute
tree        directories, links and attributes in memory
host        the tree of a specification; create, remove, vanish
faults      which fault is due
library     NVIDIA's library: what stands for it, compiled of nvml.c
filesystem  the tree as the operations of a file system
server      mounting, signals, unmounting
command     a command for which a host is served

All but the last two are free of FUSE; all but these, `specfile`, `library` and
`filesystem` are pure. A module imports only those that stand before it.
"""
