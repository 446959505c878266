"""`python -m xgraph` is the `xgraph` command."""

import sys

from xgraph.cli import main

if __name__ == "__main__":
    sys.exit(main())
