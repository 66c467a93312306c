// Ids and fingerprints in vLLM's form. The ids of an engine come from its seed and the moment, so
// that a run on a clock of its own gives the same ids again.
import type { Clock } from '#domain'
import { hashOf } from './random.ts'

export interface ResponseIds {
  /** So many hexadecimal digits. */
  digits(length: number): string
}

export function openResponseIds(seed: number, name: string, clock: Clock): ResponseIds {
  let made = 0
  return {
    digits(length) {
      made += 1
      let text = ''
      for (let part = 0; text.length < length; part += 1) {
        text += hashOf(seed, name, clock.ticksMs(), made, part).toString(16).padStart(8, '0')
      }
      return text.slice(0, length)
    },
  }
}

export function fingerprintOf(version: string): string {
  return `vllm-${version}-ac399d9a`
}
