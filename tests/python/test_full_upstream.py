"""What clients meet whose model stays full: a 429 within 25 seconds, and not a wait of minutes.

Run by `npm run test:python`, which starts a gateway and the simulator and says where they are."""

import os
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
import openai

litellm.telemetry = False
litellm.suppress_debug_info = True

BASE_URL = os.environ["PODGATE_BASE_URL"]
KEY = os.environ["PODGATE_KEY"]
# No other test asks this one: its line may still pause when this test is over.
MODEL = "qwen2-7b-career"
# The simulator answers such a call as RunPod does when it has too many requests.
MESSAGES = [{"role": "user", "content": "[[sim:status=429]] Hello"}]


def by_openai():
    client = openai.OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0)
    client.chat.completions.create(model=MODEL, messages=MESSAGES)


def by_litellm():
    litellm.completion(
        model=f"openai/{MODEL}",
        messages=MESSAGES,
        api_base=BASE_URL,
        api_key=KEY,
        max_retries=0,
    )


def refused(ask):
    started = time.monotonic()
    try:
        ask()
    except Exception as error:
        return error, time.monotonic() - started
    return None, time.monotonic() - started


class FullUpstream(unittest.TestCase):
    def test_is_a_rate_limit_error_within_25_seconds(self):
        cases = {by_openai: openai.RateLimitError, by_litellm: litellm.RateLimitError}
        with ThreadPoolExecutor(len(cases)) as pool:
            answers = {ask: pool.submit(refused, ask) for ask in cases}
        for ask, expected in cases.items():
            with self.subTest(ask.__name__):
                error, seconds = answers[ask].result()
                self.assertIsInstance(error, expected)
                self.assertEqual(error.status_code, 429)
                self.assertLess(seconds, 25)


if __name__ == "__main__":
    unittest.main()
