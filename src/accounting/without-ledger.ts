// The record of a good call whose row could not be written in time: its client hears of a failure.
// What a stream had delivered by then is charged; a whole answer never left and is not.
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
