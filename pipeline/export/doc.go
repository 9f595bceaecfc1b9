// Package export takes batches from a Source to files and manifest entries in a
// Store. One batch goes through three stages, each with a limit of its own:
//
//	fetch    ask the Source                  schedule.go   Concurrency batches
//	encode   answer to rows, rows to files   encode.go     Encoders batches
//	publish  files, then the entry           publish.go    PublishBudget bytes, and as
//	                                                       many batches as the store takes
//
// Run does that for a list of ids, and asks again for batches that are ongoing
// (Config.Wait). A batch that is done costs no request: done.go says when it is, and
// survey.go finds out of many batches at once. Plan tells what Run would do. Enqueue
// records ids as pending, Pending returns what is left to do, and Dismiss records that
// nothing is.
//
// A run is a trace, if somebody wants one: spans.go.
//
// A run may be killed at any instant and started again, beside any number of other
// runs over the same batches. Why that loses nothing is explained at publication.
package export
