// The environment variables that attach a handler written with RunPod's Python SDK to an endpoint
// of the simulator. `$ID` and `$RUNPOD_POD_ID` stay in the addresses: the SDK fills them in.
import type { SimulatorOptions } from '../options.ts'

type Environment = { readonly [name: string]: string }

/** Every worker that attaches needs an id of its own. */
export function workerEnvironment(
  url: string,
  endpointId: string,
  options: Pick<SimulatorOptions, 'key' | 'workerPingMs'>,
  workerId = 'worker-1',
): Environment {
  const base = `${url}/v2/${endpointId}`
  const gpu = 'gpu=NVIDIA+H100'
  return {
    RUNPOD_WEBHOOK_GET_JOB: `${base}/job-take/$ID?${gpu}`,
    RUNPOD_WEBHOOK_POST_STREAM: `${base}/job-stream/$RUNPOD_POD_ID/$ID?${gpu}`,
    RUNPOD_WEBHOOK_POST_OUTPUT: `${base}/job-done/$RUNPOD_POD_ID/$ID?${gpu}`,
    RUNPOD_WEBHOOK_PING: `${base}/ping/$RUNPOD_POD_ID`,
    RUNPOD_PING_INTERVAL: String(options.workerPingMs),
    RUNPOD_AI_API_KEY: options.key,
    RUNPOD_ENDPOINT_ID: endpointId,
    RUNPOD_POD_ID: workerId,
    // The SDK's checks of the machine want a GPU and the internet.
    RUNPOD_SKIP_AUTO_SYSTEM_CHECKS: 'true',
    RUNPOD_SKIP_GPU_CHECK: 'true',
  }
}

/** To be pasted into a shell, or written into a file and sourced. */
export function shellLines(environment: Environment): string {
  const lines = Object.entries(environment).map(([name, value]) => `export ${name}='${value}'`)
  return lines.join('\n')
}
