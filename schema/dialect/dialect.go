// Package dialect writes the SQL of warehouses: the statements that create a
// table of package schema, and those that load the files of batches into it.
// All of it is derived from the table's declaration, as the files are, so that
// types are never guessed from what the first file happens to hold.
//
// A load is idempotent: files go to a staging table, are counted there, and then
// replace, in one transaction where the warehouse has those, all rows of their
// batches. Rows are keyed on batch_id and index; a batch is replaced as a whole,
// since what the vendor calls an index may be absent or come twice, and a batch
// that was exported again may have fewer rows than before.
//
// The package knows nothing of stores and manifests: what is to be loaded comes
// as a Load.
package dialect

import "enrow-export/schema"

// Dialect is one warehouse's SQL. All that is particular to it hangs on its one
// value, in one file: code elsewhere asks the value and never compares names.
type Dialect struct {
	// Name is the dialect's name to users: "bigquery".
	Name string
	// Formats are the names of the formats that it can load without loss, the
	// one to prefer first.
	Formats []string

	createTable func(t *schema.Table, namespace string) string
	load        func(l Load) (Script, error)
}

// Load is what one table is to be loaded with.
type Load struct {
	// Table is declared with all its columns, whatever the files have.
	Table *schema.Table
	// Namespace is the dataset or schema of the table in the warehouse, with
	// dots between its parts; empty for the session's own.
	Namespace string
	// Create says that the load begins with the statement that creates the table
	// unless it is there.
	Create bool
	// Batches are those to load, in the order of their ids: the table has exactly
	// their rows of these batches afterwards.
	Batches []Batch
	// Files hold their rows, in order; each batch is in one of them.
	Files []File
	// Integration is the name of the warehouse's own object that lets it read the
	// files' location: Snowflake's storage integration, or for Redshift the ARN of
	// a role. Empty for the default.
	Integration string
}

// Batch is a batch to load.
type Batch struct {
	ID   string
	Rows int64
}

// File is a file to load.
type File struct {
	// URL is where the warehouse finds it: an absolute path on the machine on
	// which the script is run, or a URL (gs://, s3://, https://).
	URL string
	// Format and Compression are those of sinks.Encoding.
	Format, Compression string
	// Neutralised says that texts were changed for spreadsheets.
	Neutralised bool
	// Columns are the names of the file's columns, in its order.
	Columns []string
	// Bytes is the file's length, and Rows how many rows it has in all.
	Bytes, Rows int64
	// Partial says that it holds batches, too, that are not to be loaded.
	Partial bool
}

// Script is what loads one table.
type Script struct {
	// SQL is one or more statements, each with its end; for the client's tool
	// that the dialect's documentation names.
	SQL string
	// Sidecar is a file that has to be beside the data for that, nil when none.
	Sidecar *Sidecar
}

// Sidecar is a file that a script refers to.
type Sidecar struct {
	// Name is relative to the root of the files.
	Name string
	Data []byte
}
