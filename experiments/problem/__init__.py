"""What is trained, in NumPy alone: rows, splits, streams of random numbers, replicas, records and measures.

No framework is imported here: the first weights of a trunk come from the engine's side (`problem.Trunk`).
"""
