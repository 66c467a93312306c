// What can be asked for: the registry of models, and the file that describes it.
export { type Applied, type ApplyOptions, applyModels, modelsApplied } from './apply-models.ts'
export { type Catalogue, openCatalogue } from './catalogue.ts'
export { readModels } from './model-records.ts'
export {
  type CheckDeployment,
  type ModelsFile,
  ModelsFileMistakes,
  readModelsFile,
  readModelsValue,
} from './models-file.ts'
export type { MayLead } from './refuse-leaks.ts'
export { type Route, resolveRoute } from './resolve-route.ts'
export { refuseForeignModels, switchModel } from './switch-models.ts'
