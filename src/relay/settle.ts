// Makes a finished record known, in this order: ledger, limits, metrics, log. The row is durable
// before the terminal frame leaves, so nothing that the client saw is forgotten. Never throws.
import { withoutLedger } from '#accounting'
import { asFault, type CallRecord, type Fault } from '#domain'
import type { Reservation } from '#limits'

export interface SettlePorts {
  /** Resolves when the row survives a crash of this process. */
  ledger: { append(record: CallRecord): Promise<void> }
  observe(record: CallRecord): void
  log(record: CallRecord, fault: Fault | null): void
}

/**
 * Returns null when all is well, else the fault that the client gets instead of its terminal frame.
 * A call that already failed keeps its own fault, which is the one in its record.
 */
export async function settle(
  record: CallRecord,
  fault: Fault | null,
  reservation: Reservation | null,
  ports: SettlePorts,
): Promise<Fault | null> {
  let lost: Fault | null = null
  try {
    // Refused calls get a log line and a metric, never a row.
    if (reservation !== null) await ports.ledger.append(record)
  } catch (cause) {
    lost = asFault(cause)
  }
  // The answer does not wait for this: a shared store that is slow only leaves the key less.
  reservation?.settle(record).catch(() => {})
  // Log and metrics say what the ledger will write once it can again.
  const told = lost === null ? record : withoutLedger(record)
  try {
    ports.observe(told)
    ports.log(told, fault ?? lost)
  } catch {
    // The row is written: without a log line or a metric, the client still gets its answer's end.
  }
  return fault === null ? lost : null
}
