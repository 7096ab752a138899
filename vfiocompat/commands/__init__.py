# SPDX-License-Identifier: Apache-2.0
"""One module a command, found by its name in `vfiocompat.cli.COMMANDS`."""
