// An untouched registry is filled from the models file of its environment, once. From then on it
// belongs to the operator, who may have emptied it on purpose.
import { existsSync, readFileSync } from 'node:fs'
import { ConfigMistakes } from '#config'
import {
  applyModels,
  type CheckDeployment,
  type ModelsFile,
  ModelsFileMistakes,
  modelsApplied,
  readModels,
  readModelsFile,
} from '#models'
import { hasDeed, type Registry } from '#storage'
import type { Environment } from './settings.ts'

export async function seedModels(
  registry: Registry,
  environment: Environment,
  checkDeployment: CheckDeployment,
): Promise<boolean> {
  const file = `configs/${environment}/models.yaml`
  if (!existsSync(file) || !(await isUntouched(registry))) return false
  await applyModels(registry, modelsOf(file, checkDeployment), {
    dryRun: false,
    force: false,
    nowMs: Date.now(),
    actor: 'gateway',
    runningKeys: async () => [],
  })
  return true
}

function modelsOf(file: string, checkDeployment: CheckDeployment): ModelsFile {
  try {
    return readModelsFile(readFileSync(file, 'utf8'), checkDeployment)
  } catch (cause) {
    if (!(cause instanceof ModelsFileMistakes)) throw cause
    throw new ConfigMistakes(cause.mistakes.map((mistake) => `${file}: ${mistake}`))
  }
}

async function isUntouched({ db }: Registry): Promise<boolean> {
  return (await readModels(db)).length === 0 && !(await hasDeed(db, modelsApplied))
}
