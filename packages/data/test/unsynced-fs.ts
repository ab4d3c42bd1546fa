import { type AtomicFs, nodeAtomicFs } from "../src/io/atomic.ts";

/** The real file system without fsync: for tests that write hundreds of files and never crash the machine. */
export const unsyncedFs: AtomicFs = {
  ...nodeAtomicFs,
  async create(path) {
    return { ...(await nodeAtomicFs.create(path)), sync: async () => undefined };
  },
  syncFolder: async () => undefined,
};
