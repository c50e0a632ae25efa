"""Use cases. Each service is a frozen dataclass of what it needs; knows neither the web nor the queue."""
