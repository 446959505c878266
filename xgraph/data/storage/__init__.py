"""Where files lie: the cache and its root, downloads, mirrors, packed arrays, work in parallel."""
