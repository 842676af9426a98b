"""The configuration file: its keys, how it is read and checked, what is written from it. Nothing is started here."""
