"""How a recipe describes its prompts: a template with axes, or the user's own file."""

import string
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, GetJsonSchemaHandler, PositiveInt, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from schemas.strict_model import StrictModel

Strategy = Literal["full", "random", "pairwise"]


class AxisValue(StrictModel):
    """One value of an axis: the words it puts into the prompt, and the objects that these words promise."""

    value: str = Field(
        default="", description="Name of the value in attributes, coverage and splits; default: the text."
    )
    text: str = Field(default="", description="Words put into the prompt; default: the value.")
    weight: float = Field(
        default=1.0, gt=0, description="How often `random` draws this value, relative to its sisters."
    )
    count: dict[str, PositiveInt] = Field(default_factory=dict, description="Objects promised: class name -> how many.")

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: object) -> object:
        if isinstance(data, bool):
            raise ValueError(f"{str(data).lower()} is no axis value; in YAML, write on, off, yes and no in quotes")
        if isinstance(data, str | int | float):
            data = {"value": data}
        if isinstance(data, dict):
            value, text = (_words(data.get(key)) for key in ("value", "text"))
            if not value and not text:
                raise ValueError("an axis value needs `value` or `text`")
            return {**data, "value": value or text, "text": text or value}
        return data

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        full = handler(core_schema)
        return {
            "anyOf": [{"type": ["string", "number"]}, full],
            "description": "Words, or words and what they promise.",
        }


def _words(given: object) -> object:
    """Numbers as words, without outer blanks; other types as they are, for the field to refuse."""
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    return str(given).strip() if is_number or isinstance(given, str) else given


Axis = Annotated[tuple[AxisValue, ...], Field(min_length=1)]


class PromptTemplate(StrictModel):
    """A sentence with named slots, one axis of values for each slot."""

    template: str = Field(description='The prompt, with {slots}: "{objects} on a {place}, {weather}".')
    axes: dict[str, Axis] = Field(description="Slot name -> its values.")
    strategy: Strategy = Field(
        default="pairwise",
        description="full: every combination; random: weighted draws; pairwise: every pair of values at least once.",
    )
    variations: PositiveInt | None = Field(
        default=None,
        description="How many distinct scenarios; default: all (full), the smallest covering set (pairwise).",
    )
    repeats: PositiveInt = Field(default=1, description="Clips per scenario, each with its own seed.")
    negative: str = Field(default="", description="Negative prompt, for generators that take one.")
    extra: Path | None = Field(
        default=None,
        description="CSV with a column for each axis and `clips`: more clips of these combinations. "
        "`framefoundry plan --missing` writes it.",
    )

    @property
    def slots(self) -> tuple[str, ...]:
        """Slot names in the order in which the template uses them, each once."""
        names = [name for _, name, _, _ in string.Formatter().parse(self.template) if name]
        return tuple(dict.fromkeys(names))

    @field_validator("template")
    @classmethod
    def _well_formed(cls, template: str) -> str:
        try:
            slots = [slot for slot in string.Formatter().parse(template) if slot[1] is not None]
        except ValueError as fault:
            raise ValueError(
                f"{template!r} is not a template: {fault}; write {{{{ and }}}} for literal braces"
            ) from None
        for _, field, form, conversion in slots:
            if not str(field).isidentifier():
                raise ValueError(f"slot {{{field}}} is not a name; use letters, digits and _")
            if form or conversion:
                raise ValueError(f"slot {{{field}}} has a format ({conversion or form}); slots are filled as they are")
        return template

    @model_validator(mode="after")
    def _slots_match_axes(self) -> "PromptTemplate":
        for slot in self.slots:
            if slot not in self.axes:
                raise ValueError(f"slot {{{slot}}} has no axis; axes are: {', '.join(self.axes) or 'none'}")
        for name, values in self.axes.items():
            keys = [value.value for value in values]
            twice = next((key for key in keys if keys.count(key) > 1), None)
            if twice is not None:
                raise ValueError(f"axis {name!r} has the value {twice!r} twice")
            if name not in self.slots and not any(value.count for value in values):
                raise ValueError(f"axis {name!r} is used by no slot of the template; add {{{name}}} or remove the axis")
        if self.strategy == "random" and self.variations is None:
            raise ValueError("strategy `random` needs `variations`: how many scenarios to draw")
        return self


class PromptFile(StrictModel):
    """The user's own prompts: one scenario a row, further columns become attributes."""

    file: Path = Field(description="CSV or JSONL, relative to the recipe; needs a `prompt` column.")
    negative: str = Field(default="", description="Negative prompt for rows that have no `negative` column.")
    repeats: PositiveInt = Field(default=1, description="Clips per row, each with its own seed.")

    @field_validator("file")
    @classmethod
    def _known_suffix(cls, file: Path) -> Path:
        if file.suffix.lower() not in {".csv", ".jsonl"}:
            raise ValueError(f"{file} ends with {file.suffix or 'no suffix'!r}; use .csv or .jsonl")
        return file
