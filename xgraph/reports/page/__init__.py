"""The page: the blocks that a report is made of, and the template that shows them."""
