// The contract's part on good answers: what is asked, what is told, and how fast.
import { describe, expect, test } from 'vitest'
import {
  answerWhole,
  beginStream,
  chunk,
  done,
  goodAnswer,
  lastChunk,
  type UpstreamCall,
  wholeAnswer,
} from '../support/scripted-upstream.ts'
import { attempt, listen, meet, requestBody, type Subject, settled } from './subject.ts'

const freed = { how: 'ended', cancellation: 'none' }

export function answersContract(subject: Subject): void {
  describe('a request', () => {
    test('goes to the kind’s own address, with its key and the body as it is', async () => {
      const { server, upstream } = await meet(subject, goodAnswer)
      await listen(await attempt(upstream).answer)
      const [call] = server.calls
      const [name, value] = subject.keyHeader
      expect(call?.request).toMatchObject({ method: 'POST', url: subject.path })
      expect(call?.request.headers).toMatchObject({
        'content-type': 'application/json',
        [name]: value,
      })
      expect(call?.body).toBe(requestBody(true).toString())
      expect(server.calls).toHaveLength(1)
    })

    test('is told of while it is on its way', async () => {
      const { upstream } = await meet(subject, goodAnswer)
      const first = attempt(upstream)
      await listen(await first.answer)
      expect(first.phases).toEqual(['connecting', 'waiting'])
    })

    test('is the only one there is: looking at an upstream never asks it anything', async () => {
      const { server, upstream } = await meet(subject, goodAnswer)
      upstream.readiness()
      upstream.capacity()
      upstream.onChange(() => {})[Symbol.dispose]()
      await listen(await attempt(upstream).answer)
      expect(server.calls).toHaveLength(1)
      expect(server.openSockets()).toBe(1)
    })

    test('is only made for a surface that the kind speaks', () => {
      const upstream = meet(subject, goodAnswer)
      return upstream.then(({ upstream: { speaks } }) => {
        expect(speaks('openai-chat')).toMatch(/^(vllm|openai)$/)
        expect(speaks('')).toBeNull()
      })
    })
  })

  describe('a good answer', () => {
    test('streamed, is its events in order, to the byte, then the end', async () => {
      const { upstream } = await meet(subject, goodAnswer)
      const one = attempt(upstream)
      const answer = await one.answer
      const { events, fault } = await listen(answer)
      expect(fault).toBeNull()
      expect(events.map(({ kind }) => kind)).toEqual([...Array(5).fill('chunk'), 'done'])
      expect(events[1]).toMatchObject({ value: { choices: [{ delta: { content: 'Hello' } }] } })
      for (const event of events) {
        if (event.kind === 'chunk') expect(event.value).toEqual(JSON.parse(event.text))
      }
      expect(answer.dialect).toBe(upstream.speaks('openai-chat'))
      expect(await one.released).toEqual(freed)
      expect(await answer.next()).toBeNull()
    })

    test('whole, is one event, to the byte', async () => {
      const body = wholeAnswer('Gr\u00fc\u00dfe \\u00fc 🚀').replace(
        '{',
        '{ "n" : 12345678901234567890 ,',
      )
      const { upstream } = await meet(subject, (call) => answerWhole(call, body))
      const one = attempt(upstream, false)
      const { events, fault } = await listen(await one.answer)
      expect(fault).toBeNull()
      expect(events).toEqual([{ kind: 'whole', text: body, value: JSON.parse(body) }])
      expect(await one.released).toEqual(freed)
    })

    test('is told event by event, as each arrives', async () => {
      const { server, upstream } = await meet(subject, beginAndSay('one'))
      const answer = await attempt(upstream).answer
      const call = await server.nextCall()
      expect(await answer.next()).toMatchObject({ kind: 'chunk' })
      call.response.write(chunk('two'))
      expect(await answer.next()).toMatchObject({ text: expect.stringContaining('two') })
      call.response.end()
      expect(await answer.next()).toBeNull()
    })

    test('comes out the same from pieces of three bytes', async () => {
      const text = `${chunk('Grüße 🚀 世界')}: ping\r\n\r\n${lastChunk()}${done}`
      const { upstream } = await meet(subject, (call) => {
        beginStream(call)
        const bytes = Buffer.from(text)
        for (let at = 0; at < bytes.length; at += 3) call.response.write(bytes.subarray(at, at + 3))
        call.response.end()
      })
      const { events } = await listen(await attempt(upstream).answer)
      expect(events.map(({ kind }) => kind)).toEqual(['chunk', 'chunk', 'done'])
      expect(events[0]).toMatchObject({
        value: { choices: [{ delta: { content: 'Grüße 🚀 世界' } }] },
      })
    })

    test('without a mark of the end just ends', async () => {
      const { upstream } = await meet(subject, (call) => {
        beginStream(call)
        call.response.end(chunk('one') + lastChunk())
      })
      const one = attempt(upstream)
      const { events, fault } = await listen(await one.answer)
      expect(events).toHaveLength(2)
      expect(fault).toBeNull()
      expect(await one.released).toEqual(freed)
    })

    test('of half an event has never said it', async () => {
      const { upstream } = await meet(subject, (call) => {
        beginStream(call)
        call.response.end(`${chunk('one')}${chunk('two').trimEnd()}`)
      })
      const { events, fault } = await listen(await attempt(upstream).answer)
      expect(events).toHaveLength(1)
      expect(fault).toBeNull()
    })

    test('loses none of its events when it ends before anybody reads', async () => {
      const count = 500
      const { server, upstream } = await meet(subject, (call) => {
        beginStream(call)
        call.response.end(numbered(0, count) + done)
      })
      const one = attempt(upstream)
      const answer = await one.answer
      // Another call has come and gone: the first one's bytes are all there.
      await listen(await attempt(upstream).answer)
      const { events } = await listen(answer)
      expect(events).toHaveLength(count + 1)
      expect(events.slice(0, count).map(numberIn)).toEqual([...Array(count).keys()])
      expect(server.calls).toHaveLength(2)
    })
  })

  describe('a connection', () => {
    test('serves the next call when an answer has ended', async () => {
      const { server, upstream } = await meet(subject, goodAnswer)
      for (const stream of [true, false, true]) {
        using answer = await attempt(upstream, stream).answer
        await listen(answer)
        // The connection is free one turn after the answer's end.
        await settled()
      }
      expect(new Set(server.calls.map(({ socket }) => socket)).size).toBe(1)
    })

    test('is kept when an answer is let go of after its mark of the end', async () => {
      const { server, upstream } = await meet(subject, (call) => {
        beginStream(call)
        call.response.write(chunk('one') + lastChunk() + done)
        if (server.calls.length > 1) call.response.end()
      })
      const one = attempt(upstream)
      const answer = await one.answer
      while ((await answer.next())?.kind !== 'done') {}
      answer[Symbol.dispose]()
      expect(await one.released).toEqual(freed)
      server.calls[0]?.response.end()
      // The end is on its way; a call that overtakes it opens a connection of its own.
      for (let n = 0; n < 5; n += 1) await listen(await attempt(upstream).answer)
      const [first, ...others] = server.calls.map(({ socket }) => socket)
      expect(others).toContain(first)
    })
  })

  describe('an answer that nobody reads', () => {
    test('stops the upstream, and comes in order when it is read after all', async () => {
      const pieces = 1024
      let sentPieces = 0
      const { server, upstream } = await meet(subject, (call) => {
        if (server.calls.length > 1) return goodAnswer(call)
        beginStream(call)
        pour(call, pieces, () => {
          sentPieces += 1
        })
      })
      const answer = await attempt(upstream).answer
      await standsStill(() => sentPieces, upstream)
      // What sockets hold on their own, and the 64 KB that are ours: far from the 64 MB offered.
      expect(sentPieces).toBeLessThan(pieces / 2)
      const { events, fault } = await listen(answer)
      expect(fault).toBeNull()
      expect(events.slice(0, -1).map(numberIn)).toEqual([...Array(pieces).keys()])
      expect(events.at(-1)).toEqual({ kind: 'done' })
      expect(sentPieces).toBe(pieces)
    })
  })
}

function beginAndSay(content: string) {
  return (call: UpstreamCall) => {
    beginStream(call)
    call.response.write(chunk(content))
  }
}

function numbered(from: number, count: number, padding = ''): string {
  const events = Array.from({ length: count }, (_, n) => chunk(padding, { n: from + n }))
  return events.join('')
}

function numberIn(event: { kind: string }): unknown {
  return 'value' in event ? (event.value as { n: unknown }).n : null
}

/** Offers events of 64 KB, as fast as they are taken. Each is ended by a packet of its own. */
function pour(call: UpstreamCall, pieces: number, onSent: () => void): void {
  const padding = 'x'.repeat(65_536)
  let next = 0
  function more(): void {
    while (next < pieces) {
      const text = numbered(next, 1, padding)
      call.response.write(text.slice(0, -1))
      const isTaken = call.response.write('\n')
      next += 1
      onSent()
      if (!isTaken) return void call.response.once('drain', more)
    }
    call.response.end(done)
  }
  more()
}

/** While other calls come and go, the count no longer grows. */
async function standsStill(count: () => number, upstream: Parameters<typeof attempt>[0]) {
  let before = -1
  for (let quiet = 0; quiet < 20; quiet += 1) {
    if (count() !== before) quiet = 0
    before = count()
    await listen(await attempt(upstream).answer)
  }
}
