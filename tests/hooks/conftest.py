"""A model that classic AutoGen asks over a socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from model_server import ModelServer


@pytest.fixture(scope="module")
def serving_model() -> Iterator[ModelServer]:
    with ModelServer(wait_ms=1) as server:
        yield server


@pytest.fixture
def model(serving_model: ModelServer) -> ModelServer:
    """As new."""
    serving_model.replies, serving_model.failures, serving_model.requests = [], 0, 0
    return serving_model


@pytest.fixture
def config(model: ModelServer) -> dict[str, Any]:
    """An llm_config of classic AutoGen's whose replies are not cached."""
    # Some versions allow no max_retries here.
    one = {"model": "stub", "api_key": "sk-CANARY-KEY", "base_url": model.url, "price": [0, 0]}
    return {"config_list": [one], "cache_seed": None}
