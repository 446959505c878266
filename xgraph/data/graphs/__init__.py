"""Graphs of one's own whose nodes have labels: tables of nodes and edges, npz, GraphML, and saved objects of PyG."""
