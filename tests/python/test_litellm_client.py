"""LiteLLM's client against a gateway in front of the simulator, as one OpenAI server among others.

Run by `npm run test:python`, which starts both and says where they are."""

import os
import unittest

# Its table of prices would be fetched from the network otherwise.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

litellm.telemetry = False
litellm.suppress_debug_info = True

BASE_URL = os.environ["PODGATE_BASE_URL"]
KEY = os.environ["PODGATE_KEY"]
MODEL = "phi-2"
# Twice the model's context, and more than any tokeniser could make fit.
TOO_LONG = {"by a server that does not say so": 1_000, "unsent": 20_000}


def ask(content, role="user", **options):
    return litellm.completion(
        model=f"openai/{MODEL}",
        messages=[{"role": role, "content": content}],
        api_base=BASE_URL,
        api_key=KEY,
        max_retries=0,
        **options,
    )


class Answers(unittest.TestCase):
    def test_a_whole_answer(self):
        answer = ask("Hello", max_tokens=8)
        self.assertTrue(answer.choices[0].message.content)
        self.assertEqual(answer.usage.completion_tokens, 8)

    def test_a_stream(self):
        pieces = [c.choices[0].delta.content or "" for c in ask("Hello", max_tokens=8, stream=True)]
        self.assertTrue("".join(pieces))


class Refusals(unittest.TestCase):
    def test_a_text_that_is_too_long(self):
        for how, times in TOO_LONG.items():
            for stream in (False, True):
                with self.subTest(how, stream=stream):
                    with self.assertRaises(litellm.ContextWindowExceededError) as raised:
                        ask("one more ladder " * times, stream=stream)
                    self.assertEqual(raised.exception.status_code, 400)

    def test_a_short_text_that_failed_is_no_such_thing(self):
        with self.assertRaises(litellm.BadGatewayError):
            ask("[[sim:engine-dies-after=1]] Hello")

    def test_a_bad_parameter(self):
        with self.assertRaises(litellm.BadRequestError) as raised:
            ask("Hello", temperature=9)
        self.assertNotIsInstance(raised.exception, litellm.ContextWindowExceededError)

    def test_a_wrong_role_and_an_image_for_a_text_model_are_named(self):
        url = "data:image/png;base64,iVBORw0KGgo="
        image = [{"type": "image_url", "image_url": {"url": url}}]
        for param, asked in {
            "messages[0].role": {"content": "Hi", "role": "wizard"},
            "messages[0].content[0]": {"content": image},
        }.items():
            with self.subTest(param):
                with self.assertRaises(litellm.BadRequestError) as raised:
                    ask(**asked)
                self.assertEqual(raised.exception.body["param"], param)


if __name__ == "__main__":
    unittest.main()
