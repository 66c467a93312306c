// How much one request may make this process plan and write. vLLM makes a token at a time on a GPU;
// here a whole answer is made in memory before its first token leaves, so a request that asks for
// too much is refused in vLLM's way. Without these bounds one request can end the simulator.
import { badRequest } from './refusal.ts'
import { checkLogprobsBound, promptTokens, type TextRequest } from './text-request.ts'

/** The most tokens that prose has where nobody asks for more. */
export const naturalMax = 160
/** Prompts times `n`; vLLM allows 1,024 times 16,384. */
const sequencesMax = 2048
const tokensMax = 524_288
/** Log probabilities, each of which is an object of an answer. */
const logprobsMax = 1_048_576
/** Of prompts that are said again in each of their choices. */
const echoCharsMax = 33_554_432

/** `wished`: how many tokens a fault rule imposes. */
export function checkPlanSize(asked: TextRequest, wished: number | null): void {
  const { prompts, n } = asked
  const sequences = prompts.length * n
  if (sequences > sequencesMax) throw tooMuch('sequences', sequencesMax, sequences, 'n')
  const tokens = sequences * tokensOfEach(asked, wished)
  if (tokens > tokensMax) throw tooMuch('tokens', tokensMax, tokens, 'max_tokens')
  checkLogprobsBound(asked.promptLogprobs ?? 0, 'prompt')
  const logprobs = tokens * perToken(asked) + promptTokens(asked) * n * perPromptToken(asked)
  if (logprobs > logprobsMax) {
    throw tooMuch('log probabilities', logprobsMax, logprobs, 'logprobs')
  }
  const echoed = asked.echo ? n * prompts.reduce((sum, { text }) => sum + text.length, 0) : 0
  if (echoed > echoCharsMax) throw tooMuch('characters', echoCharsMax, echoed, 'echo')
}

/** At most: a stop string may end it sooner, and a form has a length of its own. */
function tokensOfEach(asked: TextRequest, wished: number | null): number {
  const { shape, maxTokens, minTokens, ignoreEos } = asked
  if (wished !== null) return Math.min(wished, maxTokens)
  if (shape.kind !== 'prose' || ignoreEos) return maxTokens
  return Math.min(maxTokens, Math.max(naturalMax, minTokens))
}

function perToken({ logprobs, topLogprobs }: TextRequest): number {
  return logprobs ? 1 + Math.max(1, topLogprobs) : 0
}

function perPromptToken(asked: TextRequest): number {
  const { promptLogprobs, echo } = asked
  return (echo ? perToken(asked) : 0) + (promptLogprobs === null ? 0 : Math.max(1, promptLogprobs))
}

function tooMuch(what: string, most: number, asked: number, param: string) {
  const message = `This simulator plans at most ${most} ${what} for one request, got ${asked}.`
  return badRequest(message, param)
}
