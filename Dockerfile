# One image for the API, the worker, Flower, the migration and the sandbox; the command says which.
# 3.13 is the newest Python that every compiled dependency names as supported (uvloop names no later one). To pin it:
# --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:…
ARG PYTHON_IMAGE=python:3.13-slim
FROM ${PYTHON_IMAGE} AS builder
WORKDIR /build
COPY requirements.txt .
# Nothing is left to resolve, so pip check has to find the lock complete; the environment needs pip only here.
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: --requirement requirements.txt \
 && /venv/bin/pip check \
 && /venv/bin/pip uninstall --yes pip

FROM ${PYTHON_IMAGE}
# The base image's own pip goes, too, and with ensurepip the copy of it that it would install.
RUN groupadd --gid 10001 app \
 && useradd --uid 10001 --gid app --no-create-home --home-dir /srv --shell /usr/sbin/nologin app \
 && rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/ensurepip \
    /usr/local/lib/python3*/site-packages/pip /usr/local/lib/python3*/site-packages/pip-*
WORKDIR /srv
COPY --from=builder /venv /venv
COPY alembic.ini ./
COPY flowerconfig.py ./
COPY alembic alembic
COPY app app
COPY sandbox sandbox
# The base image ships no bytecode, and the processes write none: without this, each would compile 500 files at start.
RUN python -m compileall -q /usr/local/lib/python3* app sandbox
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# uvicorn's parent process of --workers or --reload imports no application, so it reads this file.
ENV UVICORN_LOG_CONFIG=/srv/app/log_lines/uvicorn.json
USER 10001:10001
EXPOSE 8000
# The shell gives way to uvicorn, which then gets the signals. Load balancers keep idle connections for 60 to 120 seconds:
# the API keeps them longer, so that it closes none on which a request is just being sent (a 502 at the balancer).
CMD ["sh", "-c", "exec uvicorn app.main:app --host 0.0.0.0 --port \"${PORT:-8000}\" --timeout-graceful-shutdown 10 --timeout-keep-alive 130 --no-server-header --ws none"]
