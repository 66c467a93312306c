// OpenAI's chat completions, the dialect of `POST /v1/chat/completions`.
import { errorEnvelope } from '#wire'
import type { Surface } from '../surface.ts'
import { chatEncoder } from './encoder.ts'
import { readChat } from './read.ts'
import { chatToUpstream } from './to-upstream.ts'

export const openaiChat: Surface = {
  name: 'openai-chat',
  path: '/v1/chat/completions',
  read: readChat,
  toUpstream: chatToUpstream,
  encoder: chatEncoder,
  fault: errorEnvelope,
}
