import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Provenance } from "@causeway/train";

const repoRoot = fileURLToPath(new URL("../../../../", import.meta.url));

/** Versions and commit of this installation, for run records. Nothing of it decides what a run computes. */
export function provenanceOf(): Omit<Provenance, "datasetFingerprint"> {
  const version = (name: string): string => {
    try {
      const url = new URL(`../../../../node_modules/${name}/package.json`, import.meta.url);
      return (JSON.parse(readFileSync(url, "utf8")) as { version: string }).version;
    } catch {
      return "unknown";
    }
  };
  let commit: string | null = null;
  try {
    commit = execFileSync("git", ["rev-parse", "HEAD"], {
      cwd: repoRoot,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    // Not a checkout, or no git: the record says null.
  }
  return {
    commit,
    versions: {
      causeway: version("@causeway/cli"),
      node: process.versions.node,
      "onnxruntime-node": version("onnxruntime-node"),
      platform: `${process.platform}-${process.arch}`,
    },
  };
}
