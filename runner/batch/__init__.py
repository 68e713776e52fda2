"""Many pictures from one prompt: a table of rows in, pictures and a table of results out; never imported by the pack.

What runs here needs the standard library only. A reader of Parquet and of object stores is used where it is there, and
the engine for many hosts has an environment of its own.
"""
