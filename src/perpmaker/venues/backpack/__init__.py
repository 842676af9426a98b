"""Backpack, as its own documents describe it: the wire is read and written here.

Why not through ccxt, as every other exchange: its path of one order request (build, sign, send, read) costs more than
half of what may pass between a depth message and the order that it causes, its books do not check their sequence, and
on its stream the cumulative fill of an order is lost. ccxt's Backpack works as a venue, too: ``ccxt:backpack``.
"""
