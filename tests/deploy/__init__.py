"""Files of deploy/: platforms, the reverse proxy, the image, alerts and the dashboard."""
