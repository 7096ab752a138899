# SPDX-License-Identifier: Apache-2.0
"""How results leave the program: `documents` and `json`, `text`, and `terminal`."""
