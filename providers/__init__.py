"""The clouds, one folder each: the only rooms that know one.

``registry`` lists them. No provider imports another.
"""
