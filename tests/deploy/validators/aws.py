"""Print the errors of a file as parameters of an AWS operation: SERVICE OPERATION FILE."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
from botocore.model import Shape
from botocore.validate import ParamValidator


def unknown_values(value: Any, shape: Shape, path: str = "") -> Iterator[str]:
    """Find the values that no enumeration of the model has; botocore leaves them to the server."""
    if shape.type_name == "structure":
        for name, member in value.items():
            yield from unknown_values(member, shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for number, member in enumerate(value):
            yield from unknown_values(member, shape.member, f"{path}[{number}]")
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield f"{path}: {value} is none of {', '.join(shape.enum)}"


service, operation, file = sys.argv[1:]
model = botocore.session.get_session().get_service_model(service).operation_model(operation)
parameters = json.loads(Path(file).read_text())
if report := ParamValidator().validate(parameters, model.input_shape).generate_report():
    print(report)
else:
    for problem in unknown_values(parameters, model.input_shape):
        print(problem)
