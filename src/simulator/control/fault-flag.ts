// A fault rule as it is written on a command line: the fault, then whom it meets and how often, as
// in `status=503,endpoint=sim-phi,nth=3`. What is wrong in it is left for the rule's schema to say.

const numbers = new Set(['nth', 'probability'])

export function readFaultFlag(text: string): unknown {
  const [fault = '', ...parts] = text.split(',')
  const match: { [name: string]: string | number } = {}
  let times: number | undefined
  for (const part of parts) {
    const at = part.indexOf('=')
    const name = at === -1 ? part : part.slice(0, at)
    const value = at === -1 ? '' : part.slice(at + 1)
    if (name === 'times') times = Number(value)
    else match[name] = numbers.has(name) ? Number(value) : value
  }
  return { match, fault, ...(times !== undefined && { times }) }
}
