// The contract of `domain/upstream.ts`, as one suite: a kind of upstream is done when it is green
// against it. Each part is a file beside this one.
import { describe } from 'vitest'
import { answersContract } from './answers.ts'
import { breaksContract } from './breaks.ts'
import { refusalsContract } from './refusals.ts'
import { releasesContract } from './releases.ts'
import type { Subject } from './subject.ts'

export function upstreamContract(subject: Subject): void {
  describe(`the upstream kind ${subject.kind}`, () => {
    answersContract(subject)
    refusalsContract(subject)
    breaksContract(subject)
    releasesContract(subject)
  })
}
