"""How gunicorn serves either app: two workers with four threads each."""

from typing import Any

workers = 2
worker_class = "gthread"
threads = 4


def post_worker_init(worker: Any) -> None:
    """After the fork, and before the first request: what fixed.py wants done then."""
    start = worker.wsgi.extensions.get("start")
    if start is not None:
        start()
