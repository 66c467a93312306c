"""What leaves for a model's server is what we read, as Python's own parser sees it.

Each line of the file holds what became of one generated body: it was refused, or it went on, and
then Python reads there what we read, less what is left out, and every number as it was sent."""

import base64
import collections
import json
import os
import unittest

BODIES = os.environ["PODGATE_BODIES"]
DEPTH_MAX = 256


def built(node):
    """Our reading, with numbers as they are in JavaScript."""
    if isinstance(node, list):
        return [built(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "n" in node:
        return float(node["n"])
    return {name: built(value) for name, value in node["o"]}


def as_written(text):
    """A number by its digits: 9007199254740993 and 9007199254740992 are one number in JavaScript."""
    return {"#": text}


def written(text):
    return json.loads(text, parse_int=as_written, parse_float=as_written)


def names_given_twice(text):
    pairs_of_last = []

    def keep(pairs):
        pairs_of_last[:] = pairs
        return dict(pairs)

    json.loads(text, object_pairs_hook=keep, parse_int=str)
    counts = collections.Counter(name for name, _ in pairs_of_last)
    return [name for name, count in counts.items() if count > 1]


def depth_of(value):
    deepest = 0
    left = [(value, 1)]
    while left:
        one, depth = left.pop()
        if isinstance(one, (dict, list)):
            deepest = max(deepest, depth)
            inner = one.values() if isinstance(one, dict) else one
            left.extend((item, depth + 1) for item in inner)
    return deepest


def changed(members, outcome, read):
    """The members as they have to arrive."""
    kept = {name: value for name, value in members.items() if name not in outcome["removed"]}
    return {**kept, **{name: read(text) for name, text in outcome["set"].items()}}


def same(one, other):
    # Python takes 1, 1.0 and True for equal, and 0.0 and -0.0; their texts differ.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def as_doubles(text):
    return json.loads(text, parse_int=float, parse_float=float)


class Bodies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(BODIES, encoding="utf-8") as lines:
            cls.outcomes = [json.loads(line) for line in lines]
        cls.passed = [one for one in cls.outcomes if "refused" not in one]

    def test_a_good_part_of_them_is_served_and_each_kind_of_refusal_happens(self):
        self.assertEqual(len(self.outcomes), 12_000)
        self.assertGreater(len(self.passed), 4_000)
        refused = collections.Counter(one["refused"] for one in self.outcomes if "refused" in one)
        for message in (
            "The body nests too deeply.",
            "The body holds a number with too many digits.",
            "The body escapes half of a surrogate pair.",
            "A member of the body is given twice.",
            "We could not parse the JSON body of your request.",
        ):
            self.assertGreater(refused[message], 20, message)

    def test_what_goes_on_is_what_we_read_less_what_is_left_out(self):
        for outcome in self.passed:
            upstream = base64.b64decode(outcome["upstream"])
            expected = changed(built(outcome["reading"]), outcome, as_doubles)
            self.assertTrue(same(as_doubles(upstream), expected), upstream[:2000])

    def test_what_goes_on_is_what_was_sent_to_the_digit(self):
        for outcome in self.passed:
            upstream = base64.b64decode(outcome["upstream"])
            sent = written(base64.b64decode(outcome["sent"]))
            self.assertTrue(same(written(upstream), changed(sent, outcome, written)), upstream[:2000])

    def test_python_reads_it_with_no_name_twice_and_none_too_deep(self):
        for outcome in self.passed:
            upstream = base64.b64decode(outcome["upstream"])
            self.assertEqual(names_given_twice(upstream), [], upstream[:2000])
            # Fails as the server's would where an integer is too long for it.
            self.assertLessEqual(depth_of(json.loads(upstream)), DEPTH_MAX)
