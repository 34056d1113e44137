"""A client of the API server: credentials, requests, errors, and decoding of objects.

It reads with GET. The only other requests are POSTs of TokenReviews and SubjectAccessReviews, which are not stored.
"""
