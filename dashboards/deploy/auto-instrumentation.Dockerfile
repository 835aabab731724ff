# The image that the OpenTelemetry Operator copies into your pods (spec.python.image of kubernetes/instrumentation.yaml).
# From the root of the checkout:
#
#   docker build -f dashboards/deploy/auto-instrumentation.Dockerfile --build-arg PYTHON_VERSION=3.12 \
#       -t registry.example/autogen-vitals-auto-instrumentation:1 .
#
# Not a layer on the Operator's own image: that has no pip, and its versions of the SDK are pinned to others, two of which
# in one folder would be neither. The Operator asks for no more than the folder /autoinstrumentation and `cp`.
#
# Some packages are compiled: PYTHON_VERSION must be your app's, and its image based on glibc (not Alpine).
ARG PYTHON_VERSION=3.12
FROM python:${PYTHON_VERSION}-slim AS build

WORKDIR /checkout
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY examples examples
# What is here comes before the app's own packages: protobuf must be one that AutoGen takes. Without the pin pip would
# bring the newest.
RUN pip install --no-cache-dir --target /autoinstrumentation \
        . \
        "opentelemetry-distro >= 0.64b0" \
        "opentelemetry-instrumentation-fastapi >= 0.64b0" \
        "opentelemetry-instrumentation-flask >= 0.64b0" \
        "opentelemetry-instrumentation-celery >= 0.64b0" \
        "protobuf >= 5.29.3, < 6"

FROM busybox:1.37
COPY --from=build /autoinstrumentation /autoinstrumentation
RUN chmod -R go+rX /autoinstrumentation
USER 1000:1000
