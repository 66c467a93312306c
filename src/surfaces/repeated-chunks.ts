// The chunks of a stream that repeat one another but for what they say. No rule looks at that, and
// no running count is shown: so what the first of them became is what all become, with their own
// content in its place, and none of the others needs to be read.
import type { RepeatedChunk, Usage } from '#domain'

/** Stands for what a chunk says. It is in no JSON text: there, it would be escaped. */
const mark = '\u0000'

export class RepeatedChunks {
  #mould: object | null = null
  #before = ''
  #after = ''
  #usage: Usage | null = null

  /** The event for the client; null where none of this mould is known. */
  event({ mould, content }: RepeatedChunk): string | null {
    return mould === this.#mould ? this.#before + content + this.#after : null
  }

  /** The running usage of a chunk whose event is known. */
  usage({ completionTokens }: RepeatedChunk): Usage | null {
    if (this.#usage === null || completionTokens === null) return this.#usage
    const { promptTokens, cachedTokens, source } = this.#usage
    return { promptTokens, completionTokens, cachedTokens, source }
  }

  /** From one that went the long way; `write` makes the event of any text that is like its own. */
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
