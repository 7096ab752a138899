# SPDX-License-Identifier: Apache-2.0
"""This host: the only package that touches /sys and /dev/vfio.

batch  file operations that a driver may hold, many at once, in threads
held   processes that drivers still hold
vfio   a device opened, to ask for its migration interface; who has one open
sysfs  endpoints found, read, and their drivers asked

A module imports only those that stand before it.
"""
