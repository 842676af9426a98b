#!/usr/bin/env bash
# Makes docs/skew.md and docs/settings.md from every recording of a folder laid out like ../shared/data: imports them
# beside, measures, cleans up.
# Usage: benchmarks/studies.sh [FOLDER [PAGES]]
set -euo pipefail
cd "$(dirname "$0")/.."
raw=${1:-../shared/data}
pages=${2:-docs}
perpmaker=.venv/bin/perpmaker
into=$(mktemp -d)
trap 'rm -rf "$into"' EXIT

import() { "$perpmaker" data import --from "$@"; }
import binance "$raw"/binance_usdm_raw/usdm_btcusdt_2023* "$into/btc-2023"
import binance "$raw"/binance_usdm_raw/usdm_btcusdt_2024* "$into/btc-2024"
import binance "$raw"/binance_usdm_raw/usdm_ethusdt_2024* "$into/eth-2024"
import binance "$raw"/binance_spot_nexo_raw "$into/nexo"
import standx "$raw"/standx_btc_perp "$into/standx"
import hyperliquid "$raw"/hyperliquid_eth_perp "$into/hyperliquid"
for symbol in BTCUSDT ETHUSDT SOLUSDT; do
  # SOL has moved in steps of 0.001 for some of the time.
  step=(); if [ "$symbol" = SOLUSDT ]; then step=(--tick-size 0.001); fi
  bars=$raw/binance_perp_klines/$symbol
  import ohlcv --symbol "$symbol" --funding "${bars}_funding_8h.parquet" "${step[@]}" "${bars}_1m.parquet" "$into/bars-$symbol"
done
"$perpmaker" study skew --data "$into" --out "$pages/skew.md"
"$perpmaker" study settings --data "$into" --out "$pages/settings.md"
