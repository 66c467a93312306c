// How a worker of the second generation (2.24 and later) turns vLLM's answer into what its handler
// yields: each piece of a stream as it came, a whole answer as the JSON that it is, a refusal as a
// failure that quotes it. While a post is under way the pieces gather, so slices grow with the time
// that the platform takes; and since it decodes each slice by itself, one that ends inside a
// character loses that character.
import type { JsonObject } from '#domain'
import { unknownInputError, vllmRefusedError, vllmRequestError } from '#wire'
import type { JobSink } from '../job-sink.ts'
import type { ReplySink } from '../reply-sink.ts'
import { asksForStream, type Handler, readJobInput, type WorkerFacts } from './handler.ts'
import { openPosts } from './posts.ts'

/** What waits in the sockets between vLLM and its worker before vLLM notices. */
const gatheredMax = 256 * 1024

const nothing = Buffer.alloc(0)

export function generationB(input: JsonObject, sink: JobSink, worker: WorkerFacts): Handler {
  const request = readJobInput(input, worker.servedModel)
  const pieces = openPieces(sink, worker)
  if (request === null) sink.failed(unknownInputError())
  const streams = request !== null && asksForStream(request.body)
  const answer: ReplySink = {
    whole(status, body, headers) {
      if (status >= 400) return sink.failed(vllmRefusedError(status, body))
      const type = headers?.['content-type'] ?? 'application/json'
      if (streams) pieces.add(body)
      else if (type.startsWith('application/json'))
        pieces.whole(body === '' ? null : readJson(body))
      else return sink.failed(vllmRequestError(status, type))
      pieces.end()
    },
    tornWhole: (body) => sink.torn(body),
    open() {},
    event: (text, kind) => (kind === 'start' ? pieces.hold(text) : pieces.add(text)),
    whenDrained: pieces.whenDrained,
    end: pieces.end,
    breakOff() {
      pieces.stop()
      sink.torn('')
    },
  }
  return { request, answer, stop: pieces.stop }
}

function openPieces(sink: JobSink, worker: WorkerFacts) {
  const { chance, sliceCutShare } = worker
  let gathered = ''
  /** What a cut has left over; it may begin inside a character. */
  let rest = nothing
  const posts = openPosts(sink, worker, () => (waiting() > 0 ? nextSlice() : undefined))

  const waiting = () => rest.length + gathered.length

  /** All there is; or, by chance, a part that ends anywhere. */
  function nextSlice(): string {
    const isCut = sliceCutShare > 0 && chance.next() < sliceCutShare
    const text = gathered
    gathered = ''
    if (!isCut && rest.length === 0) return text
    const bytes = Buffer.concat([rest, Buffer.from(text)])
    const length = isCut && bytes.length > 1 ? 1 + chance.below(bytes.length - 1) : bytes.length
    rest = bytes.subarray(length)
    return bytes.toString('utf8', 0, length)
  }

  return {
    ...posts,
    /** The event before the first token leaves in one slice with it. */
    hold(text: string): boolean {
      gathered += text
      return true
    },
    add(text: string): boolean {
      gathered += text
      posts.flush()
      return waiting() < gatheredMax
    },
  }
}

/** A broken body (a fault of ours) becomes the text that it is. */
function readJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}
