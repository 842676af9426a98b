"""Files of latencies and fee tiers: what is read, and what is refused with file and row."""

from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perpmaker.data.terms_files import LatencyFile, read_fee_tiers
from perpmaker.domain.errors import InvalidSettingError
from perpmaker.domain.instrument import Instrument
from perpmaker.simulation.fee_tiers import FeeTier

INSTRUMENT = Instrument("TEST", "T", "USD", Decimal("0.01"), Decimal("0.1"), Decimal("0.1"))


def test_a_series_is_the_same_from_csv_and_parquet(tmp_path):
    (tmp_path / "a.csv").write_text("latency_ns,ts_ns\n5,100\n7,200\n")
    pq.write_table(pa.table({"ts_ns": [100, 200], "latency_ns": [5, 7]}), tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        series = LatencyFile(tmp_path / name).read()
        assert (series.ts_ns, series.latency_ns) == ((100, 200), (5, 7))


def test_fee_tiers_are_exact(tmp_path):
    path = tmp_path / "tiers.csv"
    path.write_text("from_notional,maker_fee,taker_fee\n1000,0.0001,0.0004\n\n50000.5,-0.00005,0.0003\n")
    assert read_fee_tiers(path, INSTRUMENT) == (
        FeeTier(INSTRUMENT.money_to_quanta(Decimal(1000)), 100_000, 400_000),
        FeeTier(INSTRUMENT.money_to_quanta(Decimal("50000.5")), -50_000, 300_000),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ts_ns,latency\n1,2\n", "no column latency_ns"),
        ("ts_ns,latency_ns\n1,2\n2,x\n", r"row 3: 'x'"),
        ("ts_ns,latency_ns\n1\n", "row 2 has 1 cells"),
        ("ts_ns,latency_ns\n", "needs rows"),
    ],
)
def test_a_series_that_is_none_is_refused_with_its_row(tmp_path, text, words):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(InvalidSettingError, match=words):
        LatencyFile(path).read()


@pytest.mark.parametrize("row", ["x,0.1,0.1", "1000,0.00000000001,0.1", "nan,0.1,0.1"])
def test_a_tier_that_is_none_is_refused_with_its_row(tmp_path, row):
    path = tmp_path / "tiers.csv"
    path.write_text(f"from_notional,maker_fee,taker_fee\n{row}\n")
    with pytest.raises(InvalidSettingError, match="row 2"):
        read_fee_tiers(path, INSTRUMENT)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    for name in ("none.csv", "none.parquet"):
        with pytest.raises(InvalidSettingError, match="cannot be read"):
            LatencyFile(tmp_path / name).read()
