"""What clients meet whose key has a limit of tokens per minute: they read what is left of it, are
told by a RateLimitError that too little is, and succeed when they come again as told.

Run by `npm run test:python`, which starts a gateway and the simulator and says where they are."""

import json
import os
import unittest
import urllib.request

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
import openai

litellm.telemetry = False
litellm.suppress_debug_info = True

BASE_URL = os.environ["PODGATE_BASE_URL"]
ADMIN_KEY = os.environ["PODGATE_ADMIN_KEY"]
MODEL = "phi-2"
ASKED = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 512}
PLENTY = 1_000_000
# As Go's time.ParseDuration has it.
DURATION = r"^(\d+(\.\d+)?(h|m|s|ms))+$"


def key_with(tokens_per_minute):
    wanted = {"name": "limited", "tokensPerMinute": tokens_per_minute}
    request = urllib.request.Request(
        BASE_URL.removesuffix("/v1") + "/admin/keys",
        json.dumps(wanted).encode(),
        {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["secret"]


def by_openai(key, max_retries=0, **options):
    client = openai.OpenAI(base_url=BASE_URL, api_key=key, max_retries=max_retries)
    return client.chat.completions.with_raw_response.create(model=MODEL, **ASKED, **options)


def by_litellm(key, **options):
    return litellm.completion(
        model=f"openai/{MODEL}",
        api_base=BASE_URL,
        api_key=key,
        max_retries=0,
        **ASKED,
        **options,
    )


def bound_of(**options):
    """The most tokens that such a call may take: what is missing while it runs."""
    left = by_openai(key_with(PLENTY), **options).headers["x-ratelimit-remaining-tokens"]
    return PLENTY - int(left)


class WhatIsLeft(unittest.TestCase):
    def assert_told(self, headers, prefix=""):
        def told(name):
            return headers[f"{prefix}x-ratelimit-{name}-tokens"]

        self.assertEqual(int(told("limit")), PLENTY)
        self.assertLess(int(told("remaining")), PLENTY)
        self.assertRegex(told("reset"), DURATION)

    def test_openai_is_told_with_the_answer(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                self.assert_told(by_openai(key_with(PLENTY), stream=stream).headers)

    def test_litellm_reads_it_whole_and_streamed(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                answer = by_litellm(key_with(PLENTY), stream=stream)
                told = answer._hidden_params["additional_headers"]
                self.assert_told(told, "llm_provider-")
                # What its own router and its proxy's clients go by.
                self.assertEqual(int(told["x-ratelimit-limit-tokens"]), PLENTY)
                self.assertLess(int(told["x-ratelimit-remaining-tokens"]), PLENTY)


class TooFewAreLeft(unittest.TestCase):
    def test_is_a_rate_limit_error_of_type_tokens(self):
        cases = {by_openai: openai.RateLimitError, by_litellm: litellm.RateLimitError}
        for ask, expected in cases.items():
            with self.subTest(ask.__name__):
                key = key_with(bound_of(stream=True) + 100)
                running = by_openai(key, stream=True)
                with self.assertRaises(expected) as raised:
                    ask(key)
                running.http_response.close()
                error = raised.exception
                self.assertEqual(error.status_code, 429)
                self.assertEqual(error.body["type"], "tokens")
                self.assertGreaterEqual(int(error.response.headers["retry-after"]), 1)

    def test_the_retry_after_the_hint_succeeds(self):
        # So few are missing that they are there after the second that is the least hint.
        key = key_with(bound_of(stream=True) + bound_of() - 20)
        running = by_openai(key, stream=True)
        answer = by_openai(key, max_retries=1)
        running.http_response.close()
        self.assertEqual(answer.retries_taken, 1)
        self.assertTrue(answer.parse().choices[0].message.content)

    def test_a_call_beyond_the_whole_limit_is_not_repeated(self):
        key = key_with(100)
        with self.assertRaises(openai.RateLimitError) as raised:
            by_openai(key, max_retries=5)
        self.assertEqual(raised.exception.response.headers["x-should-retry"], "false")
        with self.assertRaises(litellm.RateLimitError) as raised:
            by_litellm(key)
        self.assertEqual(raised.exception.body["type"], "tokens")


if __name__ == "__main__":
    unittest.main()
