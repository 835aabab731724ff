"""Our settings as environment variables.

``opentelemetry-instrument`` finds this module by its entry point and makes each variable a flag of its own:
``OTEL_PYTHON_AUTOGEN_MODEL_SPANS`` → ``--autogen_model_spans``.
"""

AUTOGEN_VITALS_ATTACHED = "AUTOGEN_VITALS_ATTACHED"
"""No setting: where the ``autogen-vitals run`` listens that this process is a child of, ``http://127.0.0.1:PORT``."""

OTEL_PYTHON_AUTOGEN_ENABLED = "OTEL_PYTHON_AUTOGEN_ENABLED"
"""
.. envvar:: OTEL_PYTHON_AUTOGEN_ENABLED

``true`` (default) or ``false``: whether to instrument at all.
"""

OTEL_PYTHON_AUTOGEN_NATIVE_SPANS = "OTEL_PYTHON_AUTOGEN_NATIVE_SPANS"
"""
.. envvar:: OTEL_PYTHON_AUTOGEN_NATIVE_SPANS

``replace`` (default): AutoGen's own spans are quiet while ours are made, and trace context still travels in its
messages. ``keep``: both are made.
"""

OTEL_PYTHON_AUTOGEN_MODEL_SPANS = "OTEL_PYTHON_AUTOGEN_MODEL_SPANS"
"""
.. envvar:: OTEL_PYTHON_AUTOGEN_MODEL_SPANS

``auto`` (default): chat spans and metrics, unless another instrumentation of the model's SDK makes them. ``on``:
always. ``off``: never.
"""

OTEL_PYTHON_AUTOGEN_INIT_SPAN_THRESHOLD = "OTEL_PYTHON_AUTOGEN_INIT_SPAN_THRESHOLD"
"""
.. envvar:: OTEL_PYTHON_AUTOGEN_INIT_SPAN_THRESHOLD

Milliseconds from which on an init has a span of its own (default ``1``); ``0``: every init.
"""

OTEL_PYTHON_AUTOGEN_FLUSH_TIMEOUT = "OTEL_PYTHON_AUTOGEN_FLUSH_TIMEOUT"
"""
.. envvar:: OTEL_PYTHON_AUTOGEN_FLUSH_TIMEOUT

Seconds a process that is being stopped may wait for the last export (default ``3``); ``0``: do not wait at all.
"""

OTEL_PYTHON_AUTOGEN_IMPORT_TREE = "OTEL_PYTHON_AUTOGEN_IMPORT_TREE"
"""
.. envvar:: OTEL_PYTHON_AUTOGEN_IMPORT_TREE

``true``: a span for every module whose import took 5 ms or more during the start. ``false`` (default): top-level
packages, and modules imported on their own.
"""

OTEL_PYTHON_AUTOGEN_LOOP_HEARTBEAT = "OTEL_PYTHON_AUTOGEN_LOOP_HEARTBEAT"
"""
.. envvar:: OTEL_PYTHON_AUTOGEN_LOOP_HEARTBEAT

Milliseconds between two looks at an event loop that runs AutoGen (default ``50``); ``0``: it is not watched.
"""

OTEL_PYTHON_AUTOGEN_LOOP_BLOCKED_THRESHOLD = "OTEL_PYTHON_AUTOGEN_LOOP_BLOCKED_THRESHOLD"
"""
.. envvar:: OTEL_PYTHON_AUTOGEN_LOOP_BLOCKED_THRESHOLD

Milliseconds for which an event loop may stand still before that is reported (default ``200``); ``0``: not watched.
"""

OTEL_PYTHON_AUTOGEN_EXIT_RECORD = "OTEL_PYTHON_AUTOGEN_EXIT_RECORD"
"""
.. envvar:: OTEL_PYTHON_AUTOGEN_EXIT_RECORD

``true`` (default): each process keeps a small file that says, when the process is killed, what it was doing; another
process reports it. ``false``: none is kept, and the dead are reported with their exit status alone, by a supervisor.
"""

OTEL_PYTHON_AUTOGEN_STATE_DIR = "OTEL_PYTHON_AUTOGEN_STATE_DIR"
"""
.. envvar:: OTEL_PYTHON_AUTOGEN_STATE_DIR

Folder of these files. Default: ``autogen-vitals`` in ``$XDG_RUNTIME_DIR``, else ``autogen-vitals-<uid>`` in
``/dev/shm``, else in the folder for temporary files. To report containers that were killed, a folder that outlives
them, such as an ``emptyDir`` volume.
"""

OTEL_PYTHON_AUTOGEN_FINDINGS = "OTEL_PYTHON_AUTOGEN_FINDINGS"
"""
.. envvar:: OTEL_PYTHON_AUTOGEN_FINDINGS

``true`` (default) or ``false``: whether the rules of the catalogue are asked about what is observed.
"""

OTEL_PYTHON_AUTOGEN_SILENCE = "OTEL_PYTHON_AUTOGEN_SILENCE"
"""
.. envvar:: OTEL_PYTHON_AUTOGEN_SILENCE

Rules that are not asked, by id or glob, with commas in between: ``AG102,AG4*`` (default: none).
"""

OTEL_PYTHON_AUTOGEN_THRESHOLDS = "OTEL_PYTHON_AUTOGEN_THRESHOLDS"
"""
.. envvar:: OTEL_PYTHON_AUTOGEN_THRESHOLDS

The number that decides, of rules that have one: ``AG101=5,AG604=0.5`` (default: what the rule's page says).
"""

OTEL_PYTHON_AUTOGEN_EXCEPTION_MESSAGES = "OTEL_PYTHON_AUTOGEN_EXCEPTION_MESSAGES"
"""
.. envvar:: OTEL_PYTHON_AUTOGEN_EXCEPTION_MESSAGES

``known`` (default): a crash quotes what a library is known to say, such as ``No module named 'docker'``, and no other
message, for it may quote a prompt. ``all``: every message. ``none``: no message. Keys, tokens and passwords are taken
out of whatever is quoted.
"""
