"""What a person found in reviewed frames: all objects that are there, frames without any included."""

import pyarrow as pa

from schemas.version import SCHEMA_VERSION

REVIEWED_OBJECT = pa.struct(
    [
        pa.field("class_name", pa.string(), nullable=False, metadata={"doc": "published class"}),
        *(pa.field(side, pa.float32(), nullable=False, metadata={"doc": "pixels"}) for side in "xywh"),
        pa.field(
            "difficult", pa.bool_(), nullable=False, metadata={"doc": "neither asked for nor held against a label"}
        ),
    ]
)

REVIEWS = pa.schema(
    [
        pa.field("clip_id", pa.string(), nullable=False, metadata={"doc": "clip"}),
        pa.field("frame", pa.int32(), nullable=False, metadata={"doc": "frame index, from 0"}),
        pa.field("objects", pa.list_(REVIEWED_OBJECT), nullable=False, metadata={"doc": "what the frame shows"}),
    ],
    metadata={"framefoundry.table": "reviews", "framefoundry.schema_version": str(SCHEMA_VERSION)},
)
