// The places of one deployment. A call first takes a waiting place (bounded, at once or refused),
// then waits in line for a permit, and holds the permit until the upstream's work is over: a slow
// reader must not hold a free GPU slot, and an orphan must.
import { Fault, type Upstream } from '#domain'

export interface WaitingPlace {
  /** The next free permit, in order of arrival. Rejects with the signal's reason. */
  permit(signal: AbortSignal): Promise<Permit>
  /** Gives the place back, if no permit came of it. */
  leave(): void
}

export interface Permit {
  release(): void
}

export interface Gate {
  enter(): WaitingPlace
  waiting(): number
  /** Resolves once nobody runs or waits here. */
  whenEmpty(): Promise<void>
}

interface Waiter {
  grant(): void
}

export function createGate(upstream: Upstream, waitingMax: number): Gate {
  const line: Waiter[] = []
  let running = 0
  /** Places taken whose permit has not come yet. */
  let entered = 0
  const emptied: (() => void)[] = []
  upstream.onChange(letIn)

  function letIn(): void {
    while (line.length > 0 && running < upstream.capacity()) {
      running += 1
      line.shift()?.grant()
    }
  }

  function takePermit(): Permit {
    entered -= 1
    let isHeld = true
    return {
      release() {
        if (!isHeld) return
        isHeld = false
        running -= 1
        letIn()
        tellIfEmpty()
      },
    }
  }

  function giveUp(): void {
    entered -= 1
    tellIfEmpty()
  }

  function tellIfEmpty(): void {
    if (running + entered === 0) for (const tell of emptied.splice(0)) tell()
  }

  function wait(signal: AbortSignal): Promise<Permit> {
    return new Promise((resolve, reject) => {
      const waiter = {
        grant() {
          signal.removeEventListener('abort', leaveLine)
          resolve(takePermit())
        },
      }
      function leaveLine(): void {
        line.splice(line.indexOf(waiter), 1)
        giveUp()
        reject(signal.reason)
      }
      signal.addEventListener('abort', leaveLine, { once: true })
      line.push(waiter)
    })
  }

  return {
    waiting: () => line.length,
    whenEmpty() {
      const { promise, resolve } = Promise.withResolvers<void>()
      emptied.push(resolve)
      tellIfEmpty()
      return promise
    },
    enter() {
      if (running + entered >= upstream.capacity() + waitingMax) throw full()
      entered += 1
      let isUsed = false
      return {
        async permit(signal) {
          isUsed = true
          if (signal.aborted) giveUp()
          signal.throwIfAborted()
          if (line.length > 0 || running >= upstream.capacity()) return wait(signal)
          running += 1
          return takePermit()
        },
        leave() {
          if (!isUsed) giveUp()
          isUsed = true
        },
      }
    },
  }
}

function full(): Fault {
  return new Fault('overloaded', {
    message: 'Too many calls are waiting for this model. Please try again shortly.',
    retryAfterMs: 2_000,
  })
}
