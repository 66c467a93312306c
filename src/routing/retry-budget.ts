// How many calls may be tried again at once: a fifth of all that run, and always three. When much
// fails, more attempts would only add load. A call that an upstream turned away does not count.

const share = 0.2
const always = 3

export class RetryBudget {
  #calls = 0
  #retries = 0

  /** A call runs until the end of its share. */
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

/** One call's part in the budget. */
export class BudgetShare {
  readonly #budget: RetryBudget
  #isRetrying = false
  #isOver = false

  constructor(budget: RetryBudget) {
    this.#budget = budget
  }

  /** A call has one attempt at a time, so it counts as one retry however often it is tried. */
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
