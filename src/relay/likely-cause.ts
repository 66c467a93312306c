// A platform may not say why a job failed. The usual reason is a prompt that is too long. Where the
// prompt is long enough for that, the client hears it, since it can shorten its prompt.
import { Fault } from '#domain'
import { isLikelyTooLong } from '#surfaces'
import type { Ending } from './ending.ts'
import type { Story } from './story.ts'

/** For calls that failed before their answer began: a prompt that is answered did fit. */
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
