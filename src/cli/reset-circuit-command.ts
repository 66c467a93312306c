// `podgate models reset-circuit`: an operator says that a deployment is well again. A circuit lives
// in the gateway's process, so this command asks it over HTTP, unlike the others, which change the
// registry.
import type { Command } from 'commander'
import { z } from 'zod'
import { exampleOf, parseGatewayUrl } from './arguments.ts'
import { type CliContext, printJson } from './context.ts'
import { askGateway } from './running-gateway.ts'

interface ResetOptions {
  url?: URL
  json?: true
}

const circuit = z.enum(['closed', 'open', 'half-open'])
const resetSchema = z.object({ deployment: z.string(), model: z.string(), was: circuit, circuit })

export function registerResetCircuit(models: Command, context: CliContext): void {
  models
    .command('reset-circuit')
    .description('have a running gateway send calls to a deployment again at once')
    .argument('<deployment>', 'a deployment’s id, from `models list`')
    .option(
      '--url <gateway>',
      'the gateway; else where API_HOST and API_PORT say (http://127.0.0.1:8080)',
      parseGatewayUrl,
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nIt asks with the key of API_ADMIN_KEY. Of several gateways, each has its own circuits.' +
        `\n${exampleOf('models reset-circuit phi-2-runpod --url http://127.0.0.1:8080')}`,
    )
    .action((id: string, options: ResetOptions) => reset(id, options, context))
}

async function reset(id: string, options: ResetOptions, context: CliContext): Promise<void> {
  const path = '/admin/models/reset-circuit'
  const asking = { url: options.url ?? null, path, body: { deployment: id } }
  const done = await askGateway(asking, resetSchema, context)
  if (options.json) return printJson(context, done)
  const { was, circuit: is } = done
  const now = was === is ? `is ${is}, as before` : `was ${was} and is ${is} now`
  context.out(`The circuit of ${id} ${now}.`)
}
