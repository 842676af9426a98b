"""What an instrument, a market event, an order, a fill and a position ARE. Standard library only.

Units used everywhere above this floor:

* price: ``*_ticks``, a whole number of the instrument's tick size;
* size: ``*_lots``, a whole number of the instrument's lot size, never negative (direction is a ``Side``);
* position: signed lots, long > 0;
* a price finer than a tick (mid, mark): ``*_milliticks``, a thousandth of a tick;
* money: ``*_quanta``, see `perpmaker.domain.money`;
* time: ``*_ns``, integer nanoseconds since the Unix epoch.
"""
