// What RunPod needs from outside: its section of the configuration, its key, what must be given
// before a gateway may start, and how the simulator takes RunPod's place while developing.
import { z } from 'zod'
import type { KindSettings, StartAsk, UpstreamKind } from '../kind.ts'

const realBaseUrl = 'https://api.runpod.ai/v2'

const section = z.object({
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .default(realBaseUrl)
    .describe('root of RunPod’s job API'),
  endpointId: z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .nullable()
    .default(null)
    .describe('the endpoint of deployments that do not name their own'),
})

export const runpodSettings = {
  section,
  envNames: { RUNPOD_BASE_URL: 'baseUrl', RUNPOD_ENDPOINT_ID: 'endpointId' },
  secrets: ['RUNPOD_API_KEY'],
  startMistakes,
  simulation: {
    isConfigured(settings, env) {
      const { endpointId, apiKey } = ownSettings(settings)
      return apiKey !== null || endpointId !== null || (env.RUNPOD_BASE_URL ?? '') !== ''
    },
    settings: ({ url, key }, settings) => ({
      section: { ...ownSettings(settings), baseUrl: `${url}/v2` },
      secret: () => key,
    }),
  },
} satisfies Partial<UpstreamKind>

export function ownSettings(settings: KindSettings) {
  return { ...section.parse(settings.section), apiKey: settings.secret('RUNPOD_API_KEY') }
}

function startMistakes({ isProduction, deployments, settings }: StartAsk): string[] {
  const { baseUrl, endpointId, apiKey } = ownSettings(settings)
  const mistakes: string[] = []
  if ((deployments.length > 0 || endpointId !== null) && apiKey === null) {
    mistakes.push('RUNPOD_API_KEY is missing: calls go to RunPod, which asks for it')
  }
  if (deployments.some(({ options }) => options.endpointId === undefined) && endpointId === null) {
    mistakes.push('RUNPOD_ENDPOINT_ID is missing: a deployment names no endpoint of its own')
  }
  const simulated = deployments.find(
    ({ options }) => options.baseUrl === undefined && String(options.endpointId).startsWith('sim-'),
  )
  // A job API that runs elsewhere may have endpoints of such names.
  if (isProduction && baseUrl === realBaseUrl && simulated !== undefined) {
    mistakes.push(
      `the registry holds the models of development (${simulated.id}): ` +
        'set RUNPOD_ENDPOINT_ID and run podgate models apply configs/prod/models.yaml',
    )
  }
  return mistakes
}
