// Requests that no usual client sends, such as a broken address or lists nested without end, are
// refused, and the simulator goes on.
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { runSimulator } from './support/running.ts'

const simulator = runSimulator()

/** What comes back for a request line that no client would write. */
async function answerTo(requestLine: string): Promise<string> {
  const socket = connect(Number(new URL(simulator.url()).port), '127.0.0.1')
  await once(socket, 'connect')
  socket.write(`${requestLine} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
  let text = ''
  for await (const part of socket.setEncoding('utf8')) text += part
  return text
}

test.each(['GET //', 'GET http://[::1/', 'POST //%'])(
  'an address that is none is refused, and the simulator goes on: %s',
  async (requestLine) => {
    expect(await answerTo(requestLine)).toMatch(/^HTTP\/1\.1 400 /)
    expect((await simulator.call('/v2/sim-phi/health')).status).toBe(200)
  },
)

test.each([
  ['lists', '[', '1', ']'],
  ['objects', '{"a":', '1', '}'],
])('a body of %s in one another without end is refused', async (_, open, inside, close) => {
  const nested = `${open.repeat(1100)}${inside}${close.repeat(1100)}`
  const body = `{"input":{"a":${nested}},"webhook":"http://127.0.0.1:9/"}`
  const refused = await simulator.call('/v2/sim-phi/run', body)
  expect([refused.status, await refused.text()]).toEqual([400, '{"error":"body too deep"}'])
})

test('brackets in a text are no lists', async () => {
  const input = { prompt: `\\"${'['.repeat(20_000)}` }
  expect((await simulator.call('/v2/sim-phi/run', { input })).status).toBe(200)
})
