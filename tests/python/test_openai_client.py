"""The official Python client against a gateway in front of the simulator.

Run by `npm run test:python`, which starts both and says where they are."""

import os
import unittest

import openai

BASE_URL = os.environ["PODGATE_BASE_URL"]
KEY = os.environ["PODGATE_KEY"]
MODEL = "phi-2"


def ask(text):
    return [{"role": "user", "content": text}]


def client(**options):
    given = {"base_url": BASE_URL, "api_key": KEY, "max_retries": 0, **options}
    return openai.OpenAI(**given)


class Answers(unittest.TestCase):
    def test_a_whole_answer_has_text_and_usage(self):
        answer = client().chat.completions.create(
            model=MODEL, messages=ask("Hello"), max_tokens=8
        )
        self.assertEqual(answer.model, MODEL)
        self.assertEqual(answer.choices[0].finish_reason, "length")
        self.assertEqual(answer.usage.completion_tokens, 8)
        self.assertTrue(answer.choices[0].message.content)
        self.assertTrue(answer._request_id.startswith("req_"))

    def test_a_stream_is_the_same_text_in_pieces_and_ends_with_usage(self):
        asked = {"model": MODEL, "messages": ask("Hello"), "max_tokens": 8, "seed": 7}
        whole = client().chat.completions.create(**asked)
        chunks = list(
            client().chat.completions.create(
                **asked, stream=True, stream_options={"include_usage": True}
            )
        )
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(chunks[-1].usage.completion_tokens, 8)

    def test_completions_whole_and_streamed(self):
        asked = {"model": MODEL, "prompt": "Once upon", "max_tokens": 6, "seed": 3}
        whole = client().completions.create(**asked)
        streamed = client().completions.create(**asked, stream=True)
        text = "".join(c.choices[0].text for c in streamed if c.choices)
        self.assertEqual(text, whole.choices[0].text)

    def test_embeddings_come_as_numbers_although_they_travel_as_base64(self):
        answer = client().embeddings.create(model="bge-small-en", input=["one", "two"])
        self.assertEqual([item.index for item in answer.data], [0, 1])
        self.assertIsInstance(answer.data[0].embedding[0], float)
        self.assertGreater(answer.usage.prompt_tokens, 0)


class Endings(unittest.TestCase):
    def test_an_error_in_the_middle_of_a_stream_is_raised(self):
        stream = client().chat.completions.create(
            model=MODEL,
            messages=ask("[[sim:engine-dies-after=3]] Hello"),
            max_tokens=32,
            stream=True,
        )
        pieces = []
        with self.assertRaises(openai.APIError) as raised:
            for chunk in stream:
                pieces.append(chunk)
        self.assertGreater(len(pieces), 1)
        self.assertEqual(raised.exception.type, "upstream_error")

    def test_a_client_that_leaves_can_come_back_at_once(self):
        with client().chat.completions.create(
            model=MODEL, messages=ask("Tell me everything"), stream=True
        ) as stream:
            next(iter(stream))
        answer = client().chat.completions.create(
            model=MODEL, messages=ask("Hello"), max_tokens=4
        )
        self.assertEqual(answer.usage.completion_tokens, 4)


class Refusals(unittest.TestCase):
    def test_a_wrong_key(self):
        with self.assertRaises(openai.AuthenticationError) as raised:
            client(api_key="wrong-key-0123456789").models.list()
        self.assertEqual(raised.exception.code, "invalid_api_key")

    def test_an_unknown_model(self):
        with self.assertRaises(openai.NotFoundError) as raised:
            client().chat.completions.create(model="no-such", messages=ask("Hello"))
        self.assertEqual(raised.exception.code, "model_not_found")

    def test_a_bad_parameter_is_named(self):
        with self.assertRaises(openai.BadRequestError) as raised:
            client().chat.completions.create(
                model=MODEL, messages=ask("Hello"), temperature=9
            )
        self.assertEqual(raised.exception.param, "temperature")

    def test_a_wrong_role_and_an_image_for_a_text_model_are_named(self):
        url = "data:image/png;base64,iVBORw0KGgo="
        image = {"type": "image_url", "image_url": {"url": url}}
        for param, message in [
            ("messages[0].role", {"role": "wizard", "content": "Hi"}),
            ("messages[0].content[0]", {"role": "user", "content": [image]}),
        ]:
            with self.assertRaises(openai.BadRequestError) as raised:
                client().chat.completions.create(model=MODEL, messages=[message])
            self.assertEqual(raised.exception.param, param)

    def test_a_text_that_is_too_long_over_a_route_that_loses_the_reason(self):
        text = "one more ladder " * 1_000
        chat, completions = client().chat.completions, client().completions
        embeddings = client().embeddings
        asked = {
            "messages": lambda: chat.create(model=MODEL, messages=ask(text)),
            "messages, streamed": lambda: chat.create(
                model=MODEL, messages=ask(text), stream=True
            ),
            "prompt": lambda: completions.create(model=MODEL, prompt=["Hi", text]),
            "input": lambda: embeddings.create(model="bge-small-en", input=["Hi", text]),
        }
        for what, send in asked.items():
            with self.subTest(what):
                with self.assertRaises(openai.BadRequestError) as raised:
                    send()
                self.assertEqual(raised.exception.code, "context_length_exceeded")
                self.assertEqual(raised.exception.param, what.split(",")[0])

    def test_a_short_text_that_failed_there_is_no_mistake_of_the_client(self):
        with self.assertRaises(openai.InternalServerError) as raised:
            client().chat.completions.create(
                model=MODEL, messages=ask("[[sim:engine-dies-after=1]] Hello")
            )
        self.assertEqual(raised.exception.status_code, 502)

    def test_hints_say_whether_trying_again_can_help(self):
        with self.assertRaises(openai.BadRequestError) as refused:
            client().chat.completions.create(model=MODEL, messages=[])
        self.assertEqual(refused.exception.response.headers["x-should-retry"], "false")
        with self.assertRaises(openai.InternalServerError) as failed:
            client().chat.completions.create(
                model=MODEL, messages=ask("[[sim:status=500]] Hello")
            )
        self.assertEqual(failed.exception.status_code, 502)
        self.assertGreaterEqual(int(failed.exception.response.headers["retry-after"]), 1)


if __name__ == "__main__":
    unittest.main()
