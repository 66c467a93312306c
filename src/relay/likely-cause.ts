// A platform may keep to itself why a job failed, and a prompt that is too long is the usual
// reason. Where the prompt's length speaks for it, the client hears that: it can shorten its
// prompt, and the upstream did nothing wrong.
import { Fault } from '#domain'
import { isLikelyTooLong } from '#surfaces'
import type { Ending } from './ending.ts'
import type { Story } from './story.ts'

/** For calls that failed before their answer began: a prompt that was answered had fitted. */
export function withLikelyCause(ending: Ending, story: Story): Ending {
  if (ending.kind !== 'failed' || !ending.fault.isUnexplained) return ending
  const { call, model } = story
  if (model === null || !isLikelyTooLong(call, model)) return ending
  const message =
    `This model's maximum context length is ${model.contextTokens} tokens. The model’s server ` +
    'failed this request without saying why, and its length is the likely cause. ' +
    'Please shorten the input or ask for fewer tokens.'
  // The operator's log shows what the upstream really said.
  const { started } = ending.fault
  const fault = new Fault('context_too_long', { message, started, cause: ending.fault })
  return { kind: 'failed', fault }
}
