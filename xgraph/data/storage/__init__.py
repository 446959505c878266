"""Storage: the data root and its cache, downloads, mirrors, memory-mapped arrays and parallel processing."""
