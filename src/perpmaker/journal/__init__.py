"""The SQL record of what happened in every run, and how to read it back.

`perpmaker.journal.writer.open_journal` is the way in, `perpmaker.journal.readers` the way out; docs/journal.md
describes the tables.
"""
