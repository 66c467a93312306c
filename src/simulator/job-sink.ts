// What a worker says about a job, whoever the worker is: a simulated one or a real one that speaks
// the worker protocol. The job API's record and the OpenAI route's response are both such sinks, so
// neither knows who did the work.

/** What a handler returned: a generator's list, or any one value. */
interface JobResult {
  output: unknown
}

export interface JobSink {
  /** A worker took the job; said anew when the job is replayed. */
  started(workerId: string): void
  /** One value that the worker's handler yielded. False: wait for `whenDrained` before the next. */
  yielded(output: unknown): boolean
  whenDrained(callback: () => void): void
  /** Word of progress, which stands where the output will be until it is there. */
  progressed(output: unknown): void
  /** The handler ended well. What it made is what it yielded, unless a result is given. */
  done(result?: JobResult): void
  /** The job failed, with the text that the worker or the platform gives. */
  failed(error: string): void
  /** The worker was lost: the job waits again, and what it yielded so far stays where it is. */
  requeued(): void
  /** A fault: half of `rest` is sent and the connection torn; to a job it is a lost worker. */
  torn(rest: string): void
}
