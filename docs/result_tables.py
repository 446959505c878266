"""Fills in and checks the results pages: ``python docs/result_tables.py [--check]``; see `results_pages.pages`."""

import sys

from results_pages.pages import main

if __name__ == "__main__":
    sys.exit(main())
