"""Tables in, tables out: one SQL model a file, and parsers for sources SQL cannot read.

Belongs here: how a published line becomes a figure. Does not belong here: Dagster, the clock, the network,
file storage.
"""
