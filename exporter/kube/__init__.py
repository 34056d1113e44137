"""The API server, seen from here: how to reach it, what it answers, how its bytes become objects.

It reads by GET; the only other requests are POSTs of reviews of tokens, which create no object.
"""
