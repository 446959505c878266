"""Contrastive losses on embeddings."""
