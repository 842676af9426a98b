#!/bin/sh
# Does skew help? The same hour with and without it, side by side. A few seconds.
#
#     sh examples/compare.sh
set -eu

examples=$(cd "$(dirname "$0")" && pwd)
home=$(mktemp -d)
export XDG_DATA_HOME="$home"

for skew in 0 0.5; do
  perpmaker backtest --data synthetic --seed 7 --duration 3600 --spread 5bp --quantity 0.1 --max-position 2 \
    --interval 10 --inventory-skew $skew --view none
done

# The journal has two runs now; their names are the first words of what results.py prints.
python "$examples/results.py" | cut -d' ' -f1 | xargs perpmaker compare
