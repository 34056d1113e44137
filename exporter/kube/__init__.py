"""A client of the API server: credentials, requests, errors, and decoding of objects.

All requests are GET, except POSTs of TokenReviews and SubjectAccessReviews, which the API server does not store.
"""
