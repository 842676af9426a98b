#!/bin/sh
# A live run from its start to a flat end, on the testnet: no account, no money, no network. Half a minute or so.
#
#     sh examples/testnet.sh
#
# What it does not clean up by itself it leaves in a folder of /tmp; your own journal is not touched.
set -eu

home=$(mktemp -d)
export XDG_DATA_HOME="$home" PYTHONUNBUFFERED=1
cd "$home"

perpmaker testnet --port 0 --speed 10 >testnet.log &
testnet=$!
trap 'kill $testnet 2>/dev/null || true' EXIT
until grep -q '^Ctrl-C' testnet.log; do
  kill -0 $testnet
  sleep 0.2
done

# The addresses and the keys, as it printed them.
rest=$(sed -n 's/^REST *//p' testnet.log)
websocket=$(sed -n 's/^websocket *//p' testnet.log)
eval "$(sed -n 's/^ *export /export /p' testnet.log)"

perpmaker run --exchange backpack --live --base-url "$rest" --ws-url "$websocket" --spread 2bp --quantity 0.1 \
  --max-orders 2 --max-position 1 --position-threshold 0.2 --inventory-skew 0.5 --interval 1 --max-loss 5 \
  --duration 10 --view lines

perpmaker close --yes
perpmaker status
