/**
 * The identifiers of the people that an import has read, with the line of each. It keeps 64 bits of a digest, so that
 * millions of identifiers need 24 bytes each.
 */
import { hash } from 'node:crypto';

export interface KnownIdentifiers {
  /** The line that has the identifier; undefined if no line has it yet. */
  find(identifier: string): number | undefined;
  add(identifier: string, line: number): void;
}

const firstCapacity = 1 << 12;

/** An open-addressing table. A slot has two halves of the digest and the line, which is 0 in an empty slot. */
export function createKnownIdentifiers(): KnownIdentifiers {
  let slots = new Uint32Array(3 * firstCapacity);
  let size = 0;

  const capacity = () => slots.length / 3;

  /** The index of the slot with this digest, or of the empty one for it. */
  const slotOf = (low: number, high: number): number => {
    const mask = capacity() - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const index = 3 * slot;
      if (slots[index + 2] === 0 || (slots[index] === low && slots[index + 1] === high))
        return index;
    }
  };

  const grow = () => {
    const old = slots;
    slots = new Uint32Array(2 * old.length);
    for (let index = 0; index < old.length; index += 3) {
      const [low = 0, high = 0, line = 0] = old.subarray(index, index + 3);
      if (line !== 0) slots.set([low, high, line], slotOf(low, high));
    }
  };

  return {
    find(identifier) {
      const [low, high] = halvesOf(identifier);
      return slots[slotOf(low, high) + 2] || undefined;
    },
    add(identifier, line) {
      const [low, high] = halvesOf(identifier);
      slots.set([low, high, line], slotOf(low, high));
      size += 1;
      if (2 * size > capacity()) grow();
    },
  };
}

/** SHA-256: an attacker cannot choose an identifier with the digest of another person's. */
function halvesOf(identifier: string): readonly [low: number, high: number] {
  const digest = hash('sha256', identifier, 'buffer');
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)];
}
