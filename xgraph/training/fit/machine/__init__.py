"""What training computes with: threads of the CPU, and the precision of numbers."""
