"""The Arrow tables: one schema for each kind of row, every field with its meaning in its metadata.

Boxes are absolute pixels, top-left x, y, width, height, float32, of the visible part, clipped to the frame. Frame
indexes count from 0. Class names are plain strings, dictionary-encoded.
"""

from collections.abc import Mapping

import pyarrow as pa

from schemas.errors import StoreError
from schemas.version import SCHEMA_VERSION, check_schema_version

NAME = pa.dictionary(pa.int32(), pa.string())
ATTRIBUTES = pa.map_(pa.string(), pa.string())
COUNTS = pa.map_(pa.string(), pa.int32())

# Marks of a box: seen by the detector, filled in between two sightings, told by the renderer, carried from a source.
SOURCES = ("detected", "interpolated", "truth", "carried")
# The three verdicts on a box, and the two on a clip.
ACCEPT, IGNORE, NOTHING = "accept", "ignore", "nothing"
ACCEPTED, REJECTED = "accepted", "rejected"


def _field(name: str, kind: pa.DataType, doc: str, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"doc": doc})


def _schema(name: str, *columns: pa.Field) -> pa.Schema:
    return pa.schema(columns, metadata={"framefoundry.table": name, "framefoundry.schema_version": str(SCHEMA_VERSION)})


_BOX = (
    _field("x", pa.float32(), "left edge, pixels"),
    _field("y", pa.float32(), "top edge, pixels"),
    _field("w", pa.float32(), "width, pixels"),
    _field("h", pa.float32(), "height, pixels"),
)

DETECTIONS = _schema(
    "detections",
    _field("frame", pa.int32(), "frame index, from 0"),
    _field("class_name", NAME, "the detector's class"),
    *_BOX,
    _field("score", pa.float32(), "the detector's own score, down to the score floor"),
)

TRACKS = _schema(
    "tracks",
    _field("frame", pa.int32(), "frame index, from 0"),
    _field("track", pa.int32(), "track id, from 1; shared by the segments of one source"),
    _field("class_name", NAME, "class of the whole track"),
    *_BOX,
    _field("score", pa.float32(), "the detector's score of this box; null where interpolated or not detected", True),
    _field("confidence", pa.float32(), "probability that the box is right; until calibrated: its track's support"),
    _field("source", NAME, f"one of {', '.join(SOURCES)}"),
)

TRUTH = _schema(
    "truth",
    _field("frame", pa.int32(), "frame index, from 0"),
    _field("track", pa.int32(), "instance id, from 1"),
    _field("class_name", NAME, "class"),
    *_BOX,
    _field("full_x", pa.float32(), "left edge of the unoccluded silhouette; may leave the frame"),
    _field("full_y", pa.float32(), "top edge of the unoccluded silhouette"),
    _field("full_w", pa.float32(), "width of the unoccluded silhouette"),
    _field("full_h", pa.float32(), "height of the unoccluded silhouette"),
    _field("visibility", pa.float32(), "visible pixels over pixels of the whole silhouette, the part outside included"),
    _field("difficult", pa.bool_(), "below the minimum visibility or size: neither a label nor a mistake"),
)

FRAME_SCORES = _schema(
    "frame_scores",
    _field("frame", pa.int32(), "frame index, from 0"),
    _field("brightness", pa.float32(), "mean luma, 0 to 1"),
    _field("contrast", pa.float32(), "standard deviation of luma, 0 to 1"),
    _field("sharpness", pa.float32(), "variance of the Laplacian of luma (0 to 255)"),
    _field("blur", pa.float32(), "0 sharp to 1 blurred (Crete et al., 2007)"),
    _field("clipped", pa.float32(), "share of pixels crushed to black or burnt out to white"),
    _field("change", pa.float32(), "mean absolute luma difference to the frame before, 0 to 1; 0 for the first"),
    _field("camera_motion", pa.float32(), "frame diagonals since the frame before, by optical flow; 0 for the first"),
    _field("object_motion", pa.float32(), "the same of the fastest 0.5 % of the pixels, less the camera's"),
    _field("warp_error", pa.float32(), "luma change that motion does not explain, 0 to 1 (Lai et al., 2018)"),
    _field("flicker", pa.float32(), "the same over blocks of pixels, as a share of the frame's mean luma"),
    _field("unmatched", pa.float32(), "share of pixels without a match in the frame before; 0 for the first"),
    _field("moved", pa.bool_(), "camera or objects moved since the frame before, by more than grain explains"),
    _field("cut", pa.bool_(), "another scene than the frame before"),
    _field("black", pa.bool_(), "no part of the frame is lit"),
    _field("repeated", pa.bool_(), "indistinguishable from the frame before"),
)

CLIP_SCORES = _schema(
    "clip_scores",
    _field("clip_id", pa.string(), "clip"),
    _field("brightness", pa.float32(), "mean over frames"),
    _field("contrast", pa.float32(), "median over frames"),
    _field("sharpness", pa.float32(), "median over frames"),
    _field("blur", pa.float32(), "median over frames, 0 sharp to 1 blurred"),
    _field("clipped", pa.float32(), "median over frames of the share of crushed or burnt-out pixels"),
    _field("motion", pa.float32(), "median change between frames, 0 to 1"),
    _field("moving_share", pa.float32(), "share of frames in which camera or objects moved"),
    _field("camera_motion", pa.float32(), "mean, frame diagonals a second"),
    _field("object_motion", pa.float32(), "mean, frame diagonals a second"),
    _field("warp_error", pa.float32(), "mean over frames that are no cut, 0 to 1"),
    _field("flicker", pa.float32(), "mean over frames that are no cut, share of the frame's luma"),
    _field("cuts", pa.int32(), "scene cuts"),
    _field("black_share", pa.float32(), "share of black frames"),
    _field("frozen_share", pa.float32(), "share of frames that repeat the one before"),
    _field("boxes", pa.int32(), "boxes in the clip's tracks"),
    _field("tracks", pa.int32(), "tracks in the clip"),
    _field(
        "box_flicker",
        pa.float32(),
        "share of confident detections that the next or the last frame lacks; null where there are none",
        True,
    ),
    _field("class_flicker", pa.float32(), "share of such detections that go on under another class", True),
    _field("size_jitter", pa.float32(), "median unsteadiness of a detection's area, as a share of it", True),
    _field("drift", pa.float32(), "largest change of a track's colours, 0 to 1; null where no track lasts", True),
    _field(
        "agreement", pa.float32(), "share of the promised objects that the tracks show; null without a promise", True
    ),
    _field(
        "surplus", pa.int32(), "tracked objects of promised classes beyond the promise; null without a promise", True
    ),
    _field("shown_by_class", COUNTS, "promised class -> promised objects that the tracks show", True),
    _field("surplus_by_class", COUNTS, "any class -> tracked objects beyond the promise; null without one", True),
    _field("quality", pa.float32(), "what clips are ranked by, 0 worst to 1 best; a black or frozen clip has 0"),
)

EMBEDDING_SIZE = 256

EMBEDDINGS = _schema(
    "embeddings",
    _field("frame", pa.int32(), "frame index, from 0"),
    _field("vector", pa.list_(pa.float16(), EMBEDDING_SIZE), "what the frame looks like; of length 1"),
)

CLIPS = _schema(
    "clips",
    _field("clip_id", pa.string(), "hash of the inputs that determine the pixels"),
    _field("scenario_id", pa.string(), "scenario that was rendered"),
    _field("media_id", pa.string(), "SHA-256 of the encoded video packets"),
    _field("sequence", pa.string(), "clips that share track ids: the source of footage, else the clip itself"),
    _field("segment", pa.int32(), "place of the clip in its sequence, from 0"),
    _field("family", pa.string(), "what stays on one side of a split"),
    _field("frames", pa.int32(), "frames"),
    _field("fps", pa.float32(), "frames a second"),
    _field("width", pa.int32(), "pixels"),
    _field("height", pa.int32(), "pixels"),
    _field("prompt", pa.string(), "text that was rendered"),
    _field("negative_prompt", pa.string(), "text steered away from"),
    _field("attributes", ATTRIBUTES, "axis -> value"),
    _field("objects", COUNTS, "promised class -> count"),
    _field("seed", pa.int64(), "of the scenario"),
    _field("attempt", pa.int32(), "0 unless rendering was retried"),
    _field("generator", NAME, "kind of generator"),
    _field("generator_version", NAME, "its version"),
    _field("model", NAME, "diffusion model, if any"),
    _field("revision", NAME, "its revision"),
    _field("licence", NAME, "licence of the clip as an output"),
    _field("synthetic", pa.bool_(), "False for camera footage"),
    _field("has_truth", pa.bool_(), "exact labels are stored beside the clip"),
    _field("source_name", pa.string(), "file name of footage; empty for rendered clips"),
)

CLIP_DECISIONS = _schema(
    "clip_decisions",
    _field("clip_id", pa.string(), "clip"),
    _field("verdict", NAME, f"{ACCEPTED} or {REJECTED}"),
    _field("rule", NAME, "rule that decided; empty when accepted"),
    _field("value", pa.float32(), "value that the rule saw; null when accepted", True),
    _field("threshold", pa.float32(), "threshold that it was held against; null when accepted", True),
    _field("duplicate_of", pa.string(), "the better clip that it repeats; null for any other rule", True),
    _field("split", NAME, "train, val or test"),
)

QUOTA_CELLS = _schema(
    "quota_cells",
    _field("class_name", pa.string(), "published class"),
    _field("attributes", ATTRIBUTES, "axis -> value"),
    _field("wanted", pa.int64(), "labelled objects asked for"),
    _field("available", pa.int64(), "labelled objects in the clips that could be chosen"),
    _field("kept", pa.int64(), "labelled objects in the clips that were chosen"),
    _field("missing", pa.int64(), "wanted and not kept: what another round should render"),
)

BOX_DECISIONS = _schema(
    "box_decisions",
    _field("clip_id", pa.string(), "clip"),
    _field("frame", pa.int32(), "frame index, from 0"),
    _field("track", pa.int32(), "track id"),
    _field("verdict", NAME, f"{ACCEPT}: a label; {IGNORE}: an ignore region; {NOTHING}: not an object"),
    _field("rule", NAME, "rule that decided, see curators/box_verdicts.py; empty when accepted"),
    _field("value", pa.float32(), "value that the rule saw; null when accepted", True),
    _field("threshold", pa.float32(), "threshold that it was held against; null when accepted", True),
)

OBJECT = pa.struct(
    [
        _field("track", pa.int32(), "track id within the clip's sequence, renumbered from 1"),
        _field("class_name", pa.string(), "published class"),
        *_BOX,
        _field("score", pa.float32(), "detector's score; null where interpolated", True),
        _field("confidence", pa.float32(), "probability that the box is right"),
        _field("source", pa.string(), f"one of {', '.join(SOURCES)}"),
        _field("verdict", pa.string(), f"{ACCEPT} or {IGNORE}"),
    ]
)

FRAMES = _schema(
    "frames",
    _field("clip_id", pa.string(), "clip"),
    _field("frame", pa.int32(), "frame index, from 0"),
    _field("split", NAME, "train, val or test"),
    _field(
        "use",
        NAME,
        "labelled: shows labels only; background: shows nothing; ignore: shows an ignore region; "
        "surplus_background: shows nothing, beyond the share that is kept; near_duplicate: too much like the last "
        "frame that is kept",
    ),
    _field("objects", pa.list_(OBJECT), "labels and ignore regions, by track"),
)

PUBLISHED_TRACKS = _schema(
    "published_tracks",
    _field("clip_id", pa.string(), "clip"),
    _field("track", pa.int32(), "track id within the clip's sequence, renumbered from 1"),
    _field("class_name", NAME, "published class"),
    _field("first_frame", pa.int32(), "first frame with a label"),
    _field("last_frame", pa.int32(), "last frame with a label"),
    _field("boxes", pa.int32(), "labels"),
    _field("interpolated", pa.int32(), "labels that were filled in"),
    _field("confidence", pa.float32(), "mean confidence of its labels"),
)


def empty(schema: pa.Schema) -> pa.Table:
    """A table of ``schema`` with no rows."""
    return schema.empty_table()


def table_from_columns(schema: pa.Schema, columns: Mapping[str, object]) -> pa.Table:
    """A table of ``schema`` from arrays or lists by column name, cast to its types.

    Raises:
        KeyError: a column is missing.
        ArrowInvalid: a column does not fit its type, or lengths differ.
    """
    arrays = []
    for column in schema:
        values = columns[column.name]
        array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, from_pandas=False)
        arrays.append(array.cast(column.type) if array.type != column.type else array)
    return pa.Table.from_arrays(arrays, schema=schema)


def check_table(table: pa.Table, schema: pa.Schema, where: str) -> pa.Table:
    """``table`` with exactly the columns of ``schema``, after its version was checked.

    A column that may be null and that is not there, because the table was written before there was such a score, is
    null throughout.

    Raises:
        StoreError: written by a newer version; columns are missing, of another type, or null where none may be.
    """
    metadata = table.schema.metadata or {}
    check_schema_version(metadata.get(b"framefoundry.schema_version", b"").decode(), where)
    for column in schema:
        if column.name not in table.column_names:
            if not column.nullable:
                raise StoreError(
                    f"{where}: column {column.name!r} is missing.", "The file is damaged or is another table."
                )
            table = table.append_column(column, pa.nulls(len(table), column.type))
    try:
        cast = table.select(schema.names).cast(schema)
    except (ValueError, NotImplementedError) as fault:  # pyarrow's own errors are among them
        raise StoreError(f"{where}: {fault}.", "The file is damaged or is another table.") from None
    hole = next((name for name in schema.names if not schema.field(name).nullable and cast[name].null_count), None)
    if hole is not None:
        raise StoreError(f"{where}: column {hole!r} holds nulls.", "The file is damaged.")
    return cast
