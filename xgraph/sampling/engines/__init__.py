"""Engines that sample neighbours: numba on the CPU, torch with Triton kernels on a GPU."""
