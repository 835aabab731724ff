"""The Grafana dashboards as code: what is asked of Prometheus and Tempo, and how it is drawn.

``queries`` knows PromQL, ``traces`` TraceQL, ``panels`` how a panel is made, ``remedies`` which page of the docs says
what to do. One module a board puts them together. ``python -m boards`` (``make boards``) writes ``dashboards/grafana``.
"""
