// SPDX-License-Identifier: Apache-2.0
// Runs SQL from standard input in DuckDB (in memory) and writes, for each statement that gives rows, one
// line of JSON: an array of objects. Errors go to standard error, exit code 1. An argument `threads=N`
// limits DuckDB's threads.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const { DuckDBInstance } = createRequire(join(root, "build", "duckdb", "package.json"))("@duckdb/node-api");

async function text_of(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

const settings = Object.fromEntries(process.argv.slice(2).map((word) => word.split("=")));
try {
  const connection = await (await DuckDBInstance.create(":memory:", settings)).connect();
  const statements = await connection.extractStatements(await text_of(process.stdin));
  for (let i = 0; i < statements.count; i++) {
    const result = await (await statements.prepare(i)).run();
    if (result.columnCount > 0 && result.returnType === 3) { // QUERY_RESULT
      process.stdout.write(JSON.stringify(await result.getRowObjectsJson()) + "\n");
    }
  }
} catch (problem) {
  console.error(String(problem.message ?? problem));
  process.exitCode = 1;
}
