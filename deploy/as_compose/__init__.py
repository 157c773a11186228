"""What `docker compose up` would run, without containers: each service's own command line and environment as
a process of this machine, in the same order, watched by the same health checks, stopped with the same grace.

Compose itself resolves the file. What is put in place of containers is little, and all of it is in
`loopback.py` (names and ports) and `folders.py` (volumes).
"""
