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

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"enrow-export/schema"
)

// Dialect is one warehouse's SQL. All that is particular to it hangs on its one
// value, in one file: code elsewhere asks the value and never compares names.
type Dialect struct {
	// Name is the dialect's name to users: "bigquery".
	Name string
	// Title is what the warehouse is called.
	Title string
	// RunBy is the command that runs a script in the file load.sql.
	RunBy string
	// Formats are the names of the formats that it can load without loss, the
	// one to prefer first.
	Formats []string
	// Reads says from where it can read files, in words.
	Reads string

	// unreadable says why it cannot load a format, or a compression of one, by
	// "format" or "format/compression".
	unreadable map[string]string
	// reach reports whether it can read from a location: a URL, or an absolute
	// path of the machine on which the script is run.
	reach func(location string) bool
	// unreached says more about a scheme of URLs that it cannot read.
	unreached map[string]string
	// anyS3 says that it reads s3:// URLs from other stores than Amazon S3, too.
	anyS3 bool
	// special returns a text in a location that would not stand for itself there,
	// and cannot be written so that it does; empty when there is none.
	special func(location string) string

	quote   func(name string) string // an identifier
	literal func(text string) string
	types   map[schema.Type]string

	createTable func(d *Dialect, t *schema.Table, name string) string
	// createLock creates the table of that name which a load writes first, so that
	// another one waits for it, or fails. Nil when the warehouse has other locks.
	createLock func(d *Dialect, name string) string
	load       func(d *Dialect, l *load) ([]Sidecar, error)
}

// all returns the dialects, by name.
func all() []*Dialect {
	return []*Dialect{bigQuery, clickHouse, duckDB, postgreSQL, redshift, snowflake}
}

// Names returns the names of all dialects.
func Names() []string {
	var names []string
	for _, d := range all() {
		names = append(names, d.Name)
	}
	return names
}

// ByName returns the dialect of that name.
func ByName(name string) (*Dialect, bool) {
	for _, d := range all() {
		if d.Name == name {
			return d, true
		}
	}
	return nil, false
}

// CreateTable returns the statements that create the table unless it is there,
// with types, comments and keys. The namespace is that of Load.
func (d *Dialect) CreateTable(t *schema.Table, namespace string) string {
	return d.createTable(d, t, d.qualified(namespace, t.Name))
}

// Nothing is a script that loads nothing. A client may refuse one without statements.
const Nothing = "SELECT 'there is nothing to load' AS enrow_export;\n"

// lockTable is the table that loads write first, where there is no other lock.
const lockTable = "enrow_export_lock"

// CreateLock returns the statement that creates, unless it is there, what loads need
// in a namespace besides their tables; empty when they need nothing.
func (d *Dialect) CreateLock(namespace string) string {
	if d.createLock == nil {
		return ""
	}
	return d.createLock(d, d.qualified(namespace, lockTable))
}

// qualified returns the quoted name of a table.
func (d *Dialect) qualified(namespace, table string) string {
	if namespace == "" {
		return d.quote(table)
	}
	var parts []string
	for part := range strings.SplitSeq(namespace, ".") {
		parts = append(parts, d.quote(part))
	}
	return strings.Join(append(parts, d.quote(table)), ".")
}

// compressions are those that a file can have. A script names them as they are.
var compressions = []string{"", "none", "gzip", "zstd", "snappy"}

// CheckFormat returns why files of that format and compression cannot be loaded,
// nil when they can. An empty compression stands for any.
func (d *Dialect) CheckFormat(format, compression string) error {
	if !slices.Contains(compressions, compression) {
		return errors.New("the compression of the file is not known")
	}
	for _, key := range []string{format, format + "/" + compression} {
		if why, ok := d.unreadable[key]; ok {
			return fmt.Errorf("%s cannot load %s: %s", d.Title, strings.Replace(key, "/", " compressed with ", 1), why)
		}
	}
	if !slices.Contains(d.Formats, format) {
		return fmt.Errorf("%s cannot load %s", d.Title, format)
	}
	return nil
}

// CheckLocation returns why files at that location cannot be loaded, nil when they
// can: a URL, or an absolute path.
func (d *Dialect) CheckLocation(location string) error {
	scheme, _, _ := strings.Cut(location, "://")
	switch {
	case !d.reach(location) && d.unreached[scheme] != "":
		return fmt.Errorf("%s reads files from %s: %s", d.Title, d.Reads, d.unreached[scheme])
	case !d.reach(location):
		return fmt.Errorf("%s reads files from %s", d.Title, d.Reads)
	case strings.ContainsFunc(location, unicode.IsControl):
		return errors.New("the name has a control character, so no script can contain it")
	}
	if text := d.special(location); text != "" {
		return fmt.Errorf("%s does not read %s in a name literally; rename the files or load a copy without it", d.Title, text)
	}
	return nil
}

// doubling returns a function that puts text into quotes, which are doubled in it.
func doubling(quote string) func(string) string {
	return func(text string) string {
		return quote + strings.ReplaceAll(text, quote, quote+quote) + quote
	}
}

// backslashing returns a function that puts text into quotes, before which, as
// before a backslash, there is a backslash in it.
func backslashing(quote string) func(string) string {
	escape := strings.NewReplacer(`\`, `\\`, quote, `\`+quote)
	return func(text string) string { return quote + escape.Replace(text) + quote }
}

// takesAsSpecial returns a function that finds, in absolute paths and in URLs, the
// first of the texts that have a meaning of their own there.
func takesAsSpecial(inPaths, inURLs []string) func(string) string {
	return func(location string) string {
		texts := inPaths
		if strings.Contains(location, "://") {
			texts = inURLs
		}
		for _, text := range texts {
			if strings.Contains(location, text) {
				return text
			}
		}
		return ""
	}
}

// hasScheme returns a function that reports whether a location is a URL of one of
// the schemes, or with "" an absolute path.
func hasScheme(schemes ...string) func(string) bool {
	return func(location string) bool {
		scheme, _, ok := strings.Cut(location, "://")
		if !ok {
			scheme = ""
		}
		return slices.Contains(schemes, scheme) && (scheme != "" || strings.HasPrefix(location, "/"))
	}
}
