"""`python -m ovo_ptp` is the program `ovo-ptp`."""

import sys

from ovo_ptp.cli import main

sys.exit(main())
