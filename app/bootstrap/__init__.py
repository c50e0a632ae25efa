"""Put a process together from its settings: `api` for the API, `worker` for the worker."""
