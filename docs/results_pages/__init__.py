"""Tables, figures and pictures of the results pages, made from ``benchmarks/results/*.json``.

`data` reads the files, `formats` writes numbers and tables, `gains` and `comparisons` pair trainings; each results page
has a module of its own and, for its pictures, one in `plots`. `pages` fills in and checks the pages. A new module of a
page joins `pages.MODULES`, a new picture `plots.pictures.PICTURES`.
"""
