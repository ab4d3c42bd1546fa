/**
 * Numbers of rows by their token. nuScenes' tokens are 32 hex digits: as 16 bytes, 2.6 million of them take 60 MB, where a
 * Map of strings takes about 300. Other tokens stand there by 16 bytes of their SHA-256.
 */
import { createHash } from "node:crypto";

export interface TokenIndex {
  readonly size: number;
  /** Gives the token the next number, from 0. False, and nothing happens, where it has one already. */
  add(token: string): boolean;
  /** -1 for a token that was not added. */
  find(token: string): number;
}

const wordsPerKey = 4;
const keysPerPage = 2 ** 16;
/** Share of slots in use above which the table doubles. */
const mostFull = 0.75;

const hexValues = new Int8Array(128).fill(-1);
for (let i = 0; i < 16; i++) hexValues["0123456789abcdef".charCodeAt(i)] = i;

/** Capitals are left to the hash: `AB` and `ab` are two tokens. */
function isHexToken(token: string, words: Uint32Array): boolean {
  if (token.length !== 32) return false;
  for (let word = 0; word < wordsPerKey; word++) {
    let value = 0;
    for (let i = word * 8; i < word * 8 + 8; i++) {
      const digit = hexValues[token.charCodeAt(i)] ?? -1;
      if (digit < 0) return false;
      value = (value << 4) | digit;
    }
    words[word] = value;
  }
  return true;
}

export function createTokenIndex(): TokenIndex {
  const pages: Uint32Array[] = [];
  let size = 0;
  /** Number of the token plus 1; 0 is free. */
  let slots = new Uint32Array(1024);
  const key = new Uint32Array(wordsPerKey);

  const setKey = (token: string): void => {
    if (isHexToken(token, key)) return;
    const digest = createHash("sha256").update(token).digest();
    for (let word = 0; word < wordsPerKey; word++) key[word] = digest.readUInt32BE(word * 4);
  };
  const slotOf = (words: Uint32Array, at: number): number => {
    let hash = 0;
    for (let i = 0; i < wordsPerKey; i++) {
      hash = Math.imul(hash ^ words[at + i], 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash & (slots.length - 1);
  };
  /** The slot that holds the key, or the free one where it belongs. */
  const seek = (): number => {
    let slot = slotOf(key, 0);
    for (; slots[slot] !== 0; slot = (slot + 1) & (slots.length - 1)) {
      const number = slots[slot] - 1;
      const page = pages[Math.floor(number / keysPerPage)];
      const at = (number % keysPerPage) * wordsPerKey;
      if (
        page[at] === key[0] &&
        page[at + 1] === key[1] &&
        page[at + 2] === key[2] &&
        page[at + 3] === key[3]
      ) {
        break;
      }
    }
    return slot;
  };
  const grow = (): void => {
    slots = new Uint32Array(slots.length * 2);
    for (let number = 0; number < size; number++) {
      const page = pages[Math.floor(number / keysPerPage)];
      let slot = slotOf(page, (number % keysPerPage) * wordsPerKey);
      while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
      slots[slot] = number + 1;
    }
  };
  return {
    get size() {
      return size;
    },
    add(token) {
      setKey(token);
      const slot = seek();
      if (slots[slot] !== 0) return false;
      if (size % keysPerPage === 0) pages.push(new Uint32Array(keysPerPage * wordsPerKey));
      pages[pages.length - 1].set(key, (size % keysPerPage) * wordsPerKey);
      slots[slot] = ++size;
      if (size > slots.length * mostFull) grow();
      return true;
    },
    find(token) {
      setKey(token);
      return slots[seek()] - 1;
    },
  };
}
