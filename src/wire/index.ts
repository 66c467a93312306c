// Other people's formats: how to read and write them, with no opinion about the product.
export * from './json.ts'
export { hasLoneSurrogate, hasMoreOpeners, jsonShape } from './json-shape.ts'
export * from './json-splice.ts'
export { errorEnvelope } from './openai/error-envelope.ts'
export { readUsage, writeUsage } from './openai/usage.ts'
export * from './runpod/index.ts'
export * from './sse.ts'
