"""Plain frozen data that YAML declares: pydantic checks it when it is read, and is not even imported where it is only used.

A class that is `declared` is a frozen dataclass. pydantic reads it as a mapping with these keys and no others, without silent
conversion of types; what a value has to be beside its type is said by `Limits` and `Before`, and a `ValueError` of
`__post_init__` is a mistake of whoever wrote the value.
"""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, dataclass_transform, get_type_hints

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

Class = TypeVar("Class")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def declared(cls: type[Class]) -> type[Class]:
    """Make a class one that YAML declares."""
    made = dataclass(frozen=True, kw_only=True)(cls)
    made.__get_pydantic_core_schema__ = classmethod(_schema)  # type: ignore[attr-defined]
    return made


def _schema(cls: type[Any], _source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
    from pydantic_core import core_schema

    hints = get_type_hints(cls, include_extras=True)
    keys = {
        one.name: core_schema.typed_dict_field(
            handler.generate_schema(hints[one.name]), required=one.default is MISSING and one.default_factory is MISSING
        )
        for one in fields(cls)
    }
    written = core_schema.typed_dict_schema(
        keys, config=core_schema.CoreConfig(strict=True, extra_fields_behavior="forbid"), strict=True, extra_behavior="forbid"
    )
    return core_schema.no_info_after_validator_function(lambda values: cls(**values), written)


class Limits:
    """What a value has to be beside its type, in pydantic's words (`Field`): `Annotated[float, Limits(gt=0)]`."""

    def __init__(self, **limits: Any) -> None:
        self.limits = limits

    def __get_pydantic_core_schema__(self, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic import Field

        return handler.generate_schema(Annotated[source, Field(**self.limits)])


class Before:
    """What is done to a value before it is checked: `Annotated[list[str], Before(as_list)]`."""

    def __init__(self, change: Callable[[Any], Any]) -> None:
        self.change = change

    def __get_pydantic_core_schema__(self, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(self.change, handler(source))


Name = Annotated[str, Limits(pattern=r"^[a-z][a-z0-9_]*$", max_length=80)]
"""An id of the one namespace that findings, definitions, causes and warning signs share."""
