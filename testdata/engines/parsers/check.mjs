// Fails unless each of the files is SQL of BigQuery, for a parser that shares
// nothing with the product.
import { readFileSync } from "node:fs";
import { parse } from "sql-parser-cst";

const files = process.argv.slice(2);
if (files.length === 0) {
  throw new Error("no files given");
}
for (const file of files) {
  // This clause of LOAD DATA is newer than the parser.
  const sql = readFileSync(file, "utf8").replace(/^(LOAD DATA (?:OVERWRITE|INTO)) TEMP TABLE /gm, "$1 ");
  const { statements } = parse(sql, { dialect: "bigquery", filename: file });
  console.log(`${file}: ${statements.filter((s) => s.type !== "empty").length} statements`);
}
