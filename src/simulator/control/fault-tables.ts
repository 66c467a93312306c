// Every fault there is, with what its value means and what it does. docs/simulator.md is written
// from these tables.
import type { BootPlan, BreakKind, FaultPlan } from './fault-plan.ts'

export type Unit = 'status' | 'events' | 'ms' | 'tokens' | 'item' | 'times'

export interface FaultKind<Plan> {
  /** The unit of the value; null: it takes none. */
  value: Unit | null
  help: string
  apply(plan: Plan, value: number): void
}

const valued = <Plan>(
  value: Unit,
  help: string,
  apply: (plan: Plan, value: number) => void,
): FaultKind<Plan> => ({ value, help, apply })
const plain = <Plan>(help: string, apply: (plan: Plan) => void): FaultKind<Plan> => {
  return { value: null, help, apply }
}
const breaking = (how: BreakKind, help: string) =>
  valued<FaultPlan>('events', help, (plan, after) => {
    plan.breakOff = { how, after }
  })

// biome-ignore format: a table
export const callFaults: { readonly [name: string]: FaultKind<FaultPlan> } = {
  'cut-after': breaking('cut', 'The socket is destroyed after so many events; a whole answer is torn in its middle. To a job it is a lost worker.'),
  'end-after': breaking('end', 'A clean end without a finish reason or `[DONE]`; a whole answer is half there.'),
  'engine-dies-after': breaking('engine-dies', 'vLLM’s error event, then `[DONE]` and a clean end; a whole answer is a 500.'),
  'stall-after': breaking('stall', 'Silence, the connection stays open; a whole answer never comes. The place at the worker is held until the client leaves or the job times out.'),
  'worker-dies-after': breaking('worker-dies', 'The worker is lost after so many events. The platform gives the job to another worker, once, which begins anew: what was streamed comes again.'),
  'dies-again': plain('With `worker-dies-after`: the second worker dies too, and the job fails.', (plan) => { plan.diesAgain = true }),
  status: valued('status', 'Answered at the door with this status and a small JSON error.', (plan, status) => { plan.door = { kind: 'status', status } }),
  html: valued('status', 'Answered at the door with the HTML page of the network in front, as 502, 520 and 524 are.', (plan, status) => { plan.door = { kind: 'html', status } }),
  'string-error': plain('500 with `{"error":"…"}`, a string where an object is expected.', (plan) => { plan.door = { kind: 'string-error' } }),
  never: plain('No answer, not even headers.', (plan) => { plan.door = { kind: 'never' } }),
  'headers-only': plain('The headers of a stream, then nothing.', (plan) => { plan.door = { kind: 'headers-only' } }),
  latency: valued('ms', 'The door looks at the call so much later.', (plan, ms) => { plan.latencyMs = ms }),
  'good-status': valued('status', 'A good reply of the job API has this status in place of 200.', (plan, status) => { plan.goodStatus = status }),
  'clock-skew': valued('ms', 'The platform’s clock is so much ahead in the `date` header of the answer.', (plan, ms) => { plan.clockSkewMs = ms }),
  'health-differs': plain('`/health` tells of idle, ready workers and of nobody who starts, whatever is true. Meets `health` by itself.', (plan) => { plan.healthDiffers = true }),
  busy: plain('vLLM’s 503 of a full queue.', (plan) => { plan.reply = 'busy' }),
  'error-200': plain('200 with `{"object":"error",…}`, as old images do.', (plan) => { plan.reply = 'error-200' }),
  'slow-first': valued('ms', 'The first token comes this much later; `speed` does not shorten it.', (plan, ms) => { plan.slowFirstMs = ms }),
  tokens: valued('tokens', 'The text has exactly so many tokens, unless `max_tokens` or the context is smaller; 0 is an empty answer.', (plan, tokens) => { plan.tokens = tokens }),
  'no-done': plain('The stream ends without `[DONE]`.', (plan) => { plan.hidesDone = true }),
  'no-usage': plain('No usage, whatever was asked for.', (plan) => { plan.hidesUsage = true }),
  'lose-item': valued('item', 'The item of `/stream` with this number, from 1, is lost on its way; the output keeps it.', (plan, item) => { plan.lostItem = item }),
  'lose-output': plain('The worker’s result is refused: the job is COMPLETED and has no output.', (plan) => { plan.losesOutput = true }),
  'vanish-after': valued('ms', 'The job is deleted so long after it came, as at the end of its `ttl`: 404 from then on.', (plan, ms) => { plan.vanishAfterMs = ms }),
  'webhook-fails': valued('times', 'So many attempts at the job’s webhook fail.', (plan, times) => { plan.webhookFailures = times }),
  'ignore-stop': plain('Neither a cancellation nor a client that leaves reaches the engine: it generates to the end.', (plan) => { plan.ignoresStop = true }),
}

// biome-ignore format: a table
export const bootFaults: { readonly [name: string]: FaultKind<BootPlan> } = {
  throttled: valued('ms', 'No host has a GPU for the worker, for so long.', (plan, ms) => { plan.throttledMs = ms }),
  'boot-crash': plain('It crashes at the end of its start and is unhealthy; the platform starts it again.', (plan) => { plan.crashes = true }),
  'engine-dead': plain('Its vLLM dies as soon as it is up, and nobody restarts it: the worker takes jobs and fails each at once.', (plan) => { plan.engineDead = true }),
  'slow-pull': valued('ms', 'Pulling the image takes this much longer.', (plan, ms) => { plan.pullMs = ms }),
  'slow-start': valued('ms', 'Starting the container takes this much longer.', (plan, ms) => { plan.startMs = ms }),
  'slow-load': valued('ms', 'Loading the weights takes this much longer.', (plan, ms) => { plan.loadMs = ms }),
  'slow-warm-up': valued('ms', 'Compiling and capturing graphs takes this much longer.', (plan, ms) => { plan.warmUpMs = ms }),
}
