// Each fault is asked for by a marker or by a rule, and a client of a running simulator must see
// what the fault promises.
import { describe, expect, test } from 'vitest'
import { isFault, markedFaults } from '#src/simulator/control/faults.ts'
import { readAnswer, readTorn } from '../support/events.ts'
import { chat, runSimulator } from '../support/running.ts'

const simulator = runSimulator()
const doors = {
  engine: '/engine/sim-phi/v1/chat/completions',
  route: '/v2/sim-phi/openai/v1/chat/completions',
}

async function streamed(door: keyof typeof doors, faults: string) {
  const body = chat(`go on ${faults}`, { stream: true, stream_options: { include_usage: true } })
  return readTorn(await simulator.call(doors[door], body))
}

describe.each(['engine', 'route'] as const)('on the %s, a marker in the prompt', (door) => {
  test('cut-after tears the connection after so many content events', async () => {
    const { text, torn } = await streamed(door, '[[sim:cut-after=5]]')
    expect([torn, readAnswer(text).contents]).toEqual([true, 5])
  })

  test('end-after ends cleanly without a finish reason or a mark of the end', async () => {
    const { text, torn } = await streamed(door, '[[sim:end-after=5]]')
    const { contents, finish, isDone } = readAnswer(text)
    expect([torn, contents, finish, isDone]).toEqual([false, 5, null, false])
  })

  test('engine-dies-after sends the error event, then the mark of the end, and ends', async () => {
    const { text, torn } = await streamed(door, '[[sim:engine-dies-after=2]]')
    const { contents, error, isDone } = readAnswer(text)
    expect([torn, contents, isDone]).toEqual([false, 2, true])
    expect(error).toMatch(/^EngineCore encountered an issue/)
  })

  test('stall-after goes silent and stays open', async () => {
    const leaving = new AbortController()
    const body = chat('[[sim:stall-after=3]]', { stream: true })
    const response = await simulator.call(doors[door], body, { signal: leaving.signal })
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString()
      if (readAnswer(text).contents === 3) break
    }
    leaving.abort()
    expect(readAnswer(text).isDone).toBe(false)
  })

  test('no-done and no-usage leave out what they say', async () => {
    const { text } = await streamed(door, '[[sim:no-done]] [[sim:no-usage]]')
    const { isDone, usage, finish } = readAnswer(text)
    expect([isDone, usage, finish]).toEqual([false, null, 'stop'])
  })

  test('tokens makes exactly so many', async () => {
    const answer = readAnswer((await streamed(door, '[[sim:tokens=200]]')).text)
    expect([answer.contents, answer.usage?.completion_tokens]).toEqual([200, 200])
  })

  test('status answers at the door', async () => {
    expect((await simulator.call(doors[door], chat('[[sim:status=418]]'))).status).toBe(418)
  })

  test('html answers with the page of the network in front', async () => {
    const response = await simulator.call(doors[door], chat('[[sim:html=524]]'))
    expect(response.status).toBe(524)
    expect(response.headers.get('content-type')).toMatch('text/html')
    expect(await response.text()).toMatch('Error code 524')
  })

  test('string-error is an error without an object', async () => {
    const response = await simulator.call(doors[door], chat('[[sim:string-error]]'))
    expect(response.status).toBe(500)
    expect(await response.json()).toEqual({ error: 'Error processing the request' })
  })

  test('error-200 is an error that looks like success', async () => {
    const response = await simulator.call(doors[door], chat('[[sim:error-200]]'))
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ object: 'error', code: 404 })
  })

  test('headers-only sends the head of a stream and nothing else', async () => {
    const leaving = new AbortController()
    const body = chat('[[sim:headers-only]]', { stream: true })
    const response = await simulator.call(doors[door], body, { signal: leaving.signal })
    expect(response.headers.get('content-type')).toMatch('text/event-stream')
    leaving.abort()
  })

  test('never answers nothing', async () => {
    const leaving = new AbortController()
    const answer = simulator.call(doors[door], chat('[[sim:never]]'), { signal: leaving.signal })
    const other = await simulator.call(doors[door], chat('hi'))
    expect(other.status).toBe(200)
    leaving.abort()
    await expect(answer).rejects.toThrow()
  })

  test.each([
    ['cut-after', true, 200],
    ['end-after', false, 200],
  ])('%s breaks a whole answer in its middle', async (fault, isTorn, status) => {
    const response = await simulator.call(doors[door], chat(`[[sim:${fault}=1]]`))
    const { text, torn } = await readTorn(response)
    expect([response.status, torn]).toEqual([status, isTorn])
    expect(() => JSON.parse(text)).toThrow()
  })
})

describe('a rule on the control route', () => {
  const add = (rule: object) => simulator.call('/__control/faults', rule)
  const clear = () => simulator.call('/__control/faults', undefined, { method: 'DELETE' })
  const ask = async (door: string) => (await simulator.call(door, chat('hi'))).status

  test('meets the calls of its endpoint, so many times', async () => {
    await add({ match: { endpoint: 'sim-phi' }, fault: 'status=418', times: 2 })
    const qwen = '/engine/sim-qwen/v1/chat/completions'
    expect([await ask(doors.engine), await ask(qwen)]).toEqual([418, 200])
    expect([await ask(doors.route), await ask(doors.engine)]).toEqual([418, 200])
    await clear()
  })

  test('meets the nth call only', async () => {
    await add({ match: { nth: 2 }, fault: 'status=418' })
    const statuses = [await ask(doors.engine), await ask(doors.engine), await ask(doors.engine)]
    expect(statuses).toEqual([200, 418, 200])
    await clear()
  })

  test('meets calls by chance, the same ones for the same seed', async () => {
    await add({ match: { probability: 0.5 }, fault: 'status=418' })
    const statuses: number[] = []
    for (let call = 0; call < 20; call += 1) statuses.push(await ask(doors.engine))
    expect(new Set(statuses)).toEqual(new Set([200, 418]))
    await clear()
  })

  test('taken away, it meets nothing', async () => {
    await add({ fault: 'status=418' })
    await clear()
    expect(await ask(doors.engine)).toBe(200)
  })

  test.each([{ fault: 'nonsense' }, { fault: 'status' }, { fault: 'busy', match: { nth: 0 } }])(
    '%j is refused with a reason',
    async (rule) => {
      const response = await add(rule)
      expect(response.status).toBe(400)
      expect(await response.json()).toHaveProperty('error')
    },
  )
})

test.each([
  ['status=503', true],
  ['status=99', false],
  ['status=', false],
  ['busy', true],
  ['busy=1', false],
  ['cut-after=0', true],
  ['toString', false],
])('%s is a fault: %s', (fault, expected) => {
  expect(isFault(fault)).toBe(expected)
})

test('markers are found anywhere in a body, unknown ones are passed over', () => {
  const body = JSON.stringify({
    messages: [{ content: 'a [[sim:busy]] [[sim:x]] [[sim:tokens=3]]' }],
  })
  expect(markedFaults(Buffer.from(body))).toEqual(['busy', 'tokens=3'])
})
