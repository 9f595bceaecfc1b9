// Package runs is the record of a run, as one line of JSON: the line that export --report and
// serve append to a file, and that the page and the metrics are made from.
//
// It is a contract of its own, apart from export, since its readers come later, in other
// processes and perhaps in other versions of the program: Read takes the lines that it
// understands, and counts the others. A line names batches and errors. It has no
// personal data, no key and no secret. docs/output.schema.json is its JSON Schema.
package runs
