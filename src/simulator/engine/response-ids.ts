// Ids in vLLM's form. They come from the engine's seed and the moment, so that a run on a clock of
// its own gives the same ids again.
import type { Clock } from '#domain'
import { hashOf } from './random.ts'

/** Makes so many hexadecimal digits. */
export type ResponseIds = (length: number) => string

export function openResponseIds(seed: number, name: string, clock: Clock): ResponseIds {
  let made = 0
  return (length) => {
    made += 1
    let text = ''
    for (let part = 0; text.length < length; part += 1) {
      text += hashOf(seed, name, clock.ticksMs(), made, part).toString(16).padStart(8, '0')
    }
    return text.slice(0, length)
  }
}
