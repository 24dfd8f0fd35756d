"""Which images of which frames the projections of a version show."""

from schemas.publish_options import ImageOptions, PublishOptions


def exports_with_images(asked: PublishOptions) -> dict[str, ImageOptions]:
    """Name of each export that has images -> how it wants them."""
    options = {"yolo": asked.yolo, "coco": asked.coco}
    return {name: wanted for name, wanted in options.items() if wanted is not None}


def images_for_people(asked: PublishOptions) -> ImageOptions:
    """How the images are made that people look at, in FiftyOne and on the contact sheet."""
    return asked.yolo or asked.coco or ImageOptions()


def asked_images(asked: PublishOptions) -> list[ImageOptions]:
    """Every way of making images that ``asked`` needs of all clips, each once; the contact sheet makes its own few."""
    ways = [*exports_with_images(asked).values(), *([images_for_people(asked)] if asked.fiftyone else [])]
    return list({(way.stride, way.jpeg_quality): way for way in ways}.values())
