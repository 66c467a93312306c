// The line before a model with one deployment, on a clock that stands still, and the calls in it.
import type { TurnedAway } from '#src/domain/index.ts'
import { routingOptions } from '#src/routing/index.ts'
import { Line } from '#src/routing/line.ts'
import type { WaitsFull } from '#src/routing/patience.ts'
import { type Permit, Station } from '#src/routing/station.ts'
import { chatCall } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sampleModel } from '../support/sample-model.ts'
import { sampleDeployment, scriptedDeployment } from '../support/scripted-deployment.ts'

export const never = new AbortController().signal

export const unhurried: WaitsFull = { fullWaitMs: 600_000, fullUntilTicksMs: null }

/** Calls that say their name when they get in. */
export function createDoor(capacity: number, waitingMax = 100) {
  const upstream = scriptedDeployment(capacity)
  const clock = createFakeClock()
  const options = routingOptions.parse({ waitingMax })
  const ports = { clock, options, onCircuit: () => {} }
  const station = new Station(sampleDeployment({ slots: capacity }), upstream, ports)
  const line = new Line(sampleModel(), { clock, options, random: () => 0.5 })
  station.onChange = () => line.look()
  line.follow(sampleModel(), [station])
  const call = chatCall({})
  const enter = () => line.enter({ call, refusal: () => null })
  const gate = {
    enter,
    enterAgain() {
      const booking = enter()
      booking.comeAgain('full', null)
      return booking
    },
    turnedAway(why: TurnedAway, askedPauseMs: number | null = null) {
      station.pause.begin(why, askedPauseMs)
      station.onChange()
    },
    waiting: () => line.waiting,
    running: () => station.running,
    whenEmpty: () => station.whenEmpty(),
  }
  const inside: string[] = []
  const permits = new Map<string, Permit>()
  return {
    upstream,
    clock,
    gate,
    station,
    inside,
    arrive: (name: string, signal: AbortSignal = never, patience = unhurried) =>
      gate
        .enter()
        .permit(signal, patience)
        .then((permit) => {
          inside.push(name)
          permits.set(name, permit)
        }),
    answer: (name: string) => permits.get(name)?.answered(),
    leave: (name: string) => permits.get(name)?.release(),
  }
}

/** Whatever only waits for promises has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
