// Package manifest holds what is known of each batch. An entry is one JSON object a
// batch: the ledger that makes a run cheap to repeat, the list that a loader reads,
// and the audit trail.
//
// Reading: Manifest.Read reads one entry. Entries and Summaries list all of them,
// EntriesOf and SummariesOf list the entries of some batches. Manifest.List is the one
// place where entries are listed.
//
// Writing: an entry is replaced under the condition that it is still the one that
// was read. Manifest.Put does that once, Manifest.Change reads and writes again
// while other runs are faster. An entry is written after the files that it names, so
// that the manifest never names a file that is not there.
//
// The package also knows where things lie below a root (Layout, RawPath), what a
// file's bytes are to be (File.Describe, File.Compare, Sizes), and how an operation
// on a root names its failure (Failure).
//
// What comes from a root is input: entries, names and copies of answers are checked
// when they are read. What docs/manifest.md promises is decided here.
package manifest
