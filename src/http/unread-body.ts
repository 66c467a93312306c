// The end of a body that was refused. Node takes the rest of it and drops it, because a client that
// is still sending may not hear why it was refused; but only for a time.
import type { IncomingMessage } from 'node:http'
import type { Clock } from '#domain'

/** How long a client may go on sending a body that was refused, before it is cut off. */
const unreadMs = 1_000

export function forgetBody(raw: IncomingMessage, clock: Clock, then = () => {}): void {
  if (raw.complete) return then()
  const timer = clock.after(unreadMs, () => {
    if (!raw.complete) raw.socket.destroy()
  })
  const over = () => {
    timer.cancel()
    then()
  }
  raw.once('end', over)
  raw.once('close', over)
}
