// What an operation of the job API is given.
import type { Account, Endpoint } from '../contract.ts'
import type { FaultPlan } from '../control/fault-plan.ts'
import type { DoorCall } from '../edge/door.ts'

/** A call of an operation, with everything that it may touch. */
export interface JobCall {
  readonly call: DoorCall
  /** What follows the operation in the path. */
  readonly jobId: string
  readonly faults: FaultPlan
  readonly endpoint: Endpoint
  readonly account: Account
  reply(status: number, value: object): void
}
