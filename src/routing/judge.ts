// Looks at an answer's first event before the client sees a status: an error inside a 200 is no
// answer, and as long as nothing was shown the call may still go elsewhere.
import { type Answer, Fault, type UpstreamEvent } from '#domain'

export async function judge(answer: Answer): Promise<Answer> {
  let first: UpstreamEvent | null
  try {
    first = await answer.next()
    if (first === null || first.kind === 'done') throw empty()
    if (first.kind === 'failed') throw first.fault
  } catch (cause) {
    answer[Symbol.dispose]()
    throw cause
  }
  return withFirst(answer, first)
}

function withFirst(answer: Answer, first: UpstreamEvent): Answer {
  let peeked: UpstreamEvent | null = first
  return {
    dialect: answer.dialect,
    timings: answer.timings,
    next() {
      if (peeked === null) return answer.next()
      const event = peeked
      peeked = null
      return Promise.resolve(event)
    },
    [Symbol.dispose]: () => answer[Symbol.dispose](),
  }
}

function empty(): Fault {
  return new Fault('upstream_bad_answer', {
    message: 'The model’s server gave an empty answer.',
    started: 'yes',
  })
}
