// What goes over the wire in the bench: request bodies of a known size, and the answers of the mock.
// The model's name says what the mock is to do, so that the relays in between pass it on untouched.

export const modelIds = [
  'whole',
  'ticks-8',
  'ticks-100',
  'ticks-128',
  'ticks-1000',
  'slow',
  'flood',
] as const
export type ModelId = (typeof modelIds)[number]

export const floodBytes = 64 * 1024 * 1024

export interface Target {
  port: number
  /** Sent as a bearer token; a bare relay does not look at it. */
  key: string
}

export function requestText(target: Target, model: ModelId, bodyBytes = 512): string {
  return postText(target, '/v1/chat/completions', requestBody(model, bodyBytes))
}

export function postText({ port, key }: Target, path: string, body: string): string {
  return (
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n` +
    `authorization: Bearer ${key}\r\ncontent-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}

/** Asks the simulator's endpoint `paced` for a stream of exactly so many chunks. */
export function pacedText(target: Target, chunks: number): string {
  const messages = [{ role: 'user', content: 'Say as much as you can.' }]
  const more = { max_tokens: chunks, ignore_eos: true, stream: true }
  const body = JSON.stringify({ model: 'paced', messages, ...more })
  return postText(target, '/v2/paced/openai/v1/chat/completions', body)
}

/** Messages of a usual length, as many as it takes. */
function requestBody(model: ModelId, bodyBytes: number): string {
  const head = `{"model":"${model}","messages":[`
  const tail = `],"temperature":0.7,"max_tokens":256${model === 'whole' ? '' : ',"stream":true'}}`
  const room = bodyBytes - head.length - tail.length
  const sentence = 'The quick brown fox jumps over the lazy dog, again and \\"again\\".\\n'
  const messages: string[] = []
  let used = 0
  while (used < room) {
    const role = messages.length % 2 === 0 ? 'user' : 'assistant'
    const length = Math.min(1000, Math.max(8, room - used - 30))
    const text = sentence.repeat(Math.ceil(length / sentence.length))
    const message = `{"role":"${role}","content":"${text.slice(0, length).replace(/\\$/, '')}"}`
    messages.push(message)
    used += message.length + 1
  }
  return head + messages.join(',') + tail
}

export const wholeAnswer = JSON.stringify({
  id: 'chatcmpl-0123456789abcdef0123456789abcdef',
  object: 'chat.completion',
  created: 1795271535,
  model: 'whole',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'A short answer. '.repeat(12), refusal: null },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 120, total_tokens: 160, completion_tokens: 40 },
})

/** Marks the moment of sending and the chunk's number inside its content. */
const stampMark = '"content":"@'
const stampLength = 16
const seqLength = 6
const chunkHead =
  'data: {"id":"chatcmpl-0123456789abcdef0123456789abcdef","object":"chat.completion.chunk",' +
  '"created":1795271535,"model":"ticks","choices":[{"index":0,"delta":{'
const chunkTail =
  '"},"logprobs":null,"finish_reason":null}],' +
  '"usage":{"prompt_tokens":120,"total_tokens":160,"completion_tokens":40}}\n\n'

export function stampedChunk(seq: number, sentMs: number): string {
  const stamp = sentMs.toFixed(4).padStart(stampLength, '0')
  return `${chunkHead}${stampMark}${stamp} ${String(seq).padStart(seqLength, '0')}${chunkTail}`
}

/** The stamp of an event's text; null when it carries none. */
export function stampIn(text: string): { sentMs: number; seq: number } | null {
  const at = text.indexOf(stampMark)
  if (at === -1) return null
  const start = at + stampMark.length
  const sentMs = Number(text.slice(start, start + stampLength))
  return { sentMs, seq: Number(text.slice(start + stampLength + 1, start + stampLength + 7)) }
}

export const streamEnd =
  `${chunkHead}},"logprobs":null,"finish_reason":"stop"}]}\n\n` +
  'data: {"id":"chatcmpl-0123456789abcdef0123456789abcdef","object":"chat.completion.chunk",' +
  '"created":1795271535,"model":"ticks","choices":[],' +
  '"usage":{"prompt_tokens":120,"total_tokens":248,"completion_tokens":128}}\n\n' +
  'data: [DONE]\n\n'

/** Events of 4 KB: an upstream that is much faster than its reader. */
export function floodBlock(): string {
  const event = `${chunkHead}"content":"${'flood '.repeat(640)}${chunkTail}`
  return event.repeat(16)
}
