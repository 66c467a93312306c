// `podgate models`: what can be asked for. The file is the truth: applying it adds, changes and
// removes until the registry says the same, and shows each difference.
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Model } from '#domain'
import { applyModels, type ModelsDiff, readModels, readModelsFile } from '#models'
import { exampleOf } from './arguments.ts'
import { type CliContext, CommandFailure, printJson, withRegistry } from './context.ts'
import { renderTable, type TableColumn } from './table.ts'

interface ApplyOptions {
  dryRun?: true
  json?: true
}

interface ListOptions {
  json?: true
}

export function registerModelsCommands(program: Command, context: CliContext): void {
  const models = program.command('models').description('list the models, or apply a file of them')
  models
    .command('apply')
    .description('make the registry say what the file says, and show what that changes')
    .argument('<file>', 'a models.yaml')
    .option('--dry-run', 'show the changes and make none')
    .option('--json', 'print JSON')
    .addHelpText('after', exampleOf('models apply configs/dev/models.yaml --dry-run'))
    .action((file: string, options: ApplyOptions) => apply(file, options, context))
  models
    .command('list')
    .description('list the models with their prices and deployments')
    .option('--json', 'print JSON')
    .addHelpText('after', exampleOf('models list'))
    .action((options: ListOptions) => list(options, context))
}

async function apply(path: string, options: ApplyOptions, context: CliContext): Promise<void> {
  const file = readModelsFile(textOf(path), context.checkDeployment)
  const dryRun = options.dryRun === true
  const nowMs = context.nowMs()
  const diff = await withRegistry(context, (registry) =>
    applyModels(registry, file, { dryRun, nowMs }),
  )
  if (options.json) printJson(context, { dryRun, ...diff })
  else for (const line of describeDiff(diff, dryRun)) context.out(line)
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CommandFailure(`${path} cannot be read: ${why}`)
  }
}

function describeDiff(diff: ModelsDiff, dryRun: boolean): string[] {
  const lines: string[] = []
  for (const id of diff.added) lines.push(`+ ${id}`)
  for (const { id, changes } of diff.changed) {
    lines.push(`~ ${id}`)
    for (const { field, from, to } of changes) {
      lines.push(`    ${field}: ${from ?? '(none)'} → ${to ?? '(none)'}`)
    }
  }
  for (const id of diff.removed) lines.push(`- ${id}`)
  if (lines.length === 0) return ['Nothing to change.']
  const { added, changed, removed } = diff
  const sum = `${added.length} added, ${changed.length} changed, ${removed.length} removed`
  return [...lines, dryRun ? `Would be: ${sum}. Nothing was changed (dry run).` : `Done: ${sum}.`]
}

async function list(options: ListOptions, context: CliContext): Promise<void> {
  const models = await withRegistry(context, (registry) => readModels(registry.db))
  if (options.json) {
    printJson(context, { models })
    return
  }
  const columns: TableColumn[] = [
    { title: 'MODEL' },
    { title: 'SURFACES' },
    { title: 'CONTEXT', align: 'right' },
    { title: 'PROMPT $/M', align: 'right' },
    { title: 'ANSWER $/M', align: 'right' },
    { title: 'DEPLOYMENTS' },
  ]
  for (const line of renderTable(columns, models.map(rowOf), context)) context.out(line)
}

function rowOf(model: Model): string[] {
  return [
    model.id,
    model.surfaces.join(','),
    String(model.contextTokens),
    String(model.prices.promptNanoUsd / 1000),
    String(model.prices.completionNanoUsd / 1000),
    model.deployments.map(({ id, kind, slots }) => `${id} (${kind}, ${slots})`).join(', '),
  ]
}
