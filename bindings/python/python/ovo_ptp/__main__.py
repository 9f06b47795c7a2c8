"""`python -m ovo_ptp` is the program `ovo-ptp`."""

import sys

from ovo_ptp.cli import main

if __name__ == "__main__":
    sys.exit(main())
