# SPDX-License-Identifier: Apache-2.0
"""Random input to everything that reads what is not ours, and to what decides of it.

chance    input of any kind, out of what is real and what is nasty
subjects  what is read, judged, decided and shown, and what has to hold of each
running   cases run one after another, each within its time

A case is its seed and its number, so what was found is found again:

    .venv/bin/python -m tests.fuzz --cases 1000000
"""
