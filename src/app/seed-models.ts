// A registry without models is filled from the file of its environment, once: from then on it
// belongs to the operator, who may also have emptied it.
import { existsSync, readFileSync } from 'node:fs'
import { applyModels, modelsApplied, readModels, readModelsFile } from '#models'
import { hasDeed, type Registry } from '#storage'
import { checkDeployment } from '#upstreams'
import type { Environment } from './settings.ts'

export async function seedModels(registry: Registry, environment: Environment): Promise<boolean> {
  const file = `configs/${environment}/models.yaml`
  if (!existsSync(file) || !(await isUntouched(registry))) return false
  const models = readModelsFile(readFileSync(file, 'utf8'), checkDeployment)
  await applyModels(registry, models, {
    dryRun: false,
    force: false,
    nowMs: Date.now(),
    actor: 'gateway',
    runningKeys: async () => [],
  })
  return true
}

async function isUntouched({ db }: Registry): Promise<boolean> {
  return (await readModels(db)).length === 0 && !(await hasDeed(db, modelsApplied))
}
