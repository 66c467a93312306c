// A process of its own that appends to a ledger and prints each id once it was acknowledged, until
// someone kills it. Its argument is the storage options, as JSON.
import { writeSync } from 'node:fs'
import { openLedger } from '#src/accounting/index.ts'
import { newRequestId, systemClock } from '#src/domain/index.ts'
import { storageOptions } from '#src/storage/index.ts'
import { sampleCall } from './sample-records.ts'

const options = storageOptions.parse(JSON.parse(process.argv[2] ?? '{}'))
const ledger = await openLedger(options, systemClock)

async function append(): Promise<never> {
  for (;;) {
    const requestId = newRequestId()
    await ledger.append(sampleCall({ requestId }))
    writeSync(1, `${requestId}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, append))
