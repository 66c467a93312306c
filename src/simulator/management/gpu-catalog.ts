// The GPUs that RunPod lends, with the price that a worker pays per GPU and second. It is a list
// price that was published on 2026-06-08; the live source is the catalogue that this one plays.

export interface Gpu {
  id: string
  name: string
  pool: string
  memoryGb: number
  /** Nano-dollars per GPU and second, so that sums are exact. */
  nanoUsdPerSecond: number
  availability: 'NONE' | 'LOW' | 'MEDIUM' | 'HIGH'
}

// biome-ignore format: a table
const gpus: readonly Gpu[] = [
  { id: 'NVIDIA B200', name: 'B200', pool: 'BLACKWELL_180', memoryGb: 180, nanoUsdPerSecond: 2_400_000, availability: 'LOW' },
  { id: 'NVIDIA H200', name: 'H200 SXM', pool: 'HOPPER_141', memoryGb: 141, nanoUsdPerSecond: 1_550_000, availability: 'LOW' },
  { id: 'NVIDIA H100 80GB HBM3', name: 'H100 SXM', pool: 'ADA_80_PRO', memoryGb: 80, nanoUsdPerSecond: 1_160_000, availability: 'MEDIUM' },
  { id: 'NVIDIA A100-SXM4-80GB', name: 'A100 SXM', pool: 'AMPERE_80', memoryGb: 80, nanoUsdPerSecond: 760_000, availability: 'MEDIUM' },
  { id: 'NVIDIA L40S', name: 'L40S', pool: 'ADA_48_PRO', memoryGb: 48, nanoUsdPerSecond: 530_000, availability: 'MEDIUM' },
  { id: 'NVIDIA RTX A6000', name: 'RTX A6000', pool: 'AMPERE_48', memoryGb: 48, nanoUsdPerSecond: 340_000, availability: 'HIGH' },
  { id: 'NVIDIA GeForce RTX 4090', name: 'RTX 4090', pool: 'ADA_24', memoryGb: 24, nanoUsdPerSecond: 310_000, availability: 'HIGH' },
  { id: 'NVIDIA RTX A5000', name: 'RTX A5000', pool: 'AMPERE_24', memoryGb: 24, nanoUsdPerSecond: 190_000, availability: 'HIGH' },
  { id: 'NVIDIA RTX A4000', name: 'RTX A4000', pool: 'AMPERE_16', memoryGb: 16, nanoUsdPerSecond: 160_000, availability: 'HIGH' },
]

export function gpuOfPool(pool: string): Gpu | undefined {
  return gpus.find((gpu) => gpu.pool === pool)
}

/** What `GET /v2/catalog/gpus` says; availability only where it was asked for. */
export function catalogOf(includes: readonly string[]): object {
  const tellsAvailability = includes.includes('AVAILABILITY')
  return {
    gpus: gpus.map(({ id, name, pool, memoryGb, nanoUsdPerSecond, availability }) => {
      const serverless = (nanoUsdPerSecond * 3600) / 1e9
      return {
        id,
        name,
        pool,
        memory: memoryGb,
        price: { secure: null, community: null, serverless },
        ...(tellsAvailability && { availability }),
      }
    }),
  }
}
