// How Python writes values, and the errors of failed jobs in that form. The expected errors are
// what a worker of 2026-08-20 posted to its platform.
import { describe, expect, test } from 'vitest'
import {
  PythonFloat,
  pythonFloat,
  pythonRepr,
  unknownInputError,
  vllmRefusedError,
} from '#src/wire/runpod/index.ts'

describe('the error of a failed job is the Python repr that the worker posts', () => {
  test('double quotes of the quoted answer stay, its apostrophe is escaped', () => {
    const body =
      '{"error":{"message":"This model\'s maximum context length is 2048 tokens.","code":400}}'
    expect(vllmRefusedError(400, body)).toBe(
      '{\'message\': \'vLLM returned HTTP 400: {"error":{"message":"This model\\\'s maximum ' +
        "context length is 2048 tokens.\",\"code\":400}}', 'type': 'worker_error', 'code': None}",
    )
  })

  test('a route that vLLM does not have', () => {
    expect(vllmRefusedError(404, '{"detail":"Not Found"}')).toBe(
      '{\'message\': \'vLLM returned HTTP 404: {"detail":"Not Found"}\', ' +
        "'type': 'worker_error', 'code': None}",
    )
  })

  test('an input that is none of the known forms', () => {
    expect(unknownInputError()).toBe(
      "{'message': 'Job input must contain one of: openai_input (+openai_route), route (+body), " +
        "or prompt/messages.', 'type': 'worker_error', 'code': None}",
    )
  })
})

test('an integer beyond what JavaScript counts is written in full', () => {
  expect(pythonRepr(2n ** 63n)).toBe('9223372036854775808')
})

test.each([
  [null, 'None'],
  [true, 'True'],
  [7, '7'],
  [1.5, '1.5'],
  [new PythonFloat(99), '99.0'],
  ['hi', "'hi'"],
  ["it's", '"it\'s"'],
  ['it\'s "so"', "'it\\'s \"so\"'"],
  ['a\nb\tc\\', "'a\\nb\\tc\\\\'"],
  ['\u0000\u007f\u00ad', "'\\x00\\x7f\\xad'"],
  ['é漢🙂', "'é漢🙂'"],
  [[1, 'a'], "[1, 'a']"],
  [{ a: { b: null } }, "{'a': {'b': None}}"],
])('Python writes %j as %s', (value, text) => {
  expect(pythonRepr(value)).toBe(text)
})

test.each([
  [-1, '-1.0'],
  [0.00001, '1e-05'],
  [1e22, '1e+22'],
  [123456.5, '123456.5'],
  [Number.NaN, 'nan'],
  [Number.NEGATIVE_INFINITY, '-inf'],
])('Python writes the float %d as %s', (value, text) => {
  expect(pythonFloat(value)).toBe(text)
})
