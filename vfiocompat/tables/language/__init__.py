# SPDX-License-Identifier: Apache-2.0
"""The table language: what a compatibility table says, and what follows for a pair.

records    what a table's file may hold
kinds      what a field's text is worth: numbers, versions, sets
formats    strings taken apart into fields
relations  what has to hold between two values
table      strings read, and two of them evaluated, in three values
streams    what is wrong with what is said of heads of streams
mistakes   what is wrong with a file that its types cannot say
cases      what is wrong by the table's own cases
derive     strings made of facts
reasons    why a requirement fails, relation by relation
wording    an outcome in words

Pure. A module imports only those that stand before it.
"""
