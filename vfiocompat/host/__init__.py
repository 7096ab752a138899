# SPDX-License-Identifier: Apache-2.0
"""This host: the only package that touches /sys, /dev/vfio and NVIDIA's library.

batch      file operations that a driver may hold, many at once, in threads
held       processes that drivers still hold
vfio       a device opened; who has one open
migration  which migration interface an open device has
stream     the head of its migration stream, read and offered
opening    what an open device says of itself
nvml       NVIDIA's library, asked for GPUs, vGPUs, and which of them fit
sysfs      endpoints found, read, and their drivers asked

A module imports only those that stand before it.
"""
