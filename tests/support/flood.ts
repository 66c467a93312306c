// More of a stream than all buffers on its way can hold, for a client that does not read.
import { askedOf } from './openai-surfaces.ts'
import { type UpstreamCall, usageOf } from './scripted-upstream.ts'

/** Loopback sockets take some 10 MB on each leg at most. */
const eventsMax = 800
const content = 'x'.repeat(60_000)
/** Everything runs in this process, and so many turns without a byte mean that all is full. */
const quietTurns = 300

/** Resolves when no byte moves any more; says how many tokens were offered. */
export async function flood(call: UpstreamCall): Promise<number> {
  const { response, socket } = call
  const { words } = askedOf(call)
  if (words === null) throw new Error('only a stream can be flooded')
  for (let tokens = 1; tokens <= eventsMax; tokens += 1) {
    response.write(words.chunk(content, { usage: usageOf(11, tokens) }))
  }
  let last = -1
  for (let quiet = 0; quiet < quietTurns; quiet += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    const left = response.writableLength + socket.writableLength
    if (left !== last) quiet = 0
    last = left
  }
  return eventsMax
}
