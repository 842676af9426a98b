"""perpmaker: a market maker for perpetual futures.

The house, floor by floor, is drawn in ARCHITECTURE.md. Start reading at ``perpmaker.maker.market_maker``.
"""

from perpmaker.compiled import serve

__version__ = "0.1.0"

serve()
