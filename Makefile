# Thin aliases for ./dev, the recipe for the locks (it needs uv), and the bill of materials of what production installs.
.PHONY: run test check reset lock sbom
run test check reset:
	./dev $@

LOCK = uv pip compile --quiet --universal --no-strip-extras --python-version 3.11 --generate-hashes \
       --no-emit-index-url --no-emit-find-links --no-header
lock:
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt
	python3 -m devtools.lock requirements.txt requirements-dev.txt

sbom:
	.venv/bin/python -m devtools.sbom sbom.cdx.json
