# SPDX-License-Identifier: Apache-2.0
"""Many hosts: inventories of a fleet, and the questions that are asked of them.

`read` reads a fleet, `classes` sorts its endpoints into classes, `grid` decides every
pair of them. `scan` makes a host's inventory, `turns` has scans wait for each other,
`targets` tells where one source can go, and `diff` what changed.
"""
