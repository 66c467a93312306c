// The line before a model with one deployment, told by the order in which calls get in.
import { describe, expect, test } from 'vitest'
import { Fault } from '#src/domain/index.ts'
import { createDoor, never, settled, unhurried } from './door.ts'

describe('a call that stands aside', () => {
  test('takes no place that others could wait in, and comes back for its own', async () => {
    const { gate, arrive, inside, leave } = createDoor(1, 1)
    void arrive('a')
    await settled()
    const bookings = Array.from({ length: 5 }, () => {
      const booking = gate.enter()
      booking.standAside()
      return booking
    })
    void arrive('b')
    expect(() => gate.enter()).toThrow('Too many calls')
    const [first, ...others] = bookings
    const permit = first?.permit(never, unhurried)
    leave('a')
    await settled()
    leave('b')
    ;(await permit)?.release()
    for (const booking of others) booking.leave()
    expect(inside).toEqual(['a', 'b'])
    expect([gate.running(), gate.waiting()]).toEqual([0, 0])
  })

  test('leaves once, whatever it did before', async () => {
    const { gate, arrive } = createDoor(1, 1)
    const booking = gate.enter()
    booking.standAside()
    booking.standAside()
    booking.leave()
    booking.leave()
    void arrive('a')
    void arrive('b')
    expect(() => gate.enter()).toThrow('Too many calls')
  })
})

describe('permits', () => {
  test('come at once while there are places, then in order of arrival', async () => {
    const door = createDoor(2)
    for (const name of ['a', 'b', 'c', 'd', 'e']) void door.arrive(name)
    await settled()
    expect(door.inside).toEqual(['a', 'b'])
    expect(door.gate.waiting()).toBe(3)
    door.leave('b')
    await settled()
    expect(door.inside).toEqual(['a', 'b', 'c'])
    door.leave('a')
    door.leave('c')
    await settled()
    expect(door.inside).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(door.gate.waiting()).toBe(0)
  })

  test('are not overtaken by who comes when a place has just come free', async () => {
    const door = createDoor(1)
    for (const name of ['a', 'b']) void door.arrive(name)
    await settled()
    door.leave('a')
    void door.arrive('c')
    await settled()
    expect(door.inside).toEqual(['a', 'b'])
  })

  test('are not overtaken where there is room and nobody said so', async () => {
    const door = createDoor(1)
    for (const name of ['a', 'b']) void door.arrive(name)
    await settled()
    Object.assign(door.upstream, { capacity: () => 2 })
    void door.arrive('c')
    await settled()
    expect(door.inside).toEqual(['a'])
    door.leave('a')
    await settled()
    expect(door.inside).toEqual(['a', 'b', 'c'])
  })

  test('let the herd in when capacity grows, in order and no more than it holds', async () => {
    const door = createDoor(1)
    for (const name of ['a', 'b', 'c', 'd']) void door.arrive(name)
    await settled()
    expect(door.inside).toEqual(['a'])
    door.upstream.setCapacity(3)
    await settled()
    expect(door.inside).toEqual(['a', 'b', 'c'])
  })

  test('take nobody’s place when capacity shrinks, and wait until there is room', async () => {
    const door = createDoor(3)
    for (const name of ['a', 'b', 'c', 'd']) void door.arrive(name)
    await settled()
    door.upstream.setCapacity(1)
    door.leave('a')
    door.leave('b')
    await settled()
    expect(door.inside).toEqual(['a', 'b', 'c'])
    door.leave('c')
    await settled()
    expect(door.inside).toEqual(['a', 'b', 'c', 'd'])
  })

  test('are given back once, however often it is said', async () => {
    const door = createDoor(1)
    for (const name of ['a', 'b', 'c']) void door.arrive(name)
    await settled()
    door.leave('a')
    door.leave('a')
    await settled()
    expect(door.inside).toEqual(['a', 'b'])
  })
})

describe('the line', () => {
  test('is bounded: one more is refused at once', async () => {
    const door = createDoor(1, 2)
    for (const name of ['a', 'b', 'c']) void door.arrive(name)
    expect(() => door.gate.enter()).toThrow(Fault)
    expect(() => door.gate.enter()).toThrow(expect.objectContaining({ kind: 'overloaded' }))
    await settled()
    door.leave('a')
    expect(() => door.gate.enter()).not.toThrow()
  })

  test('counts those who have a waiting place and did not ask for a permit yet', () => {
    const { gate } = createDoor(1, 1)
    gate.enter()
    const second = gate.enter()
    expect(() => gate.enter()).toThrow(Fault)
    second.leave()
    expect(() => gate.enter()).not.toThrow()
  })

  test('of nobody still lets in whom there is a place for', async () => {
    const door = createDoor(1, 0)
    await door.arrive('a')
    expect(() => door.gate.enter()).toThrow(Fault)
  })

  test('is left by a call that is abandoned, which frees its place and holds up nobody', async () => {
    const door = createDoor(1, 2)
    const controller = new AbortController()
    const reason = new Fault('client_gone', { message: 'It left.' })
    void door.arrive('a')
    const gone = door.arrive('b', controller.signal).catch((cause: unknown) => cause)
    void door.arrive('c')
    controller.abort(reason)
    expect(await gone).toBe(reason)
    expect(door.gate.waiting()).toBe(1)
    expect(() => door.gate.enter()).not.toThrow()
    door.leave('a')
    await settled()
    expect(door.inside).toEqual(['a', 'c'])
  })

  test('is not joined by a call that was abandoned before', async () => {
    const door = createDoor(1, 1)
    const reason = new Fault('client_gone', { message: 'It left.' })
    await expect(door.arrive('a', AbortSignal.abort(reason))).rejects.toBe(reason)
    expect([door.gate.running(), door.gate.waiting()]).toEqual([0, 0])
  })

  test('an abandoned call that has its permit keeps it: only a release frees the place', async () => {
    const door = createDoor(1)
    const controller = new AbortController()
    await door.arrive('a', controller.signal)
    void door.arrive('b')
    controller.abort()
    await settled()
    expect(door.inside).toEqual(['a'])
    door.leave('a')
    await settled()
    expect(door.inside).toEqual(['a', 'b'])
  })
})

describe('a waiting place', () => {
  test('is given back once, however often it is said', () => {
    const { gate } = createDoor(1, 1)
    const first = gate.enter()
    gate.enter()
    first.leave()
    first.leave()
    gate.enter()
    expect(() => gate.enter()).toThrow(Fault)
  })

  test('is used up by its permit: leaving it afterwards frees nothing', async () => {
    const { gate } = createDoor(1, 0)
    const booking = gate.enter()
    await booking.permit(never, unhurried)
    booking.leave()
    expect(() => gate.enter()).toThrow(Fault)
  })
})
