"""Request boundaries and worker life: WSGI and ASGI servers and frameworks, Celery, the masters of workers.

Everything else that serves requests is recognised by its SERVER or CONSUMER span, or by ``autogen_vitals.request()``.
"""

from __future__ import annotations

from autogen_vitals.hooks.tables import (
    Boundary,
    FailureCall,
    FailureSignal,
    LifeCall,
    LifeSignal,
    Servers,
    TaskSignals,
)

SERVERS = Servers(
    boundaries=(
        # FastAPI.__call__ calls it; whichever ASGI server runs the app, requests and lifespan come through here.
        Boundary("starlette.applications:Starlette.__call__", "asgi"),
        Boundary("quart.app:Quart.__call__", "asgi"),
        Boundary("django.core.handlers.asgi:ASGIHandler.__call__", "asgi"),
        # What these two servers put around any application; uvicorn unless it is told --no-proxy-headers.
        Boundary("uvicorn.middleware.proxy_headers:ProxyHeadersMiddleware.__call__", "asgi"),
        Boundary("hypercorn.app_wrappers:ASGIWrapper.__call__", "asgi"),
        # Any WSGI application: in these servers a request is one call, its body included.
        Boundary("gunicorn.workers.sync:SyncWorker.handle_request", "server"),
        Boundary("gunicorn.workers.gthread:ThreadWorker.handle_request", "server"),
        Boundary("gunicorn.workers.base_async:AsyncWorker.handle_request", "server"),
        Boundary("werkzeug.serving:WSGIRequestHandler.run_wsgi", "server"),
        Boundary("waitress.task:WSGITask.execute", "server"),
        # And in any other server (mod_wsgi, uWSGI, Django's runserver, …): of these frameworks. Not the standard
        # library's own: the Prometheus exporter of every process is served by it, and a scrape is no request.
        Boundary("flask.app:Flask.__call__", "wsgi"),
        Boundary("django.core.handlers.wsgi:WSGIHandler.__call__", "wsgi"),
    ),
    # Whatever the pool: prefork, threads, solo.
    tasks=(
        TaskSignals(
            begins="celery.signals:task_prerun",
            ends="celery.signals:task_postrun",
            # All other signals are sent when these have put the outcome where it is read.
            answers=(
                "celery.backends.base:Backend.mark_as_done",
                "celery.backends.base:Backend.mark_as_failure",
                "celery.backends.base:Backend.mark_as_retry",
            ),
        ),
    ),
    # Whichever server runs the app is ready when the app says so; uvicorn, which calls it too, a moment later.
    lifespans=("starlette.routing:Router.lifespan",),
    calls=(
        LifeCall("uvicorn.server:Server.startup", before="starting", after="ready"),
        # uvicorn re-raises the signal that stopped it when serve() returns, so that atexit never runs: this is the
        # last call of a worker's life in which anything can be exported.
        LifeCall("uvicorn.server:Server.shutdown", before="draining", after="ending"),
        # The constructor imports the app under --preload; where the app itself enables us, it is too late for that.
        LifeCall("gunicorn.arbiter:Arbiter.__init__", before="becomes_fork_server"),
        LifeCall("gunicorn.arbiter:Arbiter.run", before="becomes_fork_server"),
        LifeCall("gunicorn.arbiter:Arbiter.stop", before="draining"),
        LifeCall("uvicorn.supervisors.multiprocess:Multiprocess.run", before="becomes_supervisor"),
        LifeCall("uvicorn.supervisors.multiprocess:Multiprocess.terminate_all", before="draining"),
        # Where they load the app. What it raises there is caught and printed, and never gets to sys.excepthook.
        LifeCall("uvicorn.config:Config.load", failed="import"),
        LifeCall("uvicorn.config:Config.load_app", failed="import"),
        LifeCall("gunicorn.app.base:BaseApplication.wsgi", failed="import"),
        # The configuration's post_worker_init, and whatever ends a worker's loop: caught and logged, too. Who takes too
        # long leaves it by SystemExit.
        LifeCall("gunicorn.workers.base:Worker.init_process", failed="process", may_exit=True),
        LifeCall("celery.app.utils:find_app", failed="import"),
        LifeCall("multiprocessing.process:BaseProcess.run", failed="process"),
        LifeCall("quart.app:Quart.startup", failed="lifespan"),
        # Their loops: a worker is ready when it enters its own. (That of a uvicorn worker starts uvicorn's server.)
        LifeCall("gunicorn.workers.sync:SyncWorker.run", before="ready"),
        LifeCall("gunicorn.workers.gthread:ThreadWorker.run", before="ready"),
        LifeCall("gunicorn.workers.ggevent:GeventWorker.run", before="ready"),
        LifeCall("gunicorn.workers.geventlet:EventletWorker.run", before="ready"),
        LifeCall("werkzeug.serving:BaseWSGIServer.serve_forever", before="ready"),
        LifeCall("waitress.server:BaseWSGIServer.run", before="ready"),
        LifeCall("waitress.server:MultiSocketServer.run", before="ready"),
        # A server's part in a lifespan, whatever framework's.
        LifeCall("hypercorn.asyncio.lifespan:Lifespan.wait_for_startup", before="starting", after="ready"),
        LifeCall("gunicorn.asgi.lifespan:LifespanManager.startup", before="starting", after="ready"),
        LifeCall("celery.concurrency.prefork:TaskPool.on_start", before="becomes_fork_server"),
        # A pool child's loop, after the app's own worker_process_init.
        LifeCall("billiard.pool:Worker.workloop", before="ready"),
    ),
    signals=(
        # With threads or in one process, where the tasks run in this very process.
        LifeSignal("celery.signals:worker_ready", "ready"),
        LifeSignal("celery.signals:worker_process_init", "becomes_worker"),
        # Pool children leave by os._exit: atexit never runs there either.
        LifeSignal("celery.signals:worker_process_shutdown", "ending"),
        LifeSignal("celery.signals:worker_shutting_down", "draining"),
    ),
    failures=(
        FailureSignal("flask.signals:got_request_exception"),
        FailureSignal("django.core.signals:got_request_exception", argument=None),
        # Its signals would call us in a thread.
        FailureCall("quart.app:Quart.handle_exception"),
        FailureCall("quart.app:Quart.handle_websocket_exception"),
        FailureSignal("celery.signals:task_failure"),
    ),
    services=("gunicorn.arbiter", "uvicorn.server", "celery.bin.worker"),
    # A hard time limit: SIGTERM first, which else is how a worker is asked to stop.
    kills=("billiard.pool:TimeoutHandler._trywaitkill",),
    # What subprocess waits for are programs; it has taken os.waitpid long before.
    reapers=("gunicorn.arbiter", "multiprocessing.popen_fork", "billiard.popen_fork"),
)
