"""Cards: what is known of a registered data set, its files, their checksums and sources."""
