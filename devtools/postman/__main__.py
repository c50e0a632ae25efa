"""Write postman_collection.json."""

from devtools.postman.collection import as_text, build
from devtools.postman.contract import contract
from devtools.state import ROOT

(ROOT / "postman_collection.json").write_text(as_text(build(contract())), encoding="utf-8")
