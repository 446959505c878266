"""Neighbour sampling itself: in numba on the CPU, in torch on a GPU, with Triton kernels there."""
