// Writes the pages of docs/ that say what the code says: errors from the table of faults, metrics
// from the table of metrics, configuration from the schema. A test compares them with the files.
import { readFileSync, writeFileSync } from 'node:fs'
import { configurationOf } from '../src/app/index.ts'
import { describeOptions, type OptionRow } from '../src/config/index.ts'
import { faultKinds } from '../src/domain/index.ts'
import { type Metric, metricTable } from '../src/observability/index.ts'
import { apiPage } from './api-page.ts'
import { glossaryPage } from './glossary-page.ts'
import { modelsPage } from './models-page.ts'
import { simulatorPage } from './simulator-page.ts'

/** Path → text of every generated page. */
export function generatedDocs(): Record<string, string> {
  return {
    'docs/api.md': page(withNote(apiPage(table))),
    'docs/errors.md': errorsPage(),
    'docs/metrics.md': metricsPage(),
    'docs/configuration.md': configurationPage(),
    'docs/models.md': page(withNote(modelsPage(table))),
    'docs/glossary.md': page(withNote(glossaryPage(readFileSync(glossaryFile, 'utf8'), table))),
    'docs/simulator.md': simulatorPage(readFileSync(simulatorFile, 'utf8'), table),
  }
}

/** The glossary is a comment at the front door of `domain`. */
const glossaryFile = new URL('../src/domain/index.ts', import.meta.url)

/** Most of it is prose; only its tables are written. */
const simulatorFile = new URL('../docs/simulator.md', import.meta.url)

const NOTE = 'Generated from the code by `npm run docs`; a test keeps it true.'

function withNote([title = '', ...parts]: readonly string[]): string[] {
  return [title, NOTE, ...parts]
}

function errorsPage(): string {
  const rows = Object.entries(faultKinds).map(([name, fault]) => [
    `\`${name}\``,
    String(fault.status),
    `\`${fault.type}\``,
    fault.code === null ? 'null' : `\`${fault.code}\``,
    fault.retry,
    fault.blame,
    fault.when,
  ])
  return page([
    '# Errors',
    NOTE,
    'Every error of Podgate is one of these faults, in the envelope that OpenAI clients know: ' +
      '`{"error": {"message", "type", "param", "code"}}`. Once a stream has begun, a fault is one ' +
      '`data:` event with the same envelope, and the stream ends without `[DONE]`.',
    '**retry**: `no` comes with `x-should-retry: false`; `yes` and `estimate` come with ' +
      '`retry-after`, exact or as good as Podgate can tell. **blame** is whom the fault counts ' +
      'against. A status of 499 reaches no client: it stands in the log and the ledger only.',
    table(['fault', 'status', 'type', 'code', 'retry', 'blame', 'when'], rows),
  ])
}

function metricsPage(): string {
  const rows = metricTable.map((metric: Metric) => [
    `\`${metric.name}\``,
    metric.kind,
    metric.labels.map((label) => `\`${label}\``).join(' '),
    metric.help,
  ])
  const histograms = metricTable.filter((metric: Metric) => metric.buckets !== undefined)
  const buckets = histograms.map((metric: Metric) => {
    return `- \`${metric.name}\`: ${(metric.buckets ?? []).join(', ')}`
  })
  return page([
    '# Metrics',
    NOTE,
    '`GET /metrics` answers in the Prometheus text format. A call is observed once, at its ' +
      'end, from the record that the log line and the ledger row are made of. Labels are ' +
      'bounded: a model that is not registered is `unknown`; deployment and transport of a call that ' +
      'was never sent are `none`.',
    table(['metric', 'kind', 'labels', 'meaning'], rows),
    '## Buckets (seconds)',
    buckets.join('\n'),
  ])
}

function configurationPage(): string {
  const { schema, envNames } = configurationOf()
  const envOf = new Map(Object.entries(envNames).map(([name, path]) => [path, name]))
  const rows = describeOptions(schema).map((row) => [
    `\`${row.path}\``,
    row.type,
    defaultOf(row),
    envOf.has(row.path) ? `\`${envOf.get(row.path)}\`` : '',
    row.description,
  ])
  return page([
    '# Configuration',
    NOTE,
    'Later wins: defaults, then `configs/<ENV>/gateway.yaml`, then the environment (with ' +
      '`configs/local.env`, which never overrides what is set; empty is not set), then flags. ' +
      'Files and flags are ' +
      'strict: an unknown option is a mistake. All mistakes are shown at once, one line each.',
    '`--config FILE` or `PODGATE_CONFIG` names another file in place of ' +
      '`configs/<ENV>/gateway.yaml`; the flag wins. Every command takes the flag, except `simulate`, ' +
      'which reads no configuration. A file that is named must be there. ' +
      '`configs/<ENV>/models.yaml` still fills an empty registry.',
    'Secrets come from the environment only and are never part of the configuration: `API_KEYS` ' +
      '(comma-separated), `API_ADMIN_KEY`, `RUNPOD_API_KEY`, `HF_TOKEN`, `OPENROUTER_API_KEY`, ' +
      '`EXTERNAL_<NAME>_KEY`. Each is visible ASCII without spaces: what fits into no header (a ' +
      'line break at its end, too) is a mistake at the start. `API_KEYS` and `API_ADMIN_KEY` have ' +
      '16 or more characters; with `ENV=prod`, fewer than 24 are warned about.',
    table(['option', 'allowed', 'default', 'environment', 'meaning'], rows),
  ])
}

function defaultOf(row: OptionRow): string {
  return row.default === undefined ? 'required' : `\`${JSON.stringify(row.default)}\``
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}

function page(parts: readonly string[]): string {
  return `${parts.join('\n\n')}\n`
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(generatedDocs())) writeFileSync(path, text)
}
