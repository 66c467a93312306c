// A load balancer's call at a worker: the answer of its HTTP server goes out as it is, and the crew
// is only told when it is over.
import type { JobSink } from '../job-sink.ts'
import type { ReplySink } from '../reply-sink.ts'

export function directReply(reply: ReplySink, sink: JobSink): ReplySink {
  return {
    ...reply,
    whole(status, body, headers) {
      reply.whole(status, body, headers)
      sink.done()
    },
    tornWhole(body) {
      reply.tornWhole(body)
      sink.torn('')
    },
    end() {
      reply.end()
      sink.done()
    },
    breakOff() {
      reply.breakOff()
      sink.torn('')
    },
  }
}
