# SPDX-License-Identifier: Apache-2.0
"""Many hosts: inventories of a fleet, and the questions that are asked of them.

about       what drivers were asked about some sources
members     what a host has of a class
classes     endpoints that are alike for a decision
read        the inventories of a fleet, by several processes
turns       scans of one file, one after the other
cells       what counts of the decision on a pair of classes
situations  all that it can depend on, each decided once
grid        every pair of classes
wanting     what has to be learnt of classes, and where these are
hostpairs   every pair of hosts
moves       groups of hosts that are alike, and which take all devices of which
report      all that is told of a fleet at a glance
scan        a host as an inventory, with what is kept of the one before
askinggpus  NVIDIA's library asked ahead of time, about the vGPUs of a fleet
asking      its drivers asked ahead of time, about what a fleet has
targets     where one source can go
diff        what changed between two fleets

A module imports only those that stand before it.
"""
