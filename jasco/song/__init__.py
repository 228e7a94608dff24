"""Songs of any length, and edits of takes.

A song longer than the training clips is generated in overlapping windows whose velocities are
blended. Edits, continuations and variations keep frames of a recording on their path.
"""
