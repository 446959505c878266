"""Draws the pictures of the results pages: ``python docs/plots.py DIR``; see `results_pages.plots.pictures`."""

from results_pages.plots.pictures import main

if __name__ == "__main__":
    main()
