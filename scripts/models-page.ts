// docs/models.md: what may stand in a models file, from the schemas that check it.
import type { z } from 'zod'
import { describeOptions } from '../src/config/index.ts'
import { deploymentSchema, modelSchema } from '../src/models/models-schema.ts'
import { kinds } from '../src/upstreams/kinds.ts'

type Table = (head: string[], rows: string[][]) => string

const required = new Set(
  'id surfaces contextTokens prices.prompt prices.completion deployments kind servedName slots baseUrl'.split(
    ' ',
  ),
)

export function modelsPage(table: Table): string[] {
  return [
    '# Models',
    'A models file says which models can be asked for and what serves them. `podgate models apply ' +
      'FILE` makes the registry the same as the file. With `--dry-run` it only shows the difference. ' +
      'It refuses what would break keys in use unless it is told `--force`. A running gateway follows ' +
      'within a second; calls in flight finish. `configs/<ENV>/models.yaml` fills an empty registry ' +
      'at the first start.',
    '[configs/prod/models.yaml](../configs/prod/models.yaml) and ' +
      '[configs/dev/models.yaml](../configs/dev/models.yaml) are examples. In a list `models:`, each ' +
      'model has',
    rowsOf(modelSchema, table, (path) => path.startsWith('policy.')),
    'and a `policy` where it differs from what every model allows: see ' +
      '[what a model allows](api.md#what-a-model-allows).',
    '## Deployments',
    '[routing.md](routing.md) says which of several deployments answers a call, and what becomes of ' +
      'the call where one of them fails.',
    rowsOf(deploymentSchema, table),
    'A deployment of somebody else (`thirdParty`) is asked only where the model ' +
      '(`policy.allowThirdParty`) and the key (`thirdParty`, see [keys.md](keys.md#third-parties)) ' +
      'both allow it; neither does by default. Give `thirdParty: false` to a server of your own ' +
      'that asks for a key and is not its model’s first. Give deadlines of its own to a deployment ' +
      'that differs from the rest, such as a provider that is never cold, or a GPU that takes ' +
      'minutes to load its model.',
    'A deployment that fails too often is left alone for a while ' +
      '([circuits](api.md#circuits)). Where the deployment is well again before that, ' +
      '`podgate models reset-circuit DEPLOYMENT --url GATEWAY` says so to a running gateway, with ' +
      'the key of `API_ADMIN_KEY`. Unlike `disable` and `enable`, this command changes nothing in ' +
      'the registry.',
    ...Object.entries(kinds).flatMap(([name, { optionsSchema }]) => [
      `### \`${name}\``,
      about[name] ?? '',
      rowsOf(optionsSchema, table, undefined, name),
    ]),
  ]
}

const about: Readonly<Record<string, string>> = {
  runpod:
    'A queue-based RunPod serverless endpoint, asked through its OpenAI route with `RUNPOD_API_KEY`. ' +
    'RunPod does not document that closing the connection stops the job. So cancellation is only ' +
    'hoped for, and a call that was torn down is recorded as a possible orphan.',
  'openai-compatible':
    'A server that speaks OpenAI’s API itself, such as `vllm serve`, reached directly: closing the ' +
    'connection provably stops the work.',
}

function rowsOf(
  schema: z.ZodObject,
  table: Table,
  isElsewhere: (path: string) => boolean = () => false,
  kind = '',
): string {
  const rows = describeOptions(schema)
    .filter(({ path }) => !isElsewhere(path))
    .map((row) => [
      `\`${row.path}\``,
      row.type,
      row.default === undefined
        ? mustBeGiven(row.path, kind)
        : `\`${JSON.stringify(row.default)}\``,
      row.description,
    ])
  return table(['field', 'allowed', 'default', 'meaning'], rows)
}

/** An endpoint's address is known; a server's is not. */
function mustBeGiven(path: string, kind: string): string {
  return required.has(path) && kind !== 'runpod' ? 'required' : ''
}
