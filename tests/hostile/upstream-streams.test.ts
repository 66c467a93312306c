// Servers whose HTTP is fine and whose event streams, or what they say in them, are not.
import { describe, expect, test } from 'vitest'
import { eventsOf } from '../support/client-call.ts'
import { chunk, done, event, lastChunk, usageChunk, usageOf } from '../support/scripted-upstream.ts'
import { kinds } from '../support/test-gateway.ts'
import { stream } from './raw-server.ts'
import { type Behaviour, foreign, hostileRig } from './upstream-rig.ts'

/** Its plain part, for where a text stands in JSON. */
const core = foreign.text.replaceAll(/<.?b>/g, '')
const bad = { status: 502, code: 'upstream_bad_answer' }
const hello = chunk('Hello', { usage: usageOf(11, 1) })
const rest = lastChunk() + usageChunk(11, 1) + done
const good = hello + rest
const error = event({ error: { message: foreign.text, type: 'InternalServerError', code: 500 } })

const content = { content: 'Hello' }
const breaksBadly = { after: 'Hello', code: 'upstream_bad_answer' }
const breaksOff = { after: 'Hello', code: 'upstream_cut' }

function choices(...given: unknown[]): string {
  return chunk('', { choices: given })
}

/** A choice that says this and, perhaps, that it is finished. */
function choice(index: unknown, text: string, reason: unknown = null) {
  return { index, delta: { content: text }, logprobs: null, finish_reason: reason }
}

function without(name: string): string {
  return hello.replace(new RegExp(`"${name}":"[^"]*",`), '')
}

const [, helloJson = ''] = /data: (.*)\n\n/.exec(hello) ?? []
/** The same event over two lines of data, cut where JSON allows a line end. */
const overTwoLines = `data: ${helloJson.replace('"choices":[{', '"choices":\ndata: [{')}\n\n`

/* biome-ignore format: a table reads as a table */
const framing: Record<string, string | [string, Behaviour['ends']]> = {
  'line ends of carriage return and line feed': good.replaceAll('\n', '\r\n'),
  'line ends of carriage return alone':   good.replaceAll('\n', '\r'),
  'a mark of its byte order':             `\ufeff${good}`,
  'no space after the colon':             good.replaceAll('data: ', 'data:'),
  'comments before, between and after':   `: one\n\n:\n\n${hello}: two\n\n: three\n${rest}: four\n\n`,
  'a comment with a word of its own':     `: ${foreign.text}\n\n${hello}: ${foreign.text}\n\n${rest}`,
  'ids, retries and names of events':     good.replaceAll('data: ', `id: ${foreign.text}\nretry: 1\nevent: message\ndata: `),
  'fields that nobody knows':             good.replaceAll('data: ', `x-field: ${foreign.text}\nnothing\ndata: `),
  'events without data':                  `event: ping\n\n${hello}id: 7\n\n${rest}`,
  'a hundred blank lines':                '\n'.repeat(100) + hello + '\n'.repeat(100) + rest,
  'an event over two lines of data':      overTwoLines + rest,
  'spaces after its mark of the end':     `${hello}${lastChunk()}data: [DONE] \n\n`,
  'its mark of the end twice':            good + done,
  'more after its mark of the end':       good + chunk(foreign.text) + error + done,
  'no mark of the end':                   hello + lastChunk(),
  'no blank line after its mark of the end': good.trimEnd(),
  'an event of empty data':               `data:\n\n${hello}data: \n\n${rest}data\n\n`,
  'an event named error':                 [`${hello}event: error\n${error}`, breaksBadly],
  'an event named error, with its words bare': [`${hello}event: error\ndata: {"message":"${foreign.text}"}\n\n`, breaksBadly],
  'only comments':                        [': one\n\n: two\n\n', bad],
  'only its mark of the end':             [done, bad],
  'its mark of the end first':            [done + good, bad],
  'a last event without its blank line':  [(hello + lastChunk()).trimEnd(), breaksOff],
  'only the start of an event':           ['data: {"choices":[{"index":0', bad],
  'an error first':                       [error + good, bad],
  'an error and its mark of the end':     [hello + error + done, breaksBadly],
  'an error after all has finished':      [hello + lastChunk() + error + done, breaksBadly],
}

/* biome-ignore format: a table reads as a table */
const bytes: Record<string, string | Buffer | [string | Buffer, Behaviour['ends']]> = {
  'an event that is no JSON':             [`${hello}data: {"choices":[${foreign.text}\n\n${rest}`, breaksBadly],
  'a first event that is no JSON':        [`data: ${foreign.text}\n\n${rest}`, bad],
  'an event that is a list':              [`${hello}data: [{}]\n\n${rest}`, breaksBadly],
  'an event that is a number':            [`${hello}data: 5\n\n${rest}`, breaksBadly],
  'an event that is null':                [`${hello}data: null\n\n${rest}`, breaksBadly],
  'an event that is a text':              [`${hello}data: "${core}"\n\n${rest}`, breaksBadly],
  'two JSONs in one event':               [`data: ${helloJson}${helloJson}\n\n${rest}`, bad],
  'a zero byte in an event':              [`${hello}data: {"a":"\0"}\n\n${rest}`, breaksBadly],
  'an event of a depth beyond all':       [`${hello}data: ${'['.repeat(100_000)}\n\n${rest}`, breaksBadly],
}

/* biome-ignore format: a table reads as a table */
const meaning: Record<string, string | [string, Behaviour['ends']]> = {
  'an event without choices':             [hello + event({ created: 1 }) + rest, breaksBadly],
  'a first event without choices':        [event({ detail: foreign.text }), bad],
  'choices that are an object':           [hello + chunk('', { choices: { 0: {} } }) + rest, breaksBadly],
  'choices that are a text':              [hello + chunk('', { choices: foreign.text }) + rest, breaksBadly],
  'a choice that is null':                [hello + choices(null) + rest, breaksBadly],
  'a choice that is a text':              [hello + choices(foreign.text) + rest, breaksBadly],
  'a choice that nobody asked for':       [hello + choices(choice(1, 'Other', 'stop')) + done, breaksBadly],
  'a choice of a negative number':        [hello + choices(choice(-1, 'Other', 'stop')) + done, breaksBadly],
  'a choice whose number is a text':      [hello + choices(choice('0', 'Other', 'stop')) + done, breaksBadly],
  'a choice without a number':            [hello + choices({ delta: {}, finish_reason: 'stop' }) + done, breaksBadly],
  'no finish':                            [hello + usageChunk(11, 1) + done, breaksOff],
  'no finish but an empty text':          [chunk('', { choices: [choice(0, 'Hello', '')] }) + done, breaksOff],
  'an empty text until its finish':       chunk('', { choices: [choice(0, 'Hello', '')] }) + rest,
  'a finish that is no text':             [hello + choices(choice(0, '', 7)) + done, breaksBadly],
  'a finish of an engine that gave up':   [hello + lastChunk(0, 'abort') + done, breaksOff],
  'a finish of an engine that failed':    [hello + lastChunk(0, 'error') + done, breaksOff],
  'a finish of a server short of means':  [hello + lastChunk(0, 'insufficient_system_resource') + done, breaksOff],
  'content where only whole answers have it': [hello + choices({ index: 0, message: { content: 'o' }, finish_reason: 'stop' }) + done, breaksBadly],
  'a delta that is a text':               [hello + choices({ index: 0, delta: 'o', finish_reason: null }) + rest, breaksBadly],
  'no delta':                             hello + choices({ index: 0, finish_reason: null }) + rest,
  'a finish twice':                       hello + lastChunk() + lastChunk() + done,
  'content after its finish':             [chunk('Hel') + lastChunk() + chunk('lo') + done, { content: 'Hello' }],
  'usage before its finish':              hello + usageChunk(11, 1) + lastChunk() + done,
  'no name of a model':                   without('model') + rest,
  'another model’s name':                 good.replaceAll('served/model', core),
  'chunks of another answer':             [hello + good.replaceAll('chatcmpl-1', 'chatcmpl-2'), breaksOff],
  'no id':                                without('id') + rest,
}

const nonsense = [-1, 1.5, '7', null, [], {}, 1e300, 9_007_199_254_740_991, '1e9999']

describe.each(kinds)('in front of %s, a stream with', (kind) => {
  const rig = hostileRig(kind)

  test.each(Object.entries({ ...framing, ...bytes, ...meaning }))('%s', async (_name, given) => {
    const [body, ends] = Array.isArray(given) ? given : [given, content]
    await rig.meets({ says: stream(body), ends, tries: 1 })
  })

  test.each(nonsense)('usage of %j is charged as if there were none', async (count) => {
    const usage = { prompt_tokens: count, completion_tokens: count, total_tokens: count }
    const text = chunk('Hello') + lastChunk() + chunk('', { choices: [], usage }) + done
    const says = stream(text)
    const extra = { stream_options: { include_usage: true } }
    await rig.meets({ says, ends: content, extra, tries: 1 })
    await rig.gateway().logged({ event: 'call', stream: true })
    const counts = rig
      .gateway()
      .logLines()
      .filter((line) => line.event === 'call' && line.stream === true)
      .map(({ tokens }) => tokens as { prompt: number; completion: number })
    for (const { prompt, completion } of counts) {
      expect(prompt).toBeLessThanOrEqual(11)
      expect(completion).toBeLessThanOrEqual(11)
    }
  })

  test('bytes that are no UTF-8 reach the client as the sign for it', async () => {
    const [before, after] = chunk('Hel|lo').split('|')
    const broken = Buffer.concat([
      Buffer.from(before ?? ''),
      Buffer.from([0xc3, 0x28, 0xff, 0xed, 0xa0, 0x80]),
      Buffer.from(`${after}${rest}`),
    ])
    const ends = { content: `Hel${'\ufffd'}(${'\ufffd'.repeat(4)}lo` }
    await rig.meets({ says: stream(broken), ends, tries: 1 })
  })

  test('halves of characters and zeros that are escaped passes untouched', async () => {
    const says = stream(chunk('\ud83d \0 \udc00') + rest)
    await rig.meets({ says, ends: { content: '\ud83d \0 \udc00' }, tries: 1 })
  })

  test('fewer choices finished than were asked for is cut', async () => {
    const two = choices(choice(0, 'Hello', 'stop')) + choices(choice(1, '')) + done
    await rig.meets({ says: stream(two), ends: breaksOff, extra: { n: 2 }, tries: 1 })
  })

  test('one choice that finishes twice does not finish the other', async () => {
    const twice = choices(choice(0, 'Hello', 'stop')) + lastChunk(0) + done
    await rig.meets({ says: stream(twice), ends: breaksOff, extra: { n: 2 }, tries: 1 })
  })

  test('an event over two lines of data reaches the client as one line', async () => {
    const { text } = await rig.meets({ says: stream(overTwoLines + rest), ends: content })
    expect(eventsOf(text).events).toHaveLength(2)
  })

  test('no event of ours carries the server’s name of the model', async () => {
    const { text } = await rig.meets({ says: stream(without('model') + rest), ends: content })
    const models = eventsOf(text).events.map(({ model }) => model)
    expect(new Set(models)).toEqual(new Set(['test-model']))
  })
})
