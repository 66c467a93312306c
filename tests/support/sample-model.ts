// A model as the registry has it, served by the one deployment that tests have in their hands.
import type { Model } from '#src/domain/index.ts'
import { sampleDeployment } from './scripted-deployment.ts'

export function sampleModel(changes: Partial<Model> = {}): Model {
  return {
    id: 'asked',
    aliases: [],
    ownedBy: 'somebody',
    createdAtMs: 0,
    surfaces: ['openai-chat'],
    capabilities: [],
    contextTokens: 4096,
    prices: { promptNanoUsd: 10, completionNanoUsd: 100, cachedNanoUsd: 1 },
    deployments: [sampleDeployment()],
    routing: 'order',
    isDisabled: false,
    ...changes,
  }
}
