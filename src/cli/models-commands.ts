// `podgate models`: what can be asked for. The file is the truth: applying it adds, changes and
// removes until the registry says the same, and shows each difference.
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { runningKeys } from '#keys'
import { type Applied, applyModels, readModels, readModelsFile, switchModel } from '#models'
import { exampleOf } from './arguments.ts'
import { type CliContext, CommandFailure, printJson, withRegistry } from './context.ts'
import { deploymentTable, modelFields, modelTable } from './models-tables.ts'
import { registerResetCircuit } from './reset-circuit-command.ts'
import { renderFields } from './table.ts'
import { printable } from './text-width.ts'

interface ApplyOptions {
  dryRun?: true
  force?: true
  json?: true
}

interface SwitchOptions {
  deployment?: string
  json?: true
}

export function registerModelsCommands(program: Command, context: CliContext): void {
  const models = program.command('models').description('list, apply, show and switch the models')
  models
    .command('apply')
    .description('make the registry say what the file says, and show what that changes')
    .argument('<file>', 'a models.yaml')
    .option('--dry-run', 'show the changes and make none')
    .option('--force', 'also when keys in use name what would go')
    .option('--json', 'print JSON')
    .addHelpText('after', exampleOf('models apply configs/dev/models.yaml --dry-run'))
    .action((file: string, options: ApplyOptions) => apply(file, options, context))
  models
    .command('list')
    .description('list the models with their prices and deployments')
    .option('--json', 'print JSON')
    .addHelpText('after', exampleOf('models list'))
    .action((options: { json?: true }) => list(options, context))
  models
    .command('show')
    .description('show all that is known of a model and its deployments')
    .argument('<id>', 'its id, from `models list`')
    .option('--json', 'print JSON')
    .addHelpText('after', exampleOf('models show mixtral-8x22b-instruct'))
    .action((id: string, options: { json?: true }) => show(id, options, context))
  registerSwitch(models, context, 'enable', 'let new calls go to a model or deployment again')
  registerSwitch(models, context, 'disable', 'send no new calls there; calls in flight finish')
  registerResetCircuit(models, context)
}

function registerSwitch(
  models: Command,
  context: CliContext,
  name: 'enable' | 'disable',
  description: string,
): void {
  models
    .command(name)
    .description(description)
    .argument('<id>', 'a model’s id, from `models list`')
    .option('--deployment <id>', 'only this deployment of it')
    .option('--json', 'print JSON')
    .addHelpText('after', exampleOf(`models ${name} phi-2 --deployment phi-2-runpod`))
    .action((id: string, options: SwitchOptions) => turn(id, name === 'disable', options, context))
}

async function apply(path: string, options: ApplyOptions, context: CliContext): Promise<void> {
  const file = readModelsFile(textOf(path), context.checkDeployment)
  const dryRun = options.dryRun === true
  const nowMs = context.nowMs()
  const applied = await withRegistry(context, (registry) =>
    applyModels(registry, file, {
      dryRun,
      force: options.force === true,
      nowMs,
      actor: 'cli',
      runningKeys: (db) => runningKeys(db, nowMs),
    }),
  )
  if (options.json) printJson(context, { dryRun, ...applied })
  else for (const line of describe(applied, dryRun)) context.out(line)
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CommandFailure(`${path} cannot be read: ${why}`)
  }
}

function describe(applied: Applied, dryRun: boolean): string[] {
  const { added, changed, removed, breaks } = applied
  const lines: string[] = []
  for (const id of added) lines.push(`+ ${id}`)
  for (const { id, changes } of changed) {
    lines.push(`~ ${id}`)
    for (const { field, from, to } of changes) {
      lines.push(`    ${field}: ${from ?? '(none)'} → ${to ?? '(none)'}`)
    }
  }
  for (const id of removed) lines.push(`- ${id}`)
  for (const { keyId, keyName, model, surfaces } of breaks) {
    lines.push(`! key ${keyId} (${printable(keyName)}) loses ${model} on ${surfaces.join(', ')}`)
  }
  if (lines.length === 0) return ['Nothing to change.']
  const sum = `${added.length} added, ${changed.length} changed, ${removed.length} removed`
  return [...lines, dryRun ? `Would be: ${sum}. Nothing was changed (dry run).` : `Done: ${sum}.`]
}

async function list({ json }: { json?: true }, context: CliContext): Promise<void> {
  const models = await withRegistry(context, (registry) => readModels(registry.db))
  if (json) printJson(context, { models })
  else for (const line of modelTable(models, context)) context.out(line)
}

async function show(id: string, { json }: { json?: true }, context: CliContext): Promise<void> {
  const models = await withRegistry(context, (registry) => readModels(registry.db))
  const model = models.find((one) => one.id === id || one.aliases.includes(id))
  if (model === undefined) {
    throw new CommandFailure(`There is no model ${id}. See: podgate models list`)
  }
  if (json) return printJson(context, model)
  for (const line of renderFields(modelFields(model))) context.out(line)
  context.out('')
  for (const line of deploymentTable(model.deployments, context)) context.out(line)
}

async function turn(
  modelId: string,
  isDisabled: boolean,
  { deployment, json }: SwitchOptions,
  context: CliContext,
): Promise<void> {
  const deploymentId = deployment ?? null
  const deed = { nowMs: context.nowMs(), actor: 'cli' as const }
  const model = await withRegistry(context, (registry) =>
    switchModel(registry, { modelId, deploymentId, isDisabled, ...deed }),
  )
  if (json) return printJson(context, model)
  const what = deploymentId === null ? modelId : `Deployment ${deploymentId} of ${modelId}`
  context.out(`${what} is ${isDisabled ? 'disabled' : 'enabled'}.`)
}
