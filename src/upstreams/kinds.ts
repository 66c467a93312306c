// Every kind of upstream: a new one is one folder and one line here.
import type { UpstreamKinds } from './kind.ts'
import { openaiCompatible } from './openai-compatible/index.ts'
import { runpod } from './runpod/index.ts'

export const kinds: UpstreamKinds = {
  runpod,
  'openai-compatible': openaiCompatible,
}
