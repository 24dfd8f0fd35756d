"""The recipe: everything that determines a dataset, in one validated model."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Discriminator, Field, PositiveFloat, Tag, field_validator, model_validator

from schemas.annotator_options import AnnotatorOptions, YoloOptions
from schemas.budget import BudgetOptions
from schemas.closest import closest_hint
from schemas.curation_options import CurationOptions, SplitOptions
from schemas.diffusers_options import DiffusersOptions
from schemas.generator_options import FootageOptions, GeneratorOptions, ProceduralOptions
from schemas.prompts import PromptFile, PromptTemplate
from schemas.publish_options import PublishOptions
from schemas.strict_model import StrictModel

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def check_name(name: str) -> str:
    """Return ``name`` if it can name a dataset in a path, a URL and a database.

    Raises:
        ValueError: it holds anything but lower-case letters, digits, - and _, or is longer than 63 characters.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a name; use 1 to 63 lower-case letters, digits, - and _, starting with a letter or digit"
        )
    return name


class ClipOptions(StrictModel):
    """Length and size of every clip, and how its file is encoded."""

    frames: int = Field(
        default=48, ge=1, le=4999, description="Frames a clip; footage is cut into segments of this length."
    )
    fps: PositiveFloat = Field(default=12, le=240, description="Frames a second.")
    width: int = Field(default=320, ge=32, le=7680, multiple_of=2, description="Pixels; even.")
    height: int = Field(default=192, ge=32, le=4320, multiple_of=2, description="Pixels; even.")
    crf: int = Field(default=18, ge=0, le=40, description="x264 quality: lower is better and larger.")


def _prompt_form(data: Any) -> str:
    return "file" if isinstance(data, PromptFile) or (isinstance(data, Mapping) and "file" in data) else "template"


Prompts = Annotated[
    Annotated[PromptTemplate, Tag("template")] | Annotated[PromptFile, Tag("file")], Discriminator(_prompt_form)
]


def _allow_list_of_names(schema: dict[str, Any]) -> None:
    """The JSON Schema of `classes` shows the mapping; a list of names is the short form."""
    mapping = {key: schema.pop(key) for key in ("type", "additionalProperties")}
    schema["anyOf"] = [{"type": "array", "items": {"type": "string"}, "uniqueItems": True}, mapping]


class Recipe(StrictModel):
    """What to render, how to label it, what to keep and where to publish it."""

    name: str = Field(description="Name of the dataset: lower-case letters, digits, - and _.")
    classes: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        json_schema_extra=_allow_list_of_names,
        description="Published classes, in order: a list of names, or name -> names of the detector's classes that it "
        "gathers. Empty: every class that the detector knows.",
    )
    prompts: Prompts | None = Field(default=None, description="Prompt variations; not needed for footage.")
    generator: GeneratorOptions = Field(default_factory=ProceduralOptions)
    clip: ClipOptions = Field(default_factory=ClipOptions)
    annotator: AnnotatorOptions = Field(default_factory=YoloOptions)
    curation: CurationOptions = Field(default_factory=CurationOptions)
    split: SplitOptions = Field(default_factory=SplitOptions)
    publish: PublishOptions = Field(default_factory=PublishOptions)
    seed: int = Field(default=0, ge=0, lt=2**63, description="Every random choice is derived from it.")
    budget: BudgetOptions | None = Field(default=None, description="What one run may spend on devices.")

    @property
    def class_names(self) -> tuple[str, ...]:
        """Published class names in the order of their indexes; empty when the detector's own are taken."""
        return tuple(self.classes)

    def published_class(self, detected: str) -> str | None:
        """The published class that gathers the detector's class ``detected``; None when it is not wanted."""
        if not self.classes:
            return detected
        return next((name for name, sources in self.classes.items() if detected in sources), None)

    @field_validator("name")
    @classmethod
    def _name_is_safe(cls, name: str) -> str:
        return check_name(name)

    @field_validator("classes", mode="before")
    @classmethod
    def _classes_as_mapping(cls, classes: Any) -> Any:
        if isinstance(classes, list | tuple):
            twice = next((name for name in classes if classes.count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"class {twice!r} is listed twice")
            return {name: (name,) for name in classes}
        if isinstance(classes, Mapping):
            return {name: tuple(found) if isinstance(found, list) else found for name, found in classes.items()}
        return classes

    @field_validator("classes")
    @classmethod
    def _one_home_for_each_source(cls, classes: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        homes: dict[str, str] = {}
        for name, sources in classes.items():
            if not name or not sources:
                raise ValueError(f"class {name!r} gathers nothing; list at least one class of the detector")
            for source in sources:
                if source in homes:
                    both = f"by both {homes[source]!r} and {name!r}" if homes[source] != name else f"twice by {name!r}"
                    raise ValueError(f"{source!r} is gathered {both}")
                homes[source] = name
        return classes

    @model_validator(mode="after")
    def _parts_agree(self) -> "Recipe":
        self._check_prompts_present()
        self._check_promises()
        self._check_axes("split.by", self.split.by)
        self._check_axes("curation.quota.per", self.curation.quota.per if self.curation.quota else ())
        self._check_annotator_has_labels()
        return self

    def _check_prompts_present(self) -> None:
        if self.prompts is None and not isinstance(self.generator, FootageOptions):
            raise ValueError(f"generator `{self.generator.kind}` needs `prompts`: a template with axes, or a file")

    def _check_promises(self) -> None:
        if not isinstance(self.prompts, PromptTemplate):
            return
        promised = {name for axis in self.prompts.axes.values() for value in axis for name in value.count}
        known = [source for sources in self.classes.values() for source in sources]
        for name in sorted(promised - set(known)) if known else ():
            raise ValueError(
                f"an axis value promises {name!r}, which is not among `classes`{closest_hint(name, known)}"
            )
        unmentioned = [name for name, sources in self.classes.items() if promised.isdisjoint(sources)]
        if promised and unmentioned:
            raise ValueError(
                f"class {unmentioned[0]!r} is promised by no axis value; "
                "add a `count` that names it, or remove the class"
            )

    def _check_axes(self, field: str, axes: Sequence[str]) -> None:
        if isinstance(self.prompts, PromptFile):
            return  # its columns are known when it is read
        known = self.prompts.axes if self.prompts else ("source",)
        for axis in axes:
            if axis not in known:
                raise ValueError(f"{field} names the axis {axis!r}, which does not exist{closest_hint(axis, known)}")

    def _check_annotator_has_labels(self) -> None:
        if self.annotator.kind == "truth" and self.generator.kind != "procedural":
            raise ValueError(
                f"annotator `truth` needs a generator that knows the truth; `{self.generator.kind}` does not"
            )
        if self.annotator.kind == "carried" and not self._restyles_drawn_scenes():
            raise ValueError(
                "annotator `carried` needs sources whose labels are known: "
                "`generator: {kind: diffusers, mode: video, source: procedural, …}`"
            )

    def _restyles_drawn_scenes(self) -> bool:
        options = self.generator
        return isinstance(options, DiffusersOptions) and options.source == "procedural"
