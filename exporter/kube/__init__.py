"""The API server, seen from here: how to reach it, what it answers, how its bytes become objects.

It only ever reads: GET is the one verb that this room knows.
"""
