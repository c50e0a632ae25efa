# One image for the API, the worker, Flower, the migration and the sandbox; the command says which.
FROM python:3.11-slim AS builder
COPY requirements.txt .
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: --requirement requirements.txt

FROM python:3.11-slim
RUN groupadd --gid 10001 app \
 && useradd --uid 10001 --gid app --no-create-home --home-dir /srv --shell /usr/sbin/nologin app
COPY --from=builder /venv /venv
WORKDIR /srv
COPY alembic.ini ./
COPY alembic alembic
COPY app app
COPY sandbox sandbox
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8000
CMD ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "8000", "--timeout-graceful-shutdown", "10", "--no-server-header", "--ws", "none"]
