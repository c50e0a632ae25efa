"""The base class of the sections."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section of the settings; each field's docstring is its description in the reference."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    section_title: ClassVar[str]
