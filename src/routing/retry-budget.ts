// How many of all calls may be tried again at once: when much fails, trying again would only be
// more of it. What an upstream turned away because it is full is not counted.

const share = 0.2
const always = 3

export class RetryBudget {
  #calls = 0
  #retries = 0

  /** A call is under way until this is disposed. */
  begin(): BudgetShare {
    this.#calls += 1
    return new BudgetShare(this)
  }

  get retries(): number {
    return this.#retries
  }

  take(): boolean {
    if (!this.holds(this.#retries + 1)) return false
    this.#retries += 1
    return true
  }

  holds(retries = this.#retries): boolean {
    return retries <= Math.max(always, share * this.#calls)
  }

  end(isRetrying: boolean): void {
    this.#calls -= 1
    if (isRetrying) this.#retries -= 1
  }
}

/** What one call has of it. */
export class BudgetShare {
  readonly #budget: RetryBudget
  #isRetrying = false
  #isOver = false

  constructor(budget: RetryBudget) {
    this.#budget = budget
  }

  /** One attempt of a call runs at a time, so however often it is tried it is one retry. */
  mayRetry(): boolean {
    if (this.#isRetrying) return this.#budget.holds()
    this.#isRetrying = this.#budget.take()
    return this.#isRetrying
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#budget.end(this.#isRetrying)
  }
}
