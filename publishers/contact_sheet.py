"""A grid of labelled frames: the picture that a person looks at before believing any figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image, ImageDraw

from publishers.drawing import draw_objects, text_font
from publishers.image_export import StoredImages, flatten_objects
from publishers.rows import IGNORED, DatasetRows
from schemas.identity import stable_fraction
from schemas.tables import ACCEPT

_TILE_WIDTH = 480
_CAPTION = 24
_GAP = 8
_GOLDEN = (5**0.5 - 1) / 2
_BACKGROUND, _TEXT = "#17181c", "#c9ccd3"


@dataclass(frozen=True)
class ChosenFrame:
    """A frame that stands for its dataset."""

    clip_id: str
    frame: int
    split: str
    objects: Sequence[dict[str, Any]]


def draw_contact_sheet(
    rows: DatasetRows, stored_images: StoredImages, *, stride: int, tiles: int = 12, columns: int = 3
) -> Image.Image | None:
    """Draw up to ``tiles`` frames with their boxes; None when the dataset shows no object.

    Args:
        rows: the dataset.
        stored_images: images of every ``stride``-th frame.
        stride: as above.
        tiles: at most so many frames.
        columns: frames in a row.
    """
    chosen = choose_frames(rows, stride=stride, count=tiles)
    if not chosen:
        return None
    captions = _captions(rows, [one.clip_id for one in chosen])
    pictures = [_draw_tile(one, rows.class_names, stored_images, captions[one.clip_id]) for one in chosen]
    columns = min(columns, len(pictures))
    cell = (_TILE_WIDTH + _GAP, max(picture.height for picture in pictures) + _GAP)
    grid = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * cell[0] + _GAP, grid * cell[1] + _GAP), _BACKGROUND)
    for place, picture in enumerate(pictures):
        sheet.paste(picture, (_GAP + place % columns * cell[0], _GAP + place // columns * cell[1]))
    return sheet


def choose_frames(rows: DatasetRows, *, stride: int, count: int) -> list[ChosenFrame]:
    """Up to ``count`` frames with objects: every class and an ignore region if there is one, then other clips.

    The choice depends on the rows alone. From each clip at first only one frame is taken: one with many labels.
    """
    candidates = rows.frames.filter(pa.array(rows.frames["frame"].to_numpy() % stride == 0))
    objects = flatten_objects(candidates)
    row = objects["row"].to_numpy()
    is_label = pc.equal(objects["verdict"], ACCEPT).to_numpy()
    labels = np.bincount(row[is_label], minlength=len(candidates))
    shown = np.bincount(row, minlength=len(candidates))
    clips = candidates["clip_id"].combine_chunks().dictionary_encode()
    clip = clips.indices.to_numpy()
    ranks = np.array([stable_fraction(name) for name in clips.dictionary.to_pylist()])
    # A step by the golden ratio spreads the frames of a clip, and so those of all clips, evenly.
    rank = (ranks[clip] + candidates["frame"].to_numpy() * _GOLDEN) % 1 if len(clip) else np.empty(0)
    order = np.lexsort((rank, -labels))
    order = order[shown[order] > 0]
    picked = _pick(order.tolist(), clip, _groups(candidates, objects, rows.class_names), count)
    picked.sort()
    return [
        ChosenFrame(one["clip_id"], one["frame"], one["split"], one["objects"])
        for one in candidates.take(pa.array(picked, pa.int64())).to_pylist()
    ]


def _groups(frames: pa.Table, objects: pa.Table, class_names: Sequence[str]) -> list[np.ndarray]:
    """Frames that show each class, rarest first, and frames with an ignore region; bool, one a frame."""
    names, row = objects["class_name"], objects["row"].to_numpy()
    is_label = pc.equal(objects["verdict"], ACCEPT).to_numpy()
    by_class = [
        np.bincount(row[is_label & pc.equal(names, name).to_numpy()], minlength=len(frames)) > 0 for name in class_names
    ]
    ignored = pc.equal(frames["use"].cast(pa.string()), IGNORED).to_numpy()
    return [*sorted((group for group in by_class if group.any()), key=lambda group: int(group.sum())), ignored]


def _pick(order: Sequence[int], clip: np.ndarray, groups: Sequence[np.ndarray], count: int) -> list[int]:
    """At most ``count`` of ``order``: one of each group, then of clips that have none yet, then from all over it."""
    picked: list[int] = []
    used: set[int] = set()

    def take(at: int) -> None:
        picked.append(at)
        used.add(int(clip[at]))

    for group in groups:
        if len(picked) < count and not group[picked].any():
            members = [at for at in order if group[at]]
            if members:
                take(next((at for at in members if clip[at] not in used), members[0]))
    spread = order[:: max(1, len(order) // (3 * count))]
    fresh = (at for at in order if clip[at] not in used)
    for at in chain(fresh, (at for at in (*spread, *order) if at not in picked)):
        if len(picked) == count:
            break
        take(at)
    return picked


def _captions(rows: DatasetRows, clip_ids: Sequence[str]) -> dict[str, str]:
    shown = rows.clips.filter(pc.is_in(rows.clips["clip_id"], value_set=pa.array(clip_ids)))
    columns = (shown[name].to_pylist() for name in ("clip_id", "attributes", "source_name"))
    texts = {}
    for clip, attributes, source in zip(*columns, strict=True):
        about = [source] if source else [value for _, value in attributes]
        texts[clip] = " · ".join(about)
    return texts


def _draw_tile(one: ChosenFrame, class_names: Sequence[str], stored_images: StoredImages, about: str) -> Image.Image:
    with Image.open(stored_images(one.clip_id)[one.frame]) as file:
        picture = file.convert("RGB")
    scale = _TILE_WIDTH / picture.width
    picture = picture.resize((_TILE_WIDTH, round(picture.height * scale)), Image.Resampling.LANCZOS)
    tile = Image.new("RGB", (_TILE_WIDTH, picture.height + _CAPTION), _BACKGROUND)
    tile.paste(draw_objects(picture, one.objects, class_names, scale))
    draw = ImageDraw.Draw(tile)
    place = f"{one.split} · {one.clip_id[:8]} · frame {one.frame}"
    font = text_font(13)
    room = _TILE_WIDTH - draw.textlength(place, font=font) - 16
    draw.text((0, picture.height + 5), _shorten(draw, about, room, font), fill=_TEXT, font=font)
    draw.text((_TILE_WIDTH, picture.height + 5), place, fill=_TEXT, font=font, anchor="ra")
    return tile


def _shorten(draw: ImageDraw.ImageDraw, text: str, room: float, font: Any) -> str:
    if draw.textlength(text, font=font) <= room:
        return text
    while text and draw.textlength(f"{text}…", font=font) > room:
        text = text[:-1]
    return f"{text.rstrip(' ·')}…"
