// Chunks that repeat others but for what they say take a short way through the reader and the
// encoder. What comes out must be what the long way gives, whatever an upstream sends.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Fault, type UpstreamEvent } from '#src/domain/index.ts'
import { type Encoder, surfaces } from '#src/surfaces/index.ts'
import { streamReader } from '#src/upstreams/exchange/body-reader.ts'
import { upstreamOptions } from '#src/upstreams/options.ts'
import { callOf, surfaceNamed } from '../support/surface-call.ts'

const options = upstreamOptions.parse({})

/** A chunk's text around what it says: `@` is its content, `#` and `%` are its counts. */
const envelope = '"id":"a","object":"chat.completion.chunk","created":1,"model":"served"'
const running = '"usage":{"prompt_tokens":9,"total_tokens":%,"completion_tokens":#}'
const choice = (delta: string) => `"choices":[{"index":0,"delta":{${delta}},"finish_reason":null}]`

const shapes = [
  `{${envelope},${choice('"content":"@"')},${running}}`,
  `{${envelope},${choice('"content":"@"')}}`,
  `{${envelope},${choice('"role":"assistant","content":"@","tool_calls":null')},"usage":null}`,
  `{${envelope},${choice('"reasoning_content":"@","content":null')}, ${running} }`,
  `{"choices":[{"delta":{"content":"@"},"index":0,"token_ids":[1]}],${running},${envelope}}`,
  `{${running},${envelope},${choice('"content":"@"')}}`,
  `{${envelope},${choice('"content":"x","content":"@"')},"usage":{"completion_tokens":#},${running}}`,
  `{${envelope},${choice('"content":"@"')},"usage":{"prompt_tokens":9,"completion_tokens":#,` +
    '"prompt_tokens_details":{"cached_tokens":#},"total_tokens":%},"metrics":{"a":"@"}}',
  `{${envelope},${choice('"content":null,"tool_calls":[{"index":0,"function":{"arguments":"@"}}]')}}`,
  `{${envelope},"choices":[{"index":1,"delta":{"content":"@"}}],${running}}`,
  `{${envelope},"choices":[{"index":0,"delta":{"content":"@"}},{"index":0,"delta":{}}]}`,
  `{${envelope},"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"@"}]}`,
  `{${envelope},"choices":[{"index":0,"delta":{"content":"@"},"finish_reason":"stop"}],${running}}`,
  `{${envelope},"choices":[{"index":0,"delta":{"content":"@","audio":null},"finish_reason":null,` +
    `"token_ids":null,"stop_reason":null}],${running}}`,
  `{${envelope},"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":#,"total_tokens":%}}`,
  `{${envelope},"choices":[{"index":0,"text":"@","logprobs":null}],"error":null,${running}}`,
  `{"id":"@","choices":[{"index":0,"text":"@","delta":{"content":"@"}}],${running}}`,
  `{${envelope},${choice('"content":"@"')},"error":"@"}`,
  `{${envelope},"mod\\u0065l":"other",${choice('"content":"@"')},"usage":{"prompt_tokens":#}}`,
]

const content = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    ' the',
    '"',
    '\\',
    '\n',
    '{"a":"',
    'é世🚀',
    'stop',
    '\u2028',
    '\u0000',
    'a',
  ),
  fc.string({ unit: 'grapheme' }),
  fc.integer({ min: 250, max: 260 }).map((length) => 'x'.repeat(length)),
)
const often = <A>(usual: fc.Arbitrary<A>, odd: fc.Arbitrary<A>, weight = 12): fc.Arbitrary<A> =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: odd })

const written = often(
  content.map((text) => JSON.stringify(text).slice(1, -1)),
  // What no server should write.
  fc.constantFrom('\\/', '\\u00e9', '\\ud800', '\\x', '\\', '"', '\t', '","content":"b', '\u007f'),
)
const oddCounts = ['00', '01', '-1', '1.5', '1e3', '', '0', 'null', '"3"', '7,"a":8']
const count = often(
  fc.nat(2000).map(String),
  fc.constantFrom(...oddCounts, '999999999', '1000000000', '99999999999'),
)
const said = fc.record({ content: written, completion: count, total: count })
const change = often(
  fc.constant(null),
  fc.record({
    at: fc.nat(400),
    cut: fc.nat(1),
    put: fc.constantFrom('', '"', '\\', '{', '}', ',', '0', ' ', '\t', 'n'),
  }),
  20,
)

/** Few shapes, in turns: a stream repeats itself, or no two neighbours are alike. */
const stream = fc
  .array(fc.constantFrom(...shapes), { minLength: 1, maxLength: 2 })
  .chain((own) =>
    fc.array(fc.record({ shape: fc.constantFrom(...own), said, change }), { maxLength: 12 }),
  )

test('every chunk becomes what it would become if none had been before it', () => {
  fc.assert(
    fc.property(
      stream,
      fc.array(fc.nat(600), { maxLength: 12 }),
      fc.constantFrom('vllm', 'openai'),
      fc.constantFrom('openai-chat', 'openai-completions'),
      fc.constantFrom(1, 1, 2),
      fc.boolean(),
      (parts, cuts, dialect, surface, n, asks) => {
        const first = `{${envelope},"choices":[{"index":0,"delta":{"role":"assistant"}}]}`
        const texts = [first, ...parts.map(textOf)]
        const events = read(texts, cuts, dialect)
        expect(events.map(plain)).toEqual(readOneByOne(texts, dialect).map(plain))
        const body = {
          model: 'asked',
          messages: [{ role: 'user', content: 'Hi' }],
          prompt: 'Hi',
          n,
        }
        const asked = { stream: true, stream_options: { include_usage: asks } }
        const call = callOf(surfaceNamed(surface), { ...body, ...asked })
        const both = [encoderOf(surface, call), encoderOf(surface, call)] as const
        for (const event of events) {
          const [got, expected] = [outcome(both[0], event), outcome(both[1], plain(event))]
          expect(got).toEqual(expected)
          if (got.fault !== null) return
        }
      },
    ),
    { numRuns: 1500 },
  )
})

test('the short way is taken: a chunk like others is not parsed again', () => {
  const texts = Array.from({ length: 6 }, (_, at) => (shapes[0] ?? '').replace('@', `${at}`))
  const events = read(texts.map(counted), [], 'vllm')
  const repeated = events.filter((event) => event.kind === 'chunk' && event.mould !== undefined)
  expect(repeated).toHaveLength(4)
})

test('of two choices each counts for itself, however alike its chunks are', () => {
  const [shape = ''] = shapes
  const from = (index: number, first: number) =>
    Array.from({ length: 6 }, (_, at) =>
      counted(shape.replace('"index":0', `"index":${index}`), first + at),
    )
  const events = read([...from(0, 1), ...from(1, 1), ...from(0, 7)], [], 'vllm')
  expect(events.some((event) => event.kind === 'chunk' && event.mould !== undefined)).toBe(true)
  const body = { model: 'asked', messages: [{ role: 'user', content: 'Hi' }], stream: true, n: 2 }
  const encoder = encoderOf('openai-chat', callOf(surfaceNamed('openai-chat'), body))
  for (const event of events) encoder.take(event)
  expect(encoder.usage()).toMatchObject({ promptTokens: 9, completionTokens: 12 + 6 })
})

type Part = { shape: string; said: { content: string; completion: string; total: string } } & {
  change: { at: number; cut: number; put: string } | null
}

function textOf({ shape, said: { content, completion, total }, change }: Part): string {
  const text = shape
    .replaceAll('@', () => content)
    .replaceAll('#', completion)
    .replaceAll('%', total)
  if (change === null) return text
  return text.slice(0, change.at) + change.put + text.slice(change.at + change.cut)
}

function counted(text: string, at: number): string {
  return text.replaceAll('#', `${at}`).replaceAll('%', `${9 + at}`)
}

function encoderOf(name: string, call: ReturnType<typeof callOf>): Encoder {
  const surface = surfaces.find((one) => one.name === name)
  if (surface === undefined) throw new Error(name)
  return surface.encoder(call)
}

/** Up to the first failure, as the relay reads. */
function read(texts: readonly string[], cuts: readonly number[], dialect: string): UpstreamEvent[] {
  const reader = streamReader(options, dialect)
  const events = packets(texts, cuts).flatMap((bytes) => reader.push(bytes))
  return upToFailure(events)
}

/** A reader that has seen but the stream's first chunk knows of nothing that repeats. */
function readOneByOne([first = '', ...others]: readonly string[], dialect: string) {
  const events = others.flatMap((text) => {
    const reader = streamReader(options, dialect)
    reader.push(packet(first))
    return reader.push(packet(text))
  })
  return upToFailure([...streamReader(options, dialect).push(packet(first)), ...events])
}

function upToFailure(events: UpstreamEvent[]): UpstreamEvent[] {
  const failedAt = events.findIndex(({ kind }) => kind === 'failed')
  return failedAt === -1 ? events : events.slice(0, failedAt + 1)
}

function packet(text: string): Buffer {
  return Buffer.from(`data: ${text}\n\n`)
}

/** Each event in its own packet, or the stream cut somewhere else. */
function packets(texts: readonly string[], cuts: readonly number[]): Buffer[] {
  if (cuts.length === 0) return texts.map(packet)
  const all = Buffer.concat(texts.map(packet))
  const found: Buffer[] = []
  let at = 0
  for (const length of cuts) {
    found.push(all.subarray(at, at + length))
    at += length
  }
  return [...found, all.subarray(at)]
}

function plain(event: UpstreamEvent): UpstreamEvent {
  if (event.kind === 'chunk') return { kind: 'chunk', text: event.text, value: event.value }
  return event
}

function outcome(encoder: Encoder, event: UpstreamEvent) {
  let text: string | null = null
  let fault: string | null = null
  try {
    text = encoder.take(event)
  } catch (cause) {
    fault = cause instanceof Fault ? `${cause.kind} ${cause.message} ${cause.cause}` : `${cause}`
  }
  const end = encoder.end('n')
  return { text, fault, end, usage: encoder.usage(), isComplete: encoder.isComplete() }
}
