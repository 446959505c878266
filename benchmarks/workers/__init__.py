"""The processes that answer for one library: scripts, as they also run in the environments of the peers."""
