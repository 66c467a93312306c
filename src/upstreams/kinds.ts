// Every kind of upstream: a new one is one folder and one line here.
import type { UpstreamKind } from './kind.ts'
import { openaiCompatible } from './openai-compatible/index.ts'
import { runpod } from './runpod/index.ts'

export const kinds: Readonly<Record<string, UpstreamKind>> = {
  runpod,
  'openai-compatible': openaiCompatible,
}
