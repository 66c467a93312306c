// The way of one call, from top to bottom. Whatever happens on it, the call ends in exactly one
// record, and the client hears the end only after the ledger has it.
import { type Call, type Clock, Fault, type Timer } from '#domain'
import type { Route } from '#models'
import type { BegunAnswer } from '#routing'
import { checkModel, refuseTooLong, type Surface, type UpstreamTarget } from '#surfaces'
import { type AcceptedCall, type AdmissionPorts, admit } from './admission.ts'
import type { AttemptPorts } from './attempt-line.ts'
import { Attempts } from './attempts.ts'
import type { ClientEnd } from './client-end.ts'
import { Company } from './company.ts'
import { deliver } from './deliver.ts'
import { endCall } from './end-call.ts'
import { type Ending, faultOf, unanswered } from './ending.ts'
import { freeze } from './freeze.ts'
import { withLikelyCause } from './likely-cause.ts'
import { type SettlePorts, settle } from './settle.ts'
import { Story } from './story.ts'

export interface RelayPorts extends AttemptPorts, SettlePorts, AdmissionPorts {
  clock: Clock
  ledger: AdmissionPorts['ledger'] & SettlePorts['ledger']
  /** models: what serves the call; throws 404, 403 or 400. */
  resolveRoute(call: Call): Route
}

export async function relayCall(
  call: Call,
  surface: Surface,
  client: ClientEnd,
  ports: RelayPorts,
): Promise<void> {
  const { clock } = ports
  const { signal } = client
  const story = new Story(call)
  const encoder = surface.encoder(call)
  const company = new Company(client, story, encoder, clock)
  const deadline = abandonAtDeadline(call, client, clock)
  let ending: Ending
  let accepted: AcceptedCall | null = null
  let answer: BegunAnswer | null = null
  try {
    const { model } = ports.resolveRoute(call)
    const { policy } = model
    story.model = model
    checkModel(call, model)
    refuseTooLong(call, model)
    const refusal = (dialect: string) => surface.refusal(call, { dialect, servedName: '', policy })
    accepted = await admit({ call, model, refusal, signal }, ports)
    const attempts = new Attempts(call, model.id, accepted.reservation, ports)
    story.attempts = attempts
    company.start()
    const toUpstream = (target: UpstreamTarget) => surface.toUpstream(call, { ...target, policy })
    answer = await accepted.firstAnswer(attempts, toUpstream)
    const delivery = attempts.answering(answer.timings)
    ending = await deliver({ answer, encoder, client, story, delivery, clock })
  } catch (cause) {
    const turnedAwayWith = story.attempts?.turnedAwayWith ?? null
    ending = withLikelyCause(unanswered(cause, signal, turnedAwayWith), story)
  } finally {
    // Two times `using` would say it better, and costs 1 µs: V8 goes through its runtime for it.
    answer?.[Symbol.dispose]()
    accepted?.[Symbol.dispose]()
  }
  const fault = faultOf(ending)
  answer?.ended(fault)
  story.attempts?.latest?.ended(fault)
  company.stop()
  deadline.cancel()
  const usage = encoder.usage()
  const { hasBegun } = client
  const record = freeze(story, { fault, usage, hasBegun, ticksMs: clock.ticksMs() })
  const lost = await settle(record, fault, accepted?.reservation ?? null, ports)
  if (lost !== null) ending = { kind: 'failed', fault: lost }
  endCall(client, { ending, record, story, encoder, surface })
}

function abandonAtDeadline(call: Call, client: ClientEnd, clock: Clock): Timer {
  return clock.after(call.deadlineTicksMs - clock.ticksMs(), () => {
    const message = 'The call did not finish before its deadline.'
    client.abandon(new Fault('deadline', { message, started: 'maybe' }))
  })
}
