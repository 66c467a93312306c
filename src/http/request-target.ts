// The path in what a request line names, as the router reads it: proxies may write the whole
// address there, and that must not make another route of it.

export function pathOf(target: string): string {
  const local = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '')
  return local.split(/[?#]/)[0] ?? ''
}
