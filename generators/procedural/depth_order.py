"""Painter's order of things that stand on the ground, by their footprints."""

import numpy as np

from generators.procedural.arrays import Floats


def footprint_corners(x: Floats, y: Floats, heading: Floats, length: Floats, width: Floats) -> Floats:
    """Corners (N, 4, 2) of N rectangles, counter-clockwise."""
    cos, sin = np.cos(heading), np.sin(heading)
    along = np.array([0.5, -0.5, -0.5, 0.5])[None] * length[:, None]
    aside = np.array([0.5, 0.5, -0.5, -0.5])[None] * width[:, None]
    return np.stack(
        [
            x[:, None] + along * cos[:, None] - aside * sin[:, None],
            y[:, None] + along * sin[:, None] + aside * cos[:, None],
        ],
        axis=2,
    )


def order_by_depth(corners: Floats, eye: Floats) -> list[int]:
    """Indexes from the farthest to the nearest, as seen from `eye` (2,).

    Of two rectangles, the one that lies beyond an edge of the other, on the eye's side of that edge, is in front; one
    beyond an edge whose other side holds the eye is behind. Where this says nothing (overlapping footprints) distance
    decides.
    """
    count = len(corners)
    following = np.roll(corners, -1, axis=1)
    edge = following - corners
    outward = np.stack([edge[..., 1], -edge[..., 0]], axis=-1)
    length = np.maximum(np.sqrt((outward**2).sum(axis=-1, keepdims=True)), 1e-9)
    outward = outward / length
    offset = (outward * corners).sum(axis=-1)
    # The corner order is counter-clockwise, so (dy, -dx) points outwards.
    eye_outside = (outward @ eye - offset) > 0
    beyond = (np.einsum("bkc,anc->bkan", outward, corners) - offset[..., None, None]).min(axis=-1) > -0.05
    in_front = (beyond & eye_outside[..., None]).any(axis=1).T  # [a, b]: a is in front of b
    behind = (beyond & ~eye_outside[..., None]).any(axis=1).T
    must_follow = (in_front | behind.T) & ~(in_front.T | behind)
    np.fill_diagonal(must_follow, False)
    distance = np.sqrt(((corners.mean(axis=1) - eye) ** 2).sum(axis=-1))
    remaining = np.argsort(-distance, kind="stable").tolist()
    blockers = must_follow.sum(axis=1).tolist()
    order: list[int] = []
    while remaining:
        # A cycle of claims is broken by distance.
        chosen = next((index for index in remaining if blockers[index] <= 0), remaining[0])
        remaining.remove(chosen)
        order.append(chosen)
        if count > 1:
            for index in remaining:
                if must_follow[index, chosen]:
                    blockers[index] -= 1
    return order
