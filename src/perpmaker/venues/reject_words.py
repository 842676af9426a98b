"""Why an order was refused, out of a venue's own words: what codes do not tell apart."""

import re
from typing import Final

from perpmaker.domain.orders import RejectReason

_WORDS: Final = (
    (re.compile(r"(?i)immediately (match|trigger)|post.?only"), RejectReason.POST_ONLY_WOULD_CROSS),
    (re.compile(r"(?i)reduce.?only"), RejectReason.REDUCE_ONLY_WOULD_INCREASE),
    (re.compile(r"(?i)minimum|too small|below min|min (notional|quantity|size)"), RejectReason.BELOW_MINIMUM),
)


def reason_in_words(said: str) -> RejectReason:
    """The reason that the words name; OTHER when they name none that we know."""
    return next((reason for words, reason in _WORDS if words.search(said)), RejectReason.OTHER)
