"""Scripts that measure one library each; they also run in the environments of other libraries."""
