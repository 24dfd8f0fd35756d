"""Limits below which a true object is called difficult.

Such an object is stored, and neither asked of a detector nor held against one.
"""

MIN_VISIBILITY = 0.25
"""Least visible share of an object's whole silhouette, 0..1; Pascal VOC's `difficult` begins below it."""

MIN_SIDE_PX = 6.0
"""Least width and least height of an object's visible box, in pixels of the clip."""
