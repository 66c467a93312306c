// What is counted since the start, at the doors and at the end of each job.

export interface CallCounters {
  callsSeen: number
  openConnections: number
  /** Clients that left before the end of their answer. */
  clientsLeft: number
  /** Generations stopped because a client left or a job was cancelled. */
  aborted: number
}

export interface EndpointCounters extends CallCounters {
  completed: number
  failed: number
  /** Jobs given to another worker because the first was lost. */
  retried: number
}

export function openCallCounters(): CallCounters {
  return { callsSeen: 0, openConnections: 0, clientsLeft: 0, aborted: 0 }
}
