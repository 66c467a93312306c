// Client dialects, one folder each: pure functions between a client's bytes and our nouns.
import { openaiChat } from './openai-chat/index.ts'
import type { Surface } from './surface.ts'

export type * from './surface.ts'

export const surfaces: readonly Surface[] = [openaiChat]
