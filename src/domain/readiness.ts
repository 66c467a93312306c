// Whether a deployment could answer now, as far as can be known without waking it.

export type Readiness =
  | { state: 'warm' }
  | { state: 'warming'; phase: string; etaMs: number | null }
  | { state: 'cold'; etaMs: number | null }
  | { state: 'no-capacity' }
  | { state: 'failing' }
  /** It is defined in a way that this gateway does not know. */
  | { state: 'broken' }
  | { state: 'off' }
  | { state: 'unknown' }

/** What can be said to a client that waits; it becomes a heartbeat comment. */
export interface Progress {
  phase: 'queued' | 'connecting' | 'warming' | 'waiting'
  etaMs: number | null
}
