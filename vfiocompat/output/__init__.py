# SPDX-License-Identifier: Apache-2.0
"""How results leave the program: as a JSON document, as text, and on a terminal.

visible    text from drivers made harmless
json       documents as JSON, and their JSON Schemas
spans      what of a text is underlined, drawn below it
text       lines and their styles, and what all commands say alike: errors, findings
layout     lines and tables fitted to a terminal's width
terminal   lines in colours: the only module that imports rich
brief      a reason in a few words
standings  hosts by what they make of a source or a VM, and the line that answers
gpus       NVIDIA's GPUs, with what is on them
progress   a bar, where something takes long
pairs      a pair as a record and in words, for all that show pairs
wayout     what to type where facts are missing
errors     errors as records, alone or within a document
check, device, diff, doctor, explain, get, list
matrix, parse, report, simulate, tables, targets, vm
hostpairs, matrixpairs  what `matrix --hosts` and `--pairs` show
schemas    every document by its name

Each command that has a document has a module of its name, with the record, how it is
made of what was decided, and the words of the text. A module imports only those that
stand before it, and of the commands' none another.
"""
