# Thin aliases for ./dev, and the one recipe for the locks (it needs uv).
.PHONY: run test check reset lock
run test check reset:
	./dev $@

LOCK = uv pip compile --quiet --universal --no-strip-extras --python-version 3.11 --generate-hashes \
       --no-emit-index-url --no-emit-find-links --no-header
lock:
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt
	python3 -m devtools.lock requirements.txt requirements-dev.txt
