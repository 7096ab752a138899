# SPDX-License-Identifier: Apache-2.0
"""Programs that use the Python interface, which mypy has to take as they are."""
