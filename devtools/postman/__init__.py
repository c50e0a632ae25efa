"""Write postman_collection.json from the requests in this package and the OpenAPI document."""
