# SPDX-License-Identifier: Apache-2.0
"""Compatibility tables: data, what they say of a pair, and what is stated for them.

facts     what a table may read of an endpoint, and how to learn each by hand
language  what a table can say, and what follows for a pair
heads     heads of migration streams: what they show, and how they are offered
ends      what a table reads of an endpoint
shelf     which tables speak for an endpoint or a pair, and which of them win
judge     what the one that decides a pair says of it
lacking   what one would have to know of an endpoint to decide
unfilled  a file of facts.d that states what is missing, but for the values
library   the tables there are: of --table, the site's, the shipped ones
denied    what is stated, and a head or NVIDIA's library says otherwise
stated    what operators state of endpoints, in facts.d and in options
site      the files of a site, each with what is wrong with it
strings   those that tables make of facts, for endpoints without an attribute

The tables that come with the program are in `shipped/`; `README.md` is the guide to
writing one. A module imports only those that stand before it.
"""
