"""What a run looks like at one moment: the one picture that page, metrics and `perpmaker status` are made from.

Rules kept here:

1. Exact amounts are decimal text (``"-0.1"``), never floats: what is shown is what the journal has, to the last digit.
2. What is not known is None, never zero.
3. Words (phase, reasons, kinds) are those of the program, in English; who shows them may translate them.
"""

from msgspec import Struct, field


class About(Struct, frozen=True, kw_only=True):
    """What does not change while a run goes on. ``market`` is its name in a fleet; times are ns since 1970 UTC.

    ``mode`` is "live", "paper" or "sim"; ``ends_at_ns`` is None for a run without a duration.
    """

    run_id: str
    exchange: str
    symbol: str
    market: str | None
    mode: str
    base: str
    quote: str
    tick_size: str
    lot_size: str
    started_at_ns: int
    ends_at_ns: int | None
    version: str
    fleet_id: str | None


class Level(Struct, frozen=True, kw_only=True):
    """One level of the ladder: an order (``state`` "resting", "on its way", "being cancelled", "outcome unknown"), or
    ``why`` there is none. ``queue_ahead`` is an estimate, in base currency.
    """

    side: str
    level: int
    price: str | None
    quantity: str | None
    state: str | None
    queue_ahead: str | None
    why: str | None


class Book(Struct, frozen=True, kw_only=True):
    """Price and size of each level, the best first, 20 a side at most; None for a book that cannot be trusted now."""

    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class Position(Struct, frozen=True, kw_only=True):
    """Base currency, signed. ``threshold`` is the deviation from ``target`` at which skew begins.

    ``capped_side`` is "buy" or "sell" where the cap leaves no room for an order of the least size, else None.
    """

    quantity: str
    target: str
    threshold: str
    cap: str
    entry_price: str | None
    capped_side: str | None


class Skew(Struct, frozen=True, kw_only=True):
    """How the ladder leans. ``reference`` is the price quoted around, ``reservation`` the same shifted by the skew.

    ``ticks`` is the shift, below zero towards selling; ``strength`` the setting, 0 to 1; ``mode`` "shift" or another.
    """

    mode: str
    strength: str
    reference: str | None
    reservation: str | None
    ticks: str


class Profit(Struct, frozen=True, kw_only=True):
    """Quote currency; what was paid is negative. ``net`` is ``equity`` minus ``equity_start``.

    ``terms`` are those of `perpmaker.report.attribution.Terms`, by name; their sum is ``net``.
    """

    equity_start: str
    equity: str
    net: str
    realized: str
    unrealized: str
    fees: str
    funding: str
    max_drawdown: str
    terms: dict[str, str]


class Latency(Struct, frozen=True, kw_only=True):
    """Since the start of the run, milliseconds; upper bounds of buckets, None before the first measurement."""

    count: int
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None


class Health(Struct, frozen=True, kw_only=True):
    """How well the wires work.

    ``decision`` is from the arrival of an event to the maker's decision having been handed on, ``wire`` from sending a
    request to its answer. ``book_age_ms`` is the time since the last sign of life of the book; ``rate_headroom`` the
    share of the venue's rate limit that is left, 0 to 1. ``reconciled_at_ns`` is the last comparison with the venue
    that gave an answer.
    """

    book_age_ms: float | None
    decision: Latency
    wire: Latency
    messages: int
    requests: int
    rejects: dict[str, int]
    rate_headroom: float | None
    clock_offset_ms: float | None
    reconciled_at_ns: int | None
    corrections: int
    is_account_up: bool
    blind_for: list[str]
    counts: dict[str, int]


class Counts(Struct, frozen=True, kw_only=True):
    """What was done so far. ``volume`` is quote currency."""

    fills: int
    buys: int
    sells: int
    orders_placed: int
    orders_cancelled: int
    orders_rejected: int
    stops: int
    takes: int
    volume: str


class Budget(Struct, frozen=True, kw_only=True):
    """One budget over all markets of a fleet: what is used of what is allowed, quote currency."""

    name: str
    used: str
    limit: str


class RunView(Struct, frozen=True, kw_only=True):
    """One moment of a run. ``revision`` grows with every view; ``phase`` is a `perpmaker.maker.market_maker.Phase`.

    ``end_reason`` is set once the run is ending, ``is_over`` with the very last view.
    """

    revision: int
    at_ns: int
    about: About
    phase: str
    is_paused: bool
    end_reason: str | None
    is_over: bool
    settings: dict[str, str]
    bid: str | None
    ask: str | None
    mark: str | None
    book: Book | None
    levels: list[Level]
    position: Position
    skew: Skew
    profit: Profit
    health: Health
    counts: Counts
    budgets: list[Budget] = field(default_factory=list)
    budget_step: str | None = None


class Item(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the run's log. ``seq`` grows by one with each; ``kind`` as in the journal's `reasons`, or "fill".

    ``severity`` is "info", "warning" or "error". The last five are of fills only; a ``fee`` that
    was paid is negative.
    """

    seq: int
    at_ns: int
    kind: str
    text: str
    severity: str = "info"
    side: str | None = None
    price: str | None = None
    quantity: str | None = None
    fee: str | None = None
    is_maker: bool | None = None


class Sample(Struct, frozen=True, array_like=True):
    """A point of the charts, one a second at most: an array in this order.

    ``bids`` and ``asks`` are the prices of our resting quotes, innermost first.
    """

    at_ns: int
    mid: str | None
    mark: str | None
    bids: list[str]
    asks: list[str]
    position: str
    net: str


class Hello(Struct, frozen=True, kw_only=True, tag="hello"):
    """First thing told on a link or stream: everything that is kept. ``first_seq`` is that of the oldest item kept."""

    view: RunView
    items: list[Item]
    samples: list[Sample]
    first_seq: int


class News(Struct, frozen=True, kw_only=True, tag="news", omit_defaults=True):
    """What is new since the last message; what is not is left out."""

    view: RunView | None = None
    items: list[Item] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


class Ask(Struct, frozen=True, kw_only=True, tag="ask"):
    """A wish of a person: ``action`` is "pause", "resume", "close", "stop" or "settings"; ``who`` is for the journal.

    ``settings`` are flags of `perpmaker run` by name with underscores, as they would be typed.
    """

    ask_id: str
    action: str
    who: str
    settings: dict[str, str] = field(default_factory=dict)


class Answer(Struct, frozen=True, kw_only=True, tag="answer"):
    """What became of an `Ask`: done, or refused, in one sentence."""

    ask_id: str
    is_done: bool
    text: str


ToViewer = Hello | News | Answer
"""What a run sends over its link, a line of JSON each."""
