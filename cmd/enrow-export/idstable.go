package main

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"enrow-export/schema"
)

// separators of the columns of a table. When a line has several, the most frequent one
// counts, and among equals the first here.
const separators = "\t;,"

// maxRow bounds the bytes of a row, which a quotation mark that is not closed would
// make as long as the file.
const maxRow = 4 << 20

const rowHint = "correct that row, or save the column of the batch ids only"

const tableHint = "name the column of the batch ids batch_id, or save that column only"

// kindOfList says which rows to take of a table with a column kind, such as the output of
// enrow-export batches.
type kindOfList struct {
	kind   string // that the command works on; empty for all
	chosen bool   // by --kind: rows of other kinds are left out, and refused otherwise
}

// idNames finds other names that a column of batch ids might have. None is an id of Enrow's.
var idNames = regexp.MustCompile(`^(enrow)?((batch|bulk|search)(e?s)?|(batch|bulk|search)?(ids?|uuids?|guids?))$`)

// mayNameIDs reports whether a header may name ids.
func mayNameIDs(name string) bool { return idNames.MatchString(schema.BareName(name)) }

// cellsOf splits a line of a table.
func cellsOf(line string, sep rune) []string {
	rows := tableReader(strings.NewReader(line), sep)
	rows.LazyQuotes = true // a quoted value may go on in the next line
	cells, _ := rows.Read()
	for i := range cells {
		cells[i] = unquoted(cells[i])
	}
	return cells
}

func tableReader(r io.Reader, sep rune) *csv.Reader {
	rows := csv.NewReader(r)
	rows.Comma = sep
	rows.ReuseRecord = true
	rows.TrimLeadingSpace = sep != '\t'
	return rows
}

// separatorOf returns the separator of the table that has line as its first, and 0 if
// line is not of a table: it has one value, and does not name a column other than the first.
func separatorOf(line string, declared rune) rune {
	best, most := rune(0), 1
	for _, sep := range separators {
		if declared != 0 && declared != sep {
			continue
		}
		cells := cellsOf(strings.TrimRight(line, "\n"), sep)
		named := slices.IndexFunc(cells, schema.NamesBatchID)
		switch full := countFull(cells); {
		case len(cells) > 1 && (named > 0 || named == 0 && full > 1):
			return sep
		case full > 1 && len(cells) > most:
			best, most = sep, len(cells)
		}
	}
	return best
}

func countFull(cells []string) (n int) {
	for _, c := range cells {
		if c != "" {
			n++
		}
	}
	return n
}

// isNumbered reports whether a line is the header of a table whose first column has
// the name #, and not a comment.
func isNumbered(line string) bool {
	sep := separatorOf(line, 0)
	return sep != 0 && cellsOf(line, sep)[0] == "#" && slices.ContainsFunc(cellsOf(line, sep), schema.NamesBatchID)
}

// readTable reads a table from its header on, which is the last line that was read.
func (l *idsFile) readTable(header []byte, sep rune) error {
	before := l.line - 1
	l.line = before
	in := &rowLimit{r: io.MultiReader(bytes.NewReader(header), l.lines)}
	rows := tableReader(in, sep)
	column, kind := -1, -1
	var names []string // the column names, for the first row, if the column of ids has no name but id
	for {
		in.left = maxRow
		cells, err := rows.Read()
		var parse *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, csv.ErrFieldCount):
			if isEmpty(cells) {
				continue
			}
			l.line = before + lineOf(rows)
			l.bad.fault(fmt.Sprintf("has %s, and the header has %d", count(int64(len(cells)), "column"), rows.FieldsPerRecord), l.name+":", l.line)
			continue
		case errors.As(err, &parse) && !errors.Is(err, errLongRow):
			return &listFault{fmt.Sprintf(":%d has a quotation mark that is not closed, or one in the middle of a value", before+parse.StartLine), rowHint}
		case errors.Is(err, errLongRow):
			return &listFault{fmt.Sprintf(" has a row of more than %s after line %d: a quotation mark may not be closed", size(maxRow), l.line), rowHint}
		case err != nil:
			return err
		case column < 0:
			if column, kind, err = columnsOfIDs(cells); err != nil {
				return err
			}
			l.header = strings.Clone(unquoted(cells[column]))
			if schema.BareName(l.header) == "id" {
				names = slices.Clone(cells)
			}
			if column == 0 {
				rows.Comment = '#' // anywhere else it would hide an id
			}
			continue
		case isEmpty(cells):
			continue
		}
		l.line = before + lineOf(rows)
		if err := l.checkColumn(names, cells, column); err != nil {
			return err
		}
		names = nil
		if kind >= 0 {
			switch out, err := l.leavesOut(cells[kind]); {
			case err != nil:
				return err
			case out:
				l.leftOut++
				continue
			}
		}
		l.add(strings.Clone(unquoted(cells[column]))) // a cell keeps its whole row in memory
	}
}

// checkColumn returns a fault if the column is not the one that has the batch ids, but
// another of the names is.
func (l *idsFile) checkColumn(names, cells []string, column int) error {
	if names == nil || enrowID.MatchString(unquoted(cells[column])) {
		return nil
	}
	for i, c := range cells {
		if i != column && i < len(names) && holdsID.MatchString(strings.ToLower(c)) {
			return &listFault{fmt.Sprintf(":%d has no batch id of Enrow's in the column %q, but one in the column %q", l.line, l.header, unquoted(names[i])), tableHint}
		}
	}
	return nil
}

// leavesOut reports whether a row is left out because of its cell in the column kind. An
// empty cell stands for the kind that is wanted.
func (l *idsFile) leavesOut(cell string) (bool, error) {
	if l.want.kind == "" || strings.TrimSpace(cell) == "" {
		return false, nil
	}
	kind, known := canonical(unquoted(cell), kinds())
	switch {
	case !known:
		return false, &listFault{
			fmt.Sprintf(":%d has another word in the column kind than %s", l.line, strings.Join(kinds(), ", ")),
			"write one of these words there, or give the column another name",
		}
	case kind == l.want.kind:
		return false, nil
	case l.want.chosen:
		return true, nil
	}
	return false, &listFault{
		fmt.Sprintf(":%d is a batch of kind %s, and this call is for %s", l.line, kind, l.want.kind),
		"choose the kind with --kind, which leaves out the rows of other kinds, and call once for each kind",
	}
}

// lineOf returns the line on which the last row begins.
func lineOf(rows *csv.Reader) int {
	line, _ := rows.FieldPos(0)
	return line
}

// columnsOfIDs returns the columns of a header that have the ids and their kinds; kind
// is below zero when there is none.
func columnsOfIDs(header []string) (id, kind int, err error) {
	var named, plain, alike, kinds []int
	for i, cell := range header {
		switch name := schema.BareName(unquoted(cell)); {
		case name == "batchid":
			named = append(named, i)
		case name == "id":
			plain = append(plain, i)
		case name == "kind":
			kinds = append(kinds, i)
		case mayNameIDs(unquoted(cell)):
			alike = append(alike, i)
		}
	}
	kind = -1
	if len(kinds) == 1 {
		kind = kinds[0]
	}
	switch {
	case len(named) == 1:
		return named[0], kind, nil
	case len(named) > 1, len(plain) > 1:
		return 0, 0, &listFault{" has two columns of the same name that may both have the batch ids", tableHint}
	case len(plain) == 1 && alike == nil:
		return plain[0], kind, nil
	case len(plain) == 1:
		return 0, 0, &listFault{" has more than one column that may have the batch ids: " + shownColumns(header), tableHint}
	case isHeader(header):
		return 0, 0, &listFault{" has no column batch_id or id, but " + shownColumns(header), tableHint}
	}
	return 0, 0, &listFault{
		fmt.Sprintf(" has %s and no header that names one of them batch_id", count(int64(len(header)), "column")),
		"save one batch id per line, or give the columns a header",
	}
}

// headerWord finds words in the names of columns.
var (
	headerWord = regexp.MustCompile(`(?i)(^|[ _-])(ids?|uuid|name|batch(es)?|bulk|search(es)?|kind|type|status|state|date|time|at|created|updated|list|campaign|count|rows?|total|e-?mail|phone|company|domain|custom|key|number|no|nr)($|[ _-])`)
	headerName = regexp.MustCompile(`^[A-Za-z#][A-Za-z0-9 _.()/-]{0,39}$`)
)

// isHeader reports whether a first row has names of columns. A row of somebody's data is
// not repeated in messages.
func isHeader(cells []string) bool {
	known := false
	for _, c := range cells {
		c = unquoted(c)
		if c != "" && !headerName.MatchString(c) {
			return false
		}
		known = known || headerWord.MatchString(c)
	}
	return known
}

// mostColumns is how many columns are named in a message.
const mostColumns = 10

func shownColumns(header []string) string {
	var names []string
	for _, c := range header[:min(len(header), mostColumns)] {
		names = append(names, fmt.Sprintf("%q", cmp.Or(unquoted(c), " ")))
	}
	shown := strings.Join(names, ", ")
	if more := len(header) - len(names); more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	return shown
}

func isEmpty(cells []string) bool {
	return !slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" })
}

// rowLimit ends with errLongRow when no more than left bytes may be read.
type rowLimit struct {
	r    io.Reader
	left int
}

var errLongRow = errors.New("row is too long")

// Read implements io.Reader.
func (l *rowLimit) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errLongRow
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
