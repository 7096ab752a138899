# SPDX-License-Identifier: Apache-2.0
"""Files of users and of ours, whatever lies at their paths.

mounts       which paths may hang
aside        calls that may hang, made by a process that may be left behind
reading      files and folders, read in time and up to a length
folders      folders to write in, and by whose links they are found
replacing    files that are replaced, whole or not at all
doubles      several inventories of one host: the newest counts
inventories  the inventories of a fleet: files, and those in folders

A module imports only those that stand before it.
"""
