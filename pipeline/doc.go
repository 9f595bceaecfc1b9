// Package pipeline is the map of its children, and what sources and stages say to each
// other: Source gives an answer for a batch, Error says what failed and what to do.
//
// One batch goes through four stages:
//
//	fetch    ask a Source                      sources
//	flatten  JSON to rows                      pipeline/answer, schema
//	write    rows to files                     pipeline/export, sinks
//	publish  files, then the manifest entry    pipeline/export, pipeline/manifest, sinks
//
// This folder is the contract, and its children are built on it:
//
//	answer    one answer of the API taken apart
//	manifest  what is known of each batch, and where things lie below a root
//	runs      the record of a run, as a line that other processes read
//	export    the run: fetch, encode, publish; plan, pending, enqueue, dismiss
//	overview  a root in figures, for those who watch it
//	service   the long-lived process: when runs begin, and how well it is
//	metrics   the last run and a root, for Prometheus
//	ping      a run's beginning and end, for a monitor of cron jobs
//	page      an overview and runs as one HTML document
//	verify    the files against their entries
//	prune     files that no entry names
//	adopt     entries that were lost, rebuilt from files
//	compact   many small Parquet files into few
//	load      the SQL that loads the files, and which contents a warehouse has
//
// pipelinetest sets the scene for their tests.
//
// Operations are clients of manifest and never import each other; only load asks verify
// whether the files are there. None of them knows a source or a store by name: cmd
// wires them. TestImportsRunOneWay holds all of that.
//
// Where something new goes:
//
//	a store    a folder in sinks that passes storetest.Run; its URL and flags in cmd's stores.go
//	a format   a value in sinks.Formats; its columns in schema.Batches
//	a command  a cmd_*.go in cmd, and a line in app.go; its work in a child of this package
//	a kind     a table in schema.Tables; made-up answers in sources/fakeapi
//
// Tests name each further place that then has to follow: docs, JSON Schemas, and the
// dialects that load a format.
//
// Words:
//
//	answer    the bytes that the API sends for one batch
//	notice    what Enrow sends to a webhook about a finished batch (sources/webhook)
//	row       one result of an answer, with the columns of its table
//	record    rows in memory, as Apache Arrow has them
//	entry     what the manifest says of one batch
//	manifest  all entries of a root
//	claim     an entry that says which files are about to be replaced
//	orphan    a file that a run has put and that no entry names
//	pack      one Parquet file with the rows of many batches
//	root      the folder or bucket under which everything lies
//	layout    the template of the paths of data files below a root
//	store     what keeps the objects of a root (sinks.Store)
//	sink      a format and a store: where rows end up
package pipeline
