"""The kinds of single values that settings have, each with its checks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from torque_mesos.config.checks import (
    absolute,
    attribute_name,
    host_name,
    ip_address,
    node_name,
    one_line,
    property_name,
    role_name,
)

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Port = Annotated[int, Field(ge=1, le=65535)]
AbsolutePath = Annotated[Path, Field(strict=False), AfterValidator(absolute)]
HostName = Annotated[str, AfterValidator(host_name)]
NodeName = Annotated[str, AfterValidator(node_name)]
Address = Annotated[str, AfterValidator(ip_address)]
Role = Annotated[str, AfterValidator(role_name)]
Line = Annotated[str, AfterValidator(one_line)]
Text = Annotated[str, Field(min_length=1), AfterValidator(one_line)]
Texts = Annotated[tuple[Text, ...], Field(strict=False)]
Properties = Annotated[
    tuple[Annotated[str, AfterValidator(property_name)], ...], Field(strict=False)
]
Attributes = Annotated[
    tuple[Annotated[str, AfterValidator(attribute_name)], ...], Field(strict=False)
]

DAY_S = 86400.0


class Model(BaseModel):
    """A section of the settings: frozen, and with no key but those that it names."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
