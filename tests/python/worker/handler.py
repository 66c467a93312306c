"""A worker with the shapes of RunPod's vLLM worker: a thin proxy in front of a vLLM server.

Attached to the simulator by the environment that `podgate simulate --workers external` prints."""

import json
import os

import aiohttp
import runpod

VLLM = os.environ["VLLM_BASE_URL"]
UNKNOWN_INPUT = (
    "Job input must contain one of: openai_input (+openai_route), route (+body), "
    "or prompt/messages."
)


def failure(message):
    return {"error": {"message": message, "type": "worker_error", "code": None}}


def request_of(given):
    """Method, path and body; None when the input has none of the known forms."""
    if "openai_route" in given:
        body = given.get("openai_input") or None
        return ("POST" if body else "GET"), given["openai_route"], body
    if "route" in given:
        body = given.get("body")
        return given.get("method", "POST" if body else "GET"), given["route"], body
    for name, path in (
        ("messages", "/v1/chat/completions"),
        ("prompt", "/v1/completions"),
    ):
        if name in given:
            stream = {"stream": True} if given.get("stream") else {}
            sampling = given.get("sampling_params", {})
            return "POST", path, {name: given[name], **sampling, **stream}
    return None


async def handler(job):
    request = request_of(job["input"])
    if request is None:
        yield failure(UNKNOWN_INPUT)
        return
    method, path, body = request
    async with aiohttp.ClientSession() as session:
        async with session.request(method, VLLM + path, json=body) as answer:
            if answer.status >= 400:
                text = await answer.text()
                yield failure(f"vLLM returned HTTP {answer.status}: {text}")
            elif body and body.get("stream"):
                async for piece in answer.content.iter_any():
                    yield piece.decode("utf-8", "replace")
            else:
                text = await answer.text()
                yield json.loads(text) if text else None


runpod.serverless.start(
    {
        "handler": handler,
        "return_aggregate_stream": True,
        "concurrency_modifier": lambda current: 30,
    }
)
