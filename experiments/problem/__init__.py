"""What is trained: rows, splits, streams of random numbers, replicas, records and measures."""
