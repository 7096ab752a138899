# SPDX-License-Identifier: Apache-2.0
"""Compatibility tables: data, what they say of a pair, and what is stated for them.

`README.md` is the guide to writing one, and `shipped` has those that come with the
program. `language` is what a table can say, `facts` what it may read of an endpoint;
`judge` tells what tables make of a pair, `library` which tables there are, `derived`
makes strings of facts, and `stated` is what operators say of endpoints.
"""
