// The contract's part on the end of the work: a place is said to be free exactly once, whatever
// happens, and abandoning a call ends everything at once.
import { describe, expect, test } from 'vitest'
import type { Answer, Released } from '#src/domain/index.ts'
import {
  answerWhole,
  beginStream,
  chunk,
  done,
  event,
  goodAnswer,
  lastChunk,
  wholeAnswer,
} from '../support/scripted-upstream.ts'
import { startRaw } from './breaks.ts'
import {
  attempt,
  clientGone,
  listen,
  meet,
  openSubject,
  type Subject,
  settled,
  tornDown,
} from './subject.ts'

const ended: Released = { how: 'ended', cancellation: 'none' }
const unsent: Released = { how: 'unsent', cancellation: 'none' }

/** The first event is there, the second never comes. */
const half = (call: Parameters<typeof beginStream>[0]) => {
  beginStream(call)
  call.response.write(chunk('one'))
}

export function releasesContract(subject: Subject): void {
  describe('a call that is abandoned', () => {
    test('before it was made is never made', async () => {
      const { server, upstream } = await meet(subject, goodAnswer)
      const one = attempt(upstream, true, AbortSignal.abort(clientGone))
      await expect(one.answer).rejects.toBe(clientGone)
      expect(one.releases).toEqual([unsent])
      await listen(await attempt(upstream).answer)
      expect(server.calls).toHaveLength(1)
    })

    test('before there is a connection rejects at once: nothing was sent', async () => {
      const { url, connected } = await startRaw('https')
      const one = attempt(openSubject(subject, url))
      await connected
      expect(await rejectsAtOnce(one)).toBe(clientGone)
      expect(one.releases).toEqual([unsent])
    })

    test('before the headers rejects at once, and the connection is closed', async () => {
      const { server, upstream } = await meet(subject, () => {})
      const one = attempt(upstream)
      const call = await server.nextCall()
      expect(await rejectsAtOnce(one)).toBe(clientGone)
      await call.closed
      expect(await one.released).toEqual(tornDown(subject))
    })

    test('in the middle of a stream ends it, and the connection is closed', async () => {
      const { server, upstream } = await meet(subject, half)
      const one = attempt(upstream)
      const answer = await one.answer
      const call = await server.nextCall()
      await answer.next()
      const waiting = answer.next()
      waiting.catch(() => {})
      one.abandon(clientGone)
      await expect(waiting).rejects.toBe(clientGone)
      await expect(answer.next()).rejects.toBe(clientGone)
      await call.closed
      expect(await one.released).toEqual(tornDown(subject))
    })

    test('while its answer is not read closes the connection', async () => {
      const { server, upstream } = await meet(subject, (call) => {
        beginStream(call)
        for (let n = 0; n < 300; n += 1) call.response.write(chunk('x'.repeat(65_536)))
      })
      const one = attempt(upstream)
      await one.answer
      const call = await server.nextCall()
      one.abandon(clientGone)
      await call.closed
      expect(await one.released).toEqual(tornDown(subject))
    })

    test('in the middle of a whole answer closes the connection', async () => {
      const { server, upstream } = await meet(subject, ({ response }) => {
        response.writeHead(200, { 'content-type': 'application/json' }).write('{"choices":')
      })
      const one = attempt(upstream, false)
      await one.answer
      one.abandon(clientGone)
      await (await server.nextCall()).closed
      expect(await one.released).toEqual(tornDown(subject))
    })

    test('after it ended changes nothing', async () => {
      const { upstream } = await meet(subject, goodAnswer)
      const one = attempt(upstream)
      const answer = await one.answer
      await listen(answer)
      one.abandon(clientGone)
      expect(await answer.next()).toBeNull()
      await upstream.close()
      expect(one.releases).toEqual([ended])
    })
  })

  describe('an answer that is let go of', () => {
    test('in the middle of a stream is torn down, at once and without a word', async () => {
      const { server, upstream } = await meet(subject, half)
      const one = attempt(upstream)
      const answer = await one.answer
      await answer.next()
      answer[Symbol.dispose]()
      answer[Symbol.dispose]()
      await (await server.nextCall()).closed
      expect(await one.released).toEqual(tornDown(subject))
      await expect(answer.next()).rejects.toMatchObject({ kind: 'client_gone' })
    })

    test.each([
      ['its mark of the end', chunk('one') + lastChunk() + done, 'done'],
      ['an error of its own', chunk('one') + event({ error: { code: 500 } }), 'failed'],
    ])('after %s: its place is free at once', async (_what, text, last) => {
      const { upstream } = await meet(subject, (call) => {
        beginStream(call)
        call.response.write(text)
      })
      const one = attempt(upstream)
      const answer = await one.answer
      await readUntil(answer, last)
      answer[Symbol.dispose]()
      expect(one.releases).toEqual([ended])
    })

    test('after its mark of the end is closed, even when the server talks on for ever', async () => {
      const { server, upstream } = await meet(subject, (call) => {
        beginStream(call)
        call.response.write(chunk('one') + lastChunk() + done)
        const talk = () => {
          if (!call.socket.destroyed) call.response.write(': ping\n\n', () => setImmediate(talk))
        }
        talk()
      })
      const one = attempt(upstream)
      const answer = await one.answer
      await readUntil(answer, 'done')
      answer[Symbol.dispose]()
      await (await server.nextCall()).closed
      expect(one.releases).toEqual([ended])
    })

    test('after its end changes nothing', async () => {
      const { upstream } = await meet(subject, (call) => answerWhole(call, wholeAnswer('Hi')))
      const one = attempt(upstream, false)
      const answer = await one.answer
      await listen(answer)
      answer[Symbol.dispose]()
      await upstream.close()
      expect(one.releases).toEqual([ended])
    })
  })

  describe('a place', () => {
    test('is said to be free once, in every ending, closing included', async () => {
      const { server, upstream } = await meet(subject, half)
      const all = [attempt(upstream), attempt(upstream), attempt(upstream)]
      const answers = await Promise.all(all.map(({ answer }) => answer))
      all[0]?.abandon(clientGone)
      answers[0]?.[Symbol.dispose]()
      answers[1]?.[Symbol.dispose]()
      all[1]?.abandon(clientGone)
      server.calls[2]?.socket.destroy()
      if (answers[2] !== undefined) await listen(answers[2])
      await Promise.all(all.map(({ released }) => released))
      await upstream.close()
      expect(all.map(({ releases }) => releases)).toEqual(all.map(() => [tornDown(subject)]))
    })

    test('stays taken as long as only hoped for, and not longer than the upstream is open', async () => {
      const { upstream } = await meet(subject, half, { orphanHoldMs: 600_000 })
      const one = attempt(upstream)
      await one.answer
      one.abandon(clientGone)
      await settled()
      expect(one.releases).toEqual(subject.cancellation === 'proven' ? [tornDown(subject)] : [])
      await upstream.close()
      expect(one.releases).toEqual([tornDown(subject)])
    })
  })
}

/** Abandons the call: what `open` rejects with within one turn, without waiting for any socket. */
async function rejectsAtOnce(one: ReturnType<typeof attempt>): Promise<unknown> {
  let reason: unknown = null
  one.answer.catch((cause: unknown) => {
    reason = cause
  })
  one.abandon(clientGone)
  await Promise.resolve()
  await Promise.resolve()
  return reason
}

async function readUntil(answer: Answer, kind: string): Promise<void> {
  for (;;) {
    const next = await answer.next()
    if (next === null || next.kind === kind) return
  }
}
