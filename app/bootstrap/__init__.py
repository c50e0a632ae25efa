"""Build the services of a process from its settings: `api` for the API, `worker` for the worker."""
