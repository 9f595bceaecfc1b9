// Package sinks is where the rows of a batch end up: the file formats, and what
// keeps the files.
//
// The two halves do not know each other. A Format knows an io.Writer and a
// table: it turns one Arrow record into the bytes of one file, and reads such a
// file back. A Store knows names and bytes: it puts a whole object under a
// condition, and never asks what is in it. Only the pipeline knows both. Three
// formats and any number of stores are therefore just that many pieces of code,
// not one for every pair; a new format is one more value in Formats, and a new
// store one more implementation that passes storetest.Run.
//
// A file is small enough to be made whole in memory. That is why a Format does
// not publish and a Store does not stream: what is put has been encoded to its
// end and digested, and nothing is ever half-open.
//
// Put, RetryConflicts, InOrder and Sweep are for the clients of a Store: to
// look at the object after an ambiguous failure, to begin again after a lost race, to
// have several operations under way, to remove what crashed runs left, and to ask how
// much a store takes at a time.
//
// The same record gives the same bytes, in every run and on every machine: no
// clock, host name, random value or map order reaches a file. A second export
// is compared with the first by digest alone.
package sinks
