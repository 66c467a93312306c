// The chunks of a stream that differ only in their content and running counts. No rule looks at the
// content, and no running count is shown. So the event that was written for the first such chunk
// is reused for the others with their own content, and they need not be parsed.
import type { RepeatedChunk, Usage } from '#domain'

/** Marks where the content goes. No JSON text holds it, because JSON escapes it. */
const mark = '\u0000'

export class RepeatedChunks {
  #mould: object | null = null
  #before = ''
  #after = ''
  #usage: Usage | null = null

  /** The event for the client; null where no event of this mould was learnt. */
  event({ mould, content }: RepeatedChunk): string | null {
    return mould === this.#mould ? this.#before + content + this.#after : null
  }

  /** The running usage of a chunk for which `event` gave an event. */
  usage({ completionTokens }: RepeatedChunk): Usage | null {
    if (this.#usage === null || completionTokens === null) return this.#usage
    const { promptTokens, cachedTokens, source } = this.#usage
    return { promptTokens, completionTokens, cachedTokens, source }
  }

  /** Learns from a chunk that was parsed; `write` makes the event for a text of the same mould. */
  learn(chunk: RepeatedChunk, usage: Usage | null, write: (text: string) => string): void {
    const { text, content, contentAt, mould } = chunk
    const marked = text.slice(0, contentAt) + mark + text.slice(contentAt + content.length)
    const [before, after, ...more] = write(marked).split(mark)
    if (before === undefined || after === undefined || more.length > 0) return
    this.#mould = mould
    this.#before = before
    this.#after = after
    this.#usage = usage
  }
}
