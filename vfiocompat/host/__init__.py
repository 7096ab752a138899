# SPDX-License-Identifier: Apache-2.0
"""This host: the only package that touches /sys and /dev/vfio.

`batch` runs file operations that a driver may hold, `held` knows what drivers still
hold, `vfio` opens a device to ask for its migration interface, and `sysfs` finds,
reads and asks endpoints.
"""
