# SPDX-License-Identifier: Apache-2.0
"""What is missing or wrong on a host, and what to do about it.

found     what a check found
kernel    what the host's kernel tells, and what it keeps from us
devices   its endpoints, and the ways to ask their drivers
site      the tables and facts of the site
gaps      what would have to be known of its endpoints
fleet     inventories of other hosts
programs  what else runs here: libvirt, QEMU, the timer
checks    all checks, in order: a new one is a function, and a line here

A module imports only those that stand before it.
"""
