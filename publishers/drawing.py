"""Boxes drawn so that a person can judge them: colour by class, a legible name and track, ignore regions hatched."""

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from schemas.tables import IGNORE

# Distinct on bright and on dark footage, in neighbouring pairs, and to colour-blind eyes as far as ten hues can be.
PALETTE = (
    *("#ff5a5f", "#00b4d8", "#ffb703", "#8ac926", "#b388eb", "#ff8fab"),
    *("#2ec4b6", "#f3722c", "#4d96ff", "#d4e157"),
)
IGNORE_COLOUR = "#e8e8e8"

Corners = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of a picture."""

_LINE = 2
_FONT_SIZE = 13
_PADDING = 3


def class_colour(class_names: Sequence[str], name: str) -> str:
    """The colour of a class, by its index: the same in every picture of a dataset."""
    return PALETTE[list(class_names).index(name) % len(PALETTE)] if name in class_names else IGNORE_COLOUR


def draw_objects(
    image: Image.Image, objects: Sequence[Mapping[str, Any]], class_names: Sequence[str], scale: float = 1.0
) -> Image.Image:
    """A copy of ``image`` with ``objects`` (records of OBJECT, in pixels of the clip) drawn over it.

    ``scale`` is pixels of ``image`` for one pixel of the clip. Large boxes are drawn first, names last.
    """
    canvas = image.convert("RGBA")
    overlay = Image.new("RGBA", canvas.size)
    draw = ImageDraw.Draw(overlay)
    by_size = sorted(objects, key=lambda one: -one["w"] * one["h"])
    corners = [_corners(one, scale, canvas.size) for one in by_size]
    for one, box in zip(by_size, corners, strict=True):
        if one["verdict"] == IGNORE:
            _draw_ignore_region(overlay, box)
        else:
            _draw_outline(draw, box, class_colour(class_names, one["class_name"]))
    taken: list[Corners] = []
    for one, box in zip(reversed(by_size), reversed(corners), strict=True):
        ignored = one["verdict"] == IGNORE
        text = f"{one['class_name']}?" if ignored else f"{one['class_name']} {one['track']}"
        colour = IGNORE_COLOUR if ignored else class_colour(class_names, one["class_name"])
        place = _place_name(box, draw.textlength(text, font=text_font()), canvas.size, taken)
        taken.append(place)
        draw.rectangle(place, fill=colour)
        draw.text((place[0] + _PADDING, place[1] + _PADDING - 2), text, fill="#101010", font=text_font())
    return Image.alpha_composite(canvas, overlay).convert("RGB")


def text_font(size: int = _FONT_SIZE) -> Any:
    """A font that comes with Pillow, so that pictures look the same on every machine."""
    return ImageFont.load_default(size)


def _corners(one: Mapping[str, Any], scale: float, size: tuple[int, int]) -> Corners:
    right, bottom = size[0] - 1, size[1] - 1
    left, top = min(one["x"] * scale, right), min(one["y"] * scale, bottom)
    return (
        left,
        top,
        max(left, min((one["x"] + one["w"]) * scale, right)),
        max(top, min((one["y"] + one["h"]) * scale, bottom)),
    )


def _draw_outline(draw: ImageDraw.ImageDraw, box: Corners, colour: str) -> None:
    left, top, right, bottom = box
    # A thin dark rim keeps the line visible on footage of its own colour.
    draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=(0, 0, 0, 110), width=_LINE + 2)
    draw.rectangle(box, outline=colour, width=_LINE)


def _draw_ignore_region(overlay: Image.Image, box: Corners, gap: int = 9) -> None:
    left, top, right, bottom = (round(side) for side in box)
    patch = Image.new("RGBA", (max(right - left, 1), max(bottom - top, 1)), (20, 20, 20, 60))
    draw = ImageDraw.Draw(patch)
    width, height = patch.size
    for start in range(-height, width, gap):
        draw.line((start, height, start + height, 0), fill=(240, 240, 240, 120), width=1)
    overlay.alpha_composite(patch, (max(left, 0), max(top, 0)))
    draw = ImageDraw.Draw(overlay)
    dash = 6
    for x in range(left, right, 2 * dash):
        for y in (top, bottom):
            draw.line((x, y, min(x + dash, right), y), fill=IGNORE_COLOUR, width=_LINE)
    for y in range(top, bottom, 2 * dash):
        for x in (left, right):
            draw.line((x, y, x, min(y + dash, bottom)), fill=IGNORE_COLOUR, width=_LINE)


def _place_name(box: Corners, text_width: float, size: tuple[int, int], taken: Sequence[Corners]) -> Corners:
    """Where a name hides least: above its box, below it, or inside; not over another name, if that can be."""
    width, height = text_width + 2 * _PADDING, _FONT_SIZE + 2 * _PADDING - 1
    left = max(0.0, min(box[0] - 1, size[0] - width))
    places = [(left, top, left + width, top + height) for top in (box[1] - height, box[3] + 1, box[1] + 1)]
    inside = [place for place in places if place[1] >= 0 and place[3] <= size[1]] or [places[2]]
    return next((one for one in inside if not any(_overlap(one, other) for other in taken)), inside[0])


def _overlap(one: Corners, other: Corners) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
