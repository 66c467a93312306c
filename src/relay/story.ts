// What is known of a call so far. Headers, comments and the record are made from it.
import { type Call, looksLikeModel, type Model } from '#domain'
import type { Attempts } from './attempts.ts'

/** Instead of a model's name, where the client wrote something else: part of a prompt, say. */
const noModel = '?'

export class Story {
  readonly call: Call
  model: Model | null = null
  /** null: the call is not accepted. */
  attempts: Attempts | null = null

  constructor(call: Call) {
    this.call = call
  }

  /** The model's own id, where an alias was asked for: sums must not be split by names. */
  get modelId(): string {
    if (this.model !== null) return this.model.id
    const { modelId } = this.call
    return looksLikeModel(modelId) ? modelId : noModel
  }
}
