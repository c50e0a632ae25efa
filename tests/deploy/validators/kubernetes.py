"""Print the errors of manifests against the schemas of a Kubernetes version: VERSION FILE…."""

import sys
from pathlib import Path

import kubernetes_validate
import yaml

_version, *_files = sys.argv[1:]
for _file in _files:
    for _document in yaml.safe_load_all(Path(_file).read_text()):
        try:
            kubernetes_validate.validate(_document, _version, strict=True)
        except kubernetes_validate.SchemaNotFoundError as error:
            print(f"{_file}: {error.message}")
        except kubernetes_validate.ValidationError as error:
            print(f"{_file}: {_document['kind']}: {'.'.join(map(str, error.path))}: {error.message}")
