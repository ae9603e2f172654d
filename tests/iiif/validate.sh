#!/usr/bin/env bash
# The IIIF Image API validator of PyPI (`iiif-validator`; ./deploy/local/test installs it and puts it on the path).
#
#   validate.sh reference      writes its reference image, 10 x 10 squares of colours that it knows, to standard output
#   validate.sh run BASE ID VERSION   asks BASE/ID, which speaks 2.0 or 3.0, everything that the validator knows, also what
#                                     is optional; prints a line for each test that finds a fault, and at last how many it ran
set -euo pipefail
python=$(command -v python3)
program=$(command -v iiif-validate.py) || { echo "no iiif-validate.py: run ./deploy/local/test" >&2 && exit 99; }

case ${1:-} in
  reference)
    "$python" - <<'PYTHON'
import contextlib
import sys
from PIL import Image

# It talks while it is imported.
with contextlib.redirect_stdout(sys.stderr):
    from iiif_validator.validator import ValidationInfo

colours = ValidationInfo().colorInfo
image = Image.new("RGB", (1000, 1000))
for x, column in enumerate(colours):
    for y, colour in enumerate(column):
        image.paste(tuple(colour), (x * 100, y * 100, x * 100 + 100, y * 100 + 100))
image.save(sys.stdout.buffer, "PNG")
PYTHON
    ;;
  run)
    url=${2#*://} server=${2#*://}
    server=${server%%/*}
    # Its exit status is the number of faults.
    "$python" "$program" --scheme="${2%%://*}" --server="$server" --prefix="${url#"$server"/}" \
      --identifier="$3" --version="$4" --level=3 2>&1 | sed -nE 's/^\[[0-9]+\] test ([a-z_0-9]+) FAIL.*/\1/p; s/^Done \(([0-9]+) tests.*/\1/p' || true
    ;;
  *) sed -n '2,5p' "$0" >&2 && exit 99 ;;
esac
