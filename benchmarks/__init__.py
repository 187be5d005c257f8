"""Side-by-side timings of the stacked engine against what one would use instead: `python -m benchmarks`.

`work` says what is trained, `contestants` train it, `worker` is what the fresh process of each does, `jobs`
starts these processes in turns, `plan` lists them and `show` prints what they found.
"""
