// Client dialects, one folder each: pure functions between a client's bytes and our nouns.
import { embeddings } from './embeddings/index.ts'
import { openaiChat } from './openai-chat/index.ts'
import { openaiCompletions } from './openai-completions/index.ts'
import type { Surface } from './surface.ts'

export type { AnswerRule } from './answer-rules.ts'
export { checkModel, isLikelyTooLong, refuseTooLong } from './check-model.ts'
export type * from './surface.ts'

export const surfaces: readonly Surface[] = [openaiChat, openaiCompletions, embeddings]
