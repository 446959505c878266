"""Storage of graphs and features: device, pinned, host or mmap."""
