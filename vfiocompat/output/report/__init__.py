# SPDX-License-Identifier: Apache-2.0
"""A fleet at a glance, as a document, as a web page and as Markdown.

parts     what the tables are made of, and names of groups and classes
answer    what is said first: in plain words what matters most
document  all of it as a document
advice    dead ends, with what would help, and one-way moves
listing   hosts, groups of them, classes, and problems
maps      who can go where
markdown  for a ticket
page      for a browser: the only module that imports jinja2

A module imports only those that stand before it.
"""
