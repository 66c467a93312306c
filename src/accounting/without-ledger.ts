// What a good call becomes when its row could not be written in time: its client was told so. Parts
// of a stream had been delivered by then and are charged; a whole answer never left.
import { type CallRecord, faultKinds } from '#domain'

export function withoutLedger(record: CallRecord): CallRecord {
  if (record.outcome !== 'ok') return record
  const rule = faultKinds.ledger_unavailable
  return Object.freeze({
    ...record,
    status: record.stream ? record.status : rule.status,
    outcome: 'failed',
    errorCode: rule.code,
    fault: 'ledger_unavailable',
    chargeNanoUsd: record.stream ? record.chargeNanoUsd : 0,
  })
}
