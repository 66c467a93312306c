// The tables of docs/simulator.md: endpoints, settings, what `--real` changes, and faults, written
// from the simulator's own tables between marks in the page. The prose around them is kept.
import { z } from 'zod'
import { bootFaults, callFaults, realOptions, simulatorOptions } from '../src/simulator/index.ts'

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string

/** The page with every table anew. */
export function simulatorPage(before: string, table: Table): string {
  const tables: Readonly<Record<string, string>> = {
    endpoints: table(['endpoint', 'model', 'context', 'GPUs'], endpointRows()),
    settings: table(['setting', 'default', 'what it does'], settingRows(simulatorOptions.shape)),
    'endpoint settings': table(['setting', 'default', 'what it is'], endpointSettingRows()),
    'engine settings': table(['setting', 'default', 'what it is'], engineSettingRows()),
    'real values': table(
      ['setting', 'with `--real`'],
      Object.entries(realOptions).map(([name, value]) => [`\`${name}\``, written(value)]),
    ),
    faults: table(['fault', 'what happens'], faultRows(callFaults)),
    'boot faults': table(['fault', 'what happens to the worker'], faultRows(bootFaults)),
  }
  return Object.entries(tables).reduce((page, [name, text]) => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
    const [head, rest] = page.split(`${begin}\n`)
    const tail = rest?.split(`${end}\n`)[1]
    if (head === undefined || tail === undefined) {
      throw new Error(`docs/simulator.md has no place for ${name}`)
    }
    return `${head}${begin}\n${text}\n${end}\n${tail}`
  }, before)
}

function endpointRows(): string[][] {
  const { endpoints } = simulatorOptions.parse({})
  return Object.entries(endpoints).map(([id, { model, contextTokens, fleet }]) => [
    `\`${id}\``,
    `\`${model}\``,
    String(contextTokens),
    `${fleet.gpus ?? 1} × ${fleet.gpuPool ?? simulatorOptions.parse({}).gpuPool}`,
  ])
}

interface Described {
  description?: string
  default?: unknown
}

function settingRows(shape: z.core.$ZodShape): string[][] {
  return Object.entries(shape).map(([name, schema]) => {
    const described = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Described
    if (!described.description) throw new Error(`the setting ${name} has no description`)
    const value = name === 'endpoints' ? 'those above' : written(described.default)
    return [`\`${name}\``, value, described.description]
  })
}

function endpointSettingRows(): string[][] {
  return settingRows(simulatorOptions.shape.endpoints.def.innerType.def.valueType.shape)
}

function engineSettingRows(): string[][] {
  const { engine } = simulatorOptions.shape.endpoints.def.innerType.def.valueType.shape
  return settingRows(engine.unwrap().shape)
}

/** A span of time is one cell: its median and its bounds. */
function written(value: unknown): string {
  if (value === undefined) return 'must be given'
  if (value === null || typeof value !== 'object') return String(value)
  const parts = Object.entries(value)
  if (parts.length === 0) return 'none'
  if (Array.isArray(value)) return value.join(', ')
  return parts.map(([name, part]) => `${name} ${part}`).join(', ')
}

function faultRows(faults: typeof callFaults | typeof bootFaults): string[][] {
  return Object.entries(faults).map(([name, { value, help }]) => [
    value === null ? `\`${name}\`` : `\`${name}=<${value}>\``,
    help,
  ])
}
