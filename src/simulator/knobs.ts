// The kinds of values that many options have.
import { z } from 'zod'

export const wholeMs = z.int().min(0)
/** Of which there is one at least. */
export const count = z.int().min(1)
/** 0 unless it is set. */
export const amount = z.int().min(0).default(0)
export const share = z.number().min(0).max(1)
export const off = z.boolean().default(false)
