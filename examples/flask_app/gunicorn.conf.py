"""How gunicorn serves the app: two workers with four threads each."""

from typing import Any

workers = 2
worker_class = "gthread"
threads = 4


def post_worker_init(worker: Any) -> None:
    import app

    app.start()
