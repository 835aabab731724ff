"""Classic group chats: speakers in turn, by a function, by a graph, by a model; resumed, nested, failing."""

import asyncio
import json
import threading
import traceback
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import autogen

CLASSIC = (0, 2, 35)
CANARY = "CANARY-PROMPT-46d2"
QUIET = {"human_input_mode": "NEVER", "code_execution_config": False}
REPLIES: list[str] = []


class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        text = REPLIES.pop(0) if REPLIES else f"said {CANARY}"
        message = {"role": "assistant", "content": text}
        body = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
        body["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
        body["usage"] = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
        status, answer = (500, b"{}") if text == "fail" else (200, json.dumps(body).encode())
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.send_header("retry-after-ms", "1")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args) -> None: ...


def talker(name: str) -> autogen.ConversableAgent:
    return autogen.ConversableAgent(name, llm_config=False, default_auto_reply=f"{name} {CANARY}", **QUIET)


def said(result) -> list:
    return [(message.get("name"), message["content"]) for message in result.chat_history]


def group(agents, llm_config=False, **given) -> autogen.GroupChatManager:
    return autogen.GroupChatManager(autogen.GroupChat(agents, [], **{"max_round": 4, **given}), llm_config=llm_config)


def without_models() -> None:
    agents = [talker(name) for name in ("a", "b", "c")]
    manager = group(agents, speaker_selection_method="round_robin", send_introductions=True)
    print(said(agents[0].initiate_chat(manager, message="x")))
    print(said(asyncio.run(agents[1].a_initiate_chat(manager, message="y"))))
    manager = group(agents, speaker_selection_method=lambda last, chat: agents[-1] if last is agents[0] else agents[0])
    print(said(agents[0].initiate_chat(manager, message="x")))
    graph = {agents[0]: [agents[1]], agents[1]: [agents[2]], agents[2]: []}
    manager = group(
        agents,
        speaker_selection_method="round_robin",
        allowed_or_disallowed_speaker_transitions=graph,
        speaker_transitions_type="allowed",
    )
    print(said(agents[0].initiate_chat(manager, message="x")))
    outer = group(
        [agents[0], group(agents[1:], speaker_selection_method="round_robin")], speaker_selection_method="round_robin"
    )
    print(said(agents[0].initiate_chat(outer, message="outer")))
    last, message = manager.resume(messages=[{"content": "x", "name": "a", "role": "user"}])
    print(last.name, message)
    print(manager.groupchat.messages == manager.groupchat.messages, manager.last_speaker.name)


def with_models(url: str) -> None:
    entry = {"model": "m", "api_key": f"sk-{CANARY}", "base_url": url, "price": [0, 0]}
    config = {"config_list": [entry], "cache_seed": None}
    agents = [talker("a"), talker("b"), autogen.AssistantAgent("c", llm_config=config)]
    for chooses in (["c", f"mine {CANARY}", "a", "b"], ["nobody", "b", "a", "a"]):
        REPLIES[:] = chooses
        manager = group(agents, config)
        print(said(agents[0].initiate_chat(manager, message="x")))
    REPLIES[:] = ["c", "mine", "a", "b"]
    print(said(asyncio.run(agents[0].a_initiate_chat(group(agents, config), message="x"))))
    REPLIES[:] = ["c", "fail", "fail", "fail"]
    try:
        agents[0].initiate_chat(group(agents, config), message="x")
    except Exception:
        print(traceback.format_exc().replace(url, "URL"))
    print(manager.client is not None, agents[2].client.total_usage_summary)


if __name__ == "__main__":
    # Whether the garbage collector or the server's thread is first to close a connection is a matter of chance.
    warnings.simplefilter("ignore", ResourceWarning)
    without_models()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with_models(f"http://127.0.0.1:{server.server_port}/v1")
    server.shutdown()
