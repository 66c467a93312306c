// What an upstream may say, the worst it could repeat included: everything that is secret, wherever a
// text can stand.
import { canary } from '../support/canaries.ts'
import {
  askedOf,
  type StreamAsking,
  type StreamWords,
  streamAskings,
} from '../support/openai-surfaces.ts'
import {
  answerWhole,
  beginStream,
  done,
  event,
  type Script,
  type UpstreamCall,
} from '../support/scripted-upstream.ts'

export const key = canary('client key', 'ck-', '+/=.~')
export const prompt = canary('prompt', 'é"\\/\n ', ' 😀&=?')
const completion = canary('completion', '"ü\t', '\\n<')
export const argument = canary('tool argument', '{"q":"', 'ß"}')
export const credential = canary('upstream key', 'uk-', '+/=.~')
export const secrets = [key, prompt, completion, argument, credential]

export const toolCalls = [
  { index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: argument.text } },
]
const said = (value: unknown) => event({ error: value })
/** Whoever is not asked for a stream streams chat. */
const wordsFor = (call: UpstreamCall) =>
  askedOf(call).words ?? (streamAskings[0] as StreamAsking).words
const streams =
  (events: (words: StreamWords) => string[]): Script =>
  (call) => {
    beginStream(call)
    call.response.end(events(wordsFor(call)).join(''))
  }
const refuses =
  (status: number, body: unknown): Script =>
  (call) =>
    answerWhole(call, typeof body === 'string' ? body : JSON.stringify(body), status)

export const everything = secrets.map(({ text }) => text).join(' ')
const validation = {
  message: `1 validation error: {'type': 'x', 'loc': ('body',), 'input': '${everything}'}`,
  type: 'BadRequestError',
  param: prompt.text,
  code: 400,
}

export const tellingScripts: Record<string, Script> = {
  'a good answer': (call) => {
    const { surface, words } = askedOf(call)
    const finish_reason = surface.hasTools ? 'tool_calls' : 'stop'
    if (words !== null) {
      const toldOf = { index: 0, delta: { tool_calls: toolCalls }, finish_reason: null }
      const choices = surface.hasTools ? [toldOf] : [words.choice(0, argument.text)]
      return streams(({ chunk, last }) => [
        chunk(completion.text),
        chunk('', { choices }),
        last(0, finish_reason),
        done,
      ])(call)
    }
    const message = { role: 'assistant', content: completion.text, tool_calls: toolCalls }
    const choices = [{ index: 0, message, finish_reason }]
    answerWhole(
      call,
      surface.hasTools ? JSON.stringify({ choices }) : surface.whole(completion.text),
    )
  },
  'an answer of nonsense': refuses(200, everything),
  'an answer of another shape': refuses(200, { text: everything }),
  'a refusal that repeats the prompt': refuses(400, { error: validation }),
  'an older refusal': refuses(422, { object: 'error', ...validation }),
  'a refusal by a worker': refuses(500, {
    error: `vLLM returned HTTP 400: ${JSON.stringify({ error: validation })}`,
  }),
  'a context that is too long': refuses(400, {
    error: { ...validation, message: `maximum context length is 9 tokens ${everything}` },
  }),
  'a refused credential': refuses(401, { error: `wrong key ${everything}` }),
  'a crash': refuses(500, { error: { ...validation, type: everything, code: everything } }),
  'a crash in Python': refuses(500, `Traceback (most recent call last): ${everything}`),
  'an edge': ({ response }) => {
    response.writeHead(502, { 'content-type': `text/html; x="${encodeURIComponent(everything)}"` })
    response.end(`<html>${everything}</html>`)
  },
  'a redirect': ({ response }) => {
    response.writeHead(307, { location: `/${encodeURIComponent(everything)}` }).end(everything)
  },
  'an error inside a 200': streams(() => [said(validation), done]),
  'an error after the first token': streams(({ chunk }) => [
    chunk(completion.text),
    said(validation),
    done,
  ]),
  'a broken event': streams(({ chunk }) => [chunk('ok'), `data: {"x": ${everything}\n\n`]),
  'a cut within an event': (call) => {
    const { chunk } = wordsFor(call)
    beginStream(call)
    call.response.write(chunk('ok') + chunk(everything).slice(0, -2), () => call.socket.destroy())
  },
  'a finish of its own': streams(({ chunk, last }) => [chunk('ok'), last(0, 'error'), done]),
  'no HTTP': ({ socket }) => void socket.end(`HTTP/9 ${everything}\r\n\r\n`),
  'headers without end': ({ socket }) => {
    socket.end(`HTTP/1.1 200 OK\r\nx-big: ${everything.replaceAll('\n', '')}${'x'.repeat(99_999)}`)
  },
  // The last: calls that follow are held back for a while.
  'a quota': refuses(429, everything),
}
