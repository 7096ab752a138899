# SPDX-License-Identifier: Apache-2.0
"""`python -m vfiocompat` is the same program as `vfiocompat`."""

from vfiocompat.cli import main

main()
