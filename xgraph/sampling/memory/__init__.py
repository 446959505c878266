"""Where graphs and features lie while batches are made: device, pinned, host or mmap."""
