"""Fetching: every row once and in order, whatever the exchange does, and every page on disk before the next."""

from collections import Counter
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

import ccxt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from perpmaker.data.fetch.folder import FetchFolder, folder_of
from perpmaker.data.fetch.pages import CUT, REPEATED, TOO_EARLY
from perpmaker.data.fetch.request import FetchRequest
from perpmaker.domain.errors import InvalidSettingError, RecordingError, UnknownNameError, UserError
from perpmaker.venues.errors import VenueError
from perpmaker.venues.history.ccxt_source import CcxtHistorySource
from perpmaker.venues.history.fetcher import MOST_FAILURES, Fetcher, patiently
from support.history_exchange import MINUTE_MS, T0_MS, HistoryExchange, bar, request_of, trade
from support.virtual_time import run_virtual, virtual_clock

WHOLE = 600
CUT_OFF = ccxt.NetworkError("connection reset")
TOO_OFTEN = ccxt.RateLimitExceeded("429")
ATTACK = ccxt.DDoSProtection("1015")


class Bench:
    """One destination, fetched to by as many starts as a test wants."""

    def __init__(self, folder: Path, name: str = "out") -> None:
        self.dest = folder / name
        self.troubles: list[str] = []
        self.seen: list[tuple[int, int]] = []
        self.waited_s = 0.0
        self.notes: Counter[str] = Counter()

    def fetch(self, exchange: HistoryExchange, request: FetchRequest) -> list[str]:
        """Go on with the request until its end; the rows as they stand in the file."""

        async def story() -> list[str]:
            clock = virtual_clock()
            began_ns = clock.now_ns()
            source = CcxtHistorySource("scripted", request, clock, exchange=exchange)
            instrument = await patiently(source.instrument, source.name, Random(1), self.troubles.append)
            folder = FetchFolder.find(self.dest, request) or FetchFolder.begin(self.dest, request, instrument)
            folder.check_instrument(instrument)
            try:
                await Fetcher(source, folder, Random(1), self.troubles.append).run(
                    lambda at_ms, rows: self.seen.append((at_ms, rows))
                )
            finally:
                self.waited_s += (clock.now_ns() - began_ns) / 1e9
            self.notes = folder.notes
            return folder.joined().read_text().splitlines()

        return run_virtual(story)

    def refused(self, exchange: HistoryExchange, request: FetchRequest) -> str:
        with pytest.raises((UserError, VenueError)) as caught:
            self.fetch(exchange, request)
        return str(caught.value)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def line(number: int) -> str:
    return ",".join(f"{value:f}" if index else str(value) for index, value in enumerate(bar(number)))


def lines(*numbers: int) -> list[str]:
    return ["ts_ms,open,high,low,close,volume", *map(line, numbers or range(WHOLE))]


BARS = request_of("bars", WHOLE)


# --- whole and exact ---------------------------------------------------------------------------------------------


def test_every_bar_of_the_span_and_none_beside_it(bench: Bench):
    exchange = HistoryExchange(bars=range(-50, WHOLE + 50))
    assert bench.fetch(exchange, BARS) == lines()
    assert [since for since, _ in exchange.asked] == [T0_MS + page * 100 * MINUTE_MS for page in range(6)]
    assert bench.seen[-1] == (BARS.to_ms, WHOLE)


def test_prices_stay_the_decimals_that_they_were(bench: Bench):
    exchange = HistoryExchange(bars=[0])
    exchange.bars[0][5] = 1e-7  # as ccxt gives a bare number of JSON
    assert bench.fetch(exchange, request_of("bars", 1))[1].endswith(",0.0000001")


def test_a_bar_that_is_still_open_at_the_end_is_left_out(bench: Bench):
    request = FetchRequest("scripted", "SOL/USDC:USDC", "bars", T0_MS, T0_MS + 10 * MINUTE_MS + 59_999, "1m")
    assert bench.fetch(HistoryExchange(bars=range(11)), request) == lines(*range(10))


def test_an_exchange_that_gives_more_than_asked(bench: Bench):
    exchange = HistoryExchange(bars=range(WHOLE))
    exchange.spoil = lambda rows: [bar(-1), *rows, bar(WHOLE + 1), bar(WHOLE + 2)]
    assert bench.fetch(exchange, request_of("bars", 100)) == lines(*range(100))
    assert bench.notes[TOO_EARLY] == 1


def test_rows_that_come_twice_or_out_of_order_within_a_page(bench: Bench):
    exchange = HistoryExchange(bars=range(WHOLE))
    exchange.spoil = lambda rows: [*rows[::-1], *rows[:3]]
    assert bench.fetch(exchange, BARS) == lines()
    assert bench.notes[REPEATED] == 18


def test_pages_that_overlap(bench: Bench):
    exchange = HistoryExchange(bars=range(WHOLE))
    asked = exchange._answer
    exchange._answer = lambda rows, time_of, since, limit: asked(rows, time_of, since - 5 * MINUTE_MS, limit)  # type: ignore[method-assign]
    assert bench.fetch(exchange, BARS) == lines()


def test_bars_that_are_missing_are_told(bench: Bench):
    numbers = [number for number in range(WHOLE) if not 120 <= number < 350 and number not in (0, 1, 599)]
    assert bench.fetch(HistoryExchange(bars=numbers), BARS) == lines(*numbers)
    folder = FetchFolder.find(bench.dest, BARS)
    assert folder is not None
    holes = [((start - T0_MS) // MINUTE_MS, (end - T0_MS) // MINUTE_MS) for start, end in folder.holes(MINUTE_MS)]
    assert holes == [(0, 2), (120, 350), (599, 600)]


def test_a_span_of_which_the_exchange_has_nothing_at_its_beginning(bench: Bench):
    exchange = HistoryExchange(bars=range(450, WHOLE))
    exchange.spoil = lambda rows: [bar(-1), *rows]
    assert bench.fetch(exchange, BARS) == lines(*range(450, WHOLE))
    assert (T0_MS, 10) in exchange.asked, "a second question shows whether the exchange heeds the time"


def test_trades_that_share_a_time_across_two_pages_come_once_each(bench: Bench):
    at = [T0_MS + number // 30 * 1_000 for number in range(1_000)]
    exchange = HistoryExchange(trades=[trade(number, at_ms) for number, at_ms in enumerate(at)])
    found = bench.fetch(exchange, request_of("trades", 1))
    assert [text.split(",")[-1] for text in found[1:]] == [str(number) for number in range(1_000)]
    assert not bench.notes[CUT]


def test_trades_of_one_time_are_in_the_order_of_their_numbers(bench: Bench):
    exchange = HistoryExchange(trades=[trade(number, T0_MS) for number in (10, 9, 11)])
    assert [text.split(",")[-1] for text in bench.fetch(exchange, request_of("trades", 1))[1:]] == ["9", "10", "11"]


def test_more_trades_of_one_time_than_a_page_holds_are_told(bench: Bench):
    exchange = HistoryExchange(trades=[*[trade(number, T0_MS) for number in range(150)], trade(150, T0_MS + 5)])
    assert len(bench.fetch(exchange, request_of("trades", 1))) == 1 + 100 + 1
    assert bench.notes[CUT] == 1


def test_a_quiet_span_between_trades_is_passed_over(bench: Bench):
    exchange = HistoryExchange(trades=[trade(0), trade(1), trade(20_000)])
    asked = exchange._answer
    hour_ms = 3_600_000

    def an_hour_at_most(rows: list[Any], time_of: Callable[[Any], int], since: int, limit: int) -> list[Any]:
        return [row for row in asked(rows, time_of, since, limit) if time_of(row) < since + hour_ms]

    exchange._answer = an_hour_at_most  # type: ignore[method-assign]
    found = bench.fetch(exchange, request_of("trades", 600))
    assert [text.split(",")[-1] for text in found[1:]] == ["0", "1", "20000"]


def test_sizes_in_contracts_become_base_currency(bench: Bench):
    exchange = HistoryExchange(trades=[trade(4)])
    exchange.market["contractSize"] = "0.001"
    assert bench.fetch(exchange, request_of("trades", 1))[1].split(",")[3] == "0.0005"


def test_funding_rates(bench: Bench):
    found = bench.fetch(HistoryExchange(rates=range(-3, 400)), request_of("funding", 8 * 60 * 300))
    assert len(found) == 1 + 300
    assert found[:2] == ["ts_ms,funding_rate", f"{T0_MS},-0.0002"]


@settings(max_examples=60)
@given(
    steps_ms=st.lists(st.integers(0, 9_000), min_size=1, max_size=120),
    page=st.integers(8, 30),
    shuffle=st.randoms(use_true_random=False),
    faults=st.sets(st.integers(1, 30), max_size=6),
)
def test_whatever_the_pages_every_trade_comes_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps_ms: list[int], page: int, shuffle: Random, faults: set[int]
):
    at_ms = [T0_MS + total for total in accumulate(steps_ms)]
    assume(max(Counter(at_ms).values()) < page)
    trades = [trade(number, each) for number, each in enumerate(at_ms)]
    exchange = HistoryExchange(trades=trades, page=page)
    exchange.faults = dict.fromkeys(faults, CUT_OFF)

    def spoil(rows: list[Any]) -> list[Any]:
        rows = [*rows, *shuffle.sample(rows, min(3, len(rows)))]
        shuffle.shuffle(rows)
        return rows

    exchange.spoil = spoil
    found = Bench(tmp_path_factory.mktemp("fetched")).fetch(exchange, request_of("trades", 30))
    assert [text.split(",")[-1] for text in found[1:]] == [str(number) for number in range(len(trades))]


# --- faults that pass --------------------------------------------------------------------------------------------


def test_a_rate_limit_is_waited_out_for_longer_than_a_broken_connection(tmp_path: Path):
    waited_s = []
    for name, first, second in (("cut", CUT_OFF, ccxt.RequestTimeout("slow")), ("slow", TOO_OFTEN, ATTACK)):
        bench = Bench(tmp_path, name)
        exchange = HistoryExchange(bars=range(WHOLE))
        exchange.faults = {2: first, 4: second}
        assert bench.fetch(exchange, BARS) == lines()
        waited_s.append(bench.waited_s)
        assert len(bench.troubles) == 2
    assert waited_s[1] > 10 * waited_s[0] > 0
    assert "was asked too often" in bench.troubles[0]


def test_faults_in_a_row_are_waited_out_a_bounded_number_of_times(bench: Bench):
    exchange = HistoryExchange(bars=range(WHOLE))
    exchange.faults = dict.fromkeys(range(3, 3 + MOST_FAILURES), CUT_OFF)
    assert f"scripted has failed {MOST_FAILURES} times in a row" in bench.refused(exchange, BARS)
    assert bench.seen == [(T0_MS + 100 * MINUTE_MS, 100), (T0_MS + 200 * MINUTE_MS, 200)], "what was fetched is kept"
    assert bench.fetch(exchange, BARS) == lines()


def test_a_refusal_is_final_at_once(bench: Bench):
    exchange = HistoryExchange(bars=range(WHOLE))
    exchange.faults = {2: ccxt.BadRequest('{"msg":"limit too large"}')}
    assert "limit too large" in bench.refused(exchange, BARS)
    assert len(exchange.asked) == 2


# --- interrupted and gone on with --------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("page", range(1, 8))
def test_a_fetch_that_was_killed_goes_on_and_ends_with_the_same_bytes(bench: Bench, tmp_path: Path, page: int):
    def kill() -> None:
        if len(exchange.asked) == page:
            raise Killed

    untouched = Bench(tmp_path, "untouched")
    request = request_of("trades", 10)
    trades = [trade(number, T0_MS + number // 7 * 1_000) for number in range(650)]
    expected = untouched.fetch(HistoryExchange(trades=trades), request)
    exchange = HistoryExchange(trades=trades)
    exchange.before_answer = kill
    with pytest.raises(Killed):
        bench.fetch(exchange, request)
    asked = len(exchange.asked)
    exchange.before_answer = lambda: None
    assert bench.fetch(exchange, request) == expected
    assert len(exchange.asked) <= 8 + 2, f"pages before number {asked} are not asked for once more"


def test_a_page_that_was_written_but_not_counted_is_written_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    exchange = HistoryExchange(bars=range(WHOLE))
    keep = FetchFolder._keep_state
    states = iter(range(100))

    def die(folder: FetchFolder) -> None:
        if next(states) == 3:
            raise Killed
        keep(folder)

    monkeypatch.setattr(FetchFolder, "_keep_state", die)
    with pytest.raises(Killed):
        bench.fetch(exchange, BARS)
    assert (folder_of(bench.dest) / "page-000003.csv").exists()
    assert bench.fetch(exchange, BARS) == lines()


def test_another_request_for_the_same_destination_is_refused(bench: Bench):
    exchange = HistoryExchange(bars=range(WHOLE))
    bench.fetch(exchange, BARS)
    said = bench.refused(exchange, request_of("bars", WHOLE - 1))
    assert "holds another fetch, of 1m bars of SOL/USDC:USDC on scripted, 2026-01-05 00:00:00 to" in said


def test_steps_that_have_changed_meanwhile_are_refused(bench: Bench):
    exchange = HistoryExchange(bars=range(WHOLE))
    exchange.faults = {2: ccxt.BadRequest("no")}
    bench.refused(exchange, BARS)
    exchange.market["precision"] = {"price": "0.001", "amount": "0.1"}
    assert "the steps of SOL_USDC_PERP have changed" in bench.refused(exchange, BARS)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("fetch.json", b"{", "fetch.json is damaged"),
        ("fetch.json", None, "exists and is no fetch"),
        ("page-000002.csv", None, "page-000002.csv is missing or damaged"),
        ("page-000002.csv", b"12,1\n", "page-000002.csv, row 0: time runs backwards"),
        ("page-000002.csv", b"x,1\n", "page-000002.csv is missing or damaged"),
    ],
)
def test_a_damaged_folder(bench: Bench, name: str, content: bytes | None, sentence: str):
    exchange = HistoryExchange(bars=range(WHOLE))
    bench.fetch(exchange, BARS)
    file = folder_of(bench.dest) / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    assert sentence in bench.refused(exchange, BARS)


# --- what an exchange cannot do, and what cannot be true ----------------------------------------------------------


@pytest.mark.parametrize("is_filtered", [False, True])
def test_an_exchange_that_does_not_heed_the_time_is_an_error_and_no_endless_loop(bench: Bench, is_filtered: bool):
    newest = range(WHOLE, WHOLE + 300) if is_filtered else range(-300, -1)
    exchange = HistoryExchange(bars=newest)
    exchange.heeds_time = False
    said = bench.refused(exchange, request_of("bars", WHOLE + 400))
    assert ("gives its newest bars whatever is asked" if is_filtered else "does not heed the time") in said
    assert len(exchange.asked) <= 2


def _spoilt(**changes: Any) -> Callable[[list[Any]], list[Any]]:
    def spoil(rows: list[Any]) -> list[Any]:
        names = ("ts", "open", "high", "low", "close", "volume")
        changed = [changes.get(name, value) for name, value in zip(names, rows[1], strict=True)]
        return [rows[0], changed, *rows[2:]]

    return spoil


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_spoilt(low=-1), "the bar of 2026-01-05 00:01:00 UTC that scripted gives is impossible"),
        (_spoilt(high=1), "is impossible"),
        (_spoilt(volume=-1), "is impossible"),
        (_spoilt(close=float("nan")), "gives 'NaN' as a number at 2026-01-05 00:01:00 UTC"),
        (_spoilt(ts=T0_MS + 61_000), "a bar that begins at 1767571261000 ms, no multiple of 1m"),
        (_spoilt(ts=T0_MS), "gives two bars for 2026-01-05 00:00:00 UTC that differ"),
    ],
)
def test_bars_that_cannot_be(bench: Bench, spoil: Callable[[list[Any]], list[Any]], sentence: str):
    exchange = HistoryExchange(bars=range(WHOLE))
    exchange.spoil = spoil
    assert sentence in bench.refused(exchange, BARS)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"side": None}, "does not tell who took in the trade of 2026-01-05 00:00:01 UTC"),
        ({"price": 0}, "the trade of 2026-01-05 00:00:01 UTC that scripted gives is impossible (0.2 at 0)"),
        ({"amount": -1}, "is impossible (-1 at"),
    ],
)
def test_trades_that_cannot_be(bench: Bench, change: dict[str, Any], sentence: str):
    assert sentence in bench.refused(HistoryExchange(trades=[trade(0), trade(1, **change)]), request_of("trades", 1))


def test_a_funding_rate_that_cannot_be(bench: Bench):
    exchange = HistoryExchange(rates=[0])
    exchange.rates[0]["fundingRate"] = "1.5"
    assert "the funding rate of 2026-01-05 00:00:00 UTC" in bench.refused(exchange, request_of("funding", 600))


def test_an_answer_that_cannot_be_read_is_asked_for_again(bench: Bench):
    exchange = HistoryExchange(bars=range(WHOLE))
    exchange.faults = {1: KeyError("data")}
    assert bench.fetch(exchange, BARS) == lines()


@pytest.mark.parametrize(
    ("change", "request_", "error", "sentence"),
    [
        ({"has": {"fetchOHLCV": "emulated"}}, BARS, InvalidSettingError, "--kind bars: scripted has no such history"),
        (
            {"timeframes": {"5m": "5m", "1M": "1M"}},
            BARS,
            InvalidSettingError,
            "no such bars of a day at most; it has 5m",
        ),
        ({}, request_of("bars", 1, symbol="SOLUSDC"), UnknownNameError, "did you mean SOL/USDC:USDC?"),
    ],
)
def test_what_is_not_there(
    bench: Bench, change: dict[str, Any], request_: FetchRequest, error: type[Exception], sentence: str
):
    exchange = HistoryExchange(bars=range(WHOLE))
    for name, value in change.items():
        setattr(exchange, name, value)
    with pytest.raises(error, match=sentence.replace("?", r"\?")):
        bench.fetch(exchange, request_)


def test_a_destination_that_cannot_be_written(bench: Bench):
    bench.dest = bench.dest.parent / "missing" / "out"
    with pytest.raises(RecordingError, match="cannot be written"):
        bench.fetch(HistoryExchange(bars=range(3)), BARS)
