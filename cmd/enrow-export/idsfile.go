package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"enrow-export/schema"
)

const (
	maxLine   = 64 << 10 // longest line of an ids file, in bytes, that is looked at as a whole
	usualLine = 37       // a line with the usual id, a UUID
)

// listFault says that a file is not a list of ids that can be read without a guess.
type listFault struct {
	text string
	hint string // how to make one of it
}

func (f *listFault) Error() string { return f.text }

// idsFile reads a list of ids: one id per line, or a table with a column of ids. The
// memory it takes does not depend on the length of the list, the ids aside.
type idsFile struct {
	name  string // as messages have it
	size  int64  // in bytes, if that is known
	lines *bufio.Reader
	line  int // number of the last line that was read
	ids   []string
	// header is the name that stands above the ids, if there is one.
	header string
	// wordAt is the line of a first id that is not of Enrow's form, until the next one.
	wordAt int
	want   kindOfList
	bad    *badIDs
	// leftOut is the number of rows of other kinds than the one that --kind chose.
	leftOut int64
}

// readIDsFile appends the ids of a file.
func (p *program) readIDsFile(c *cli.Context, ids []string, name string, want kindOfList, bad *badIDs) ([]string, error) {
	r := p.stdin
	shown, size := "stdin", int64(0)
	switch {
	case name == "-":
	case schemeOf(name) != nil:
		data, err := readObject(c, "ids-file", name)
		if err != nil {
			return nil, err
		}
		r, shown, size = bytes.NewReader(data), name, int64(len(data))
	default:
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		info, err := f.Stat()
		switch {
		case err != nil:
			return nil, err
		case info.IsDir():
			return nil, fmt.Errorf("%s is a directory", name)
		}
		size = info.Size()
		r, shown = f, name
	}
	text, err := plainText(r)
	if err == nil {
		l := &idsFile{name: shown, lines: bufio.NewReaderSize(text, maxLine), size: size, ids: ids, want: want, bad: bad}
		err = l.read()
		if len(l.ids) == len(ids) && l.leftOut == 0 {
			bad.note(shown + " has no batch ids")
		}
		if l.leftOut > 0 {
			bad.note(fmt.Sprintf("%s of other kinds than %s left out of %s", count(l.leftOut, "row"), want.kind, shown))
		}
		ids = l.ids
	}
	if fault := (*listFault)(nil); errors.As(err, &fault) {
		return nil, fmt.Errorf("%s%w", shown, err)
	} else if err != nil {
		return nil, fmt.Errorf("read %s: %w", shown, err)
	}
	return ids, nil
}

// next reads a line, and returns it as it stands, with its end. Of a line that is longer
// than maxLine it returns the part that is kept, and says so.
func (l *idsFile) next() (line []byte, long bool, err error) {
	l.line++
	line, err = l.lines.ReadSlice('\n')
	for len(bytes.TrimSpace(line)) == 0 && errors.Is(err, bufio.ErrBufferFull) { // blank is blank
		line, err = l.lines.ReadSlice('\n')
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, false, err
	}
	line = bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = l.lines.ReadSlice('\n')
	}
	return line, true, err
}

// read reads the whole list. Its first line says what it is.
func (l *idsFile) read() error {
	first, declared := true, rune(0)
	for {
		line, long, err := l.next()
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return err
		}
		text := string(bytes.TrimSpace(line))
		switch {
		case text == "", text[0] == '#' && (!first || !isNumbered(text)):
		case long:
			l.add(string(line)) // white space may be followed by anything
			first = false
		case !first:
			if err := l.addListed(text); err != nil {
				return err
			}
		default:
			if fault := foreignText(text); fault != nil {
				return fault
			}
			if declared == 0 {
				if declared = declaredSeparator(text); declared != 0 {
					break // the next line is the first
				}
			}
			if sep := separatorOf(string(line), declared); sep != 0 {
				return l.readTable(bytes.Clone(line), sep)
			}
			first = false
			l.ids = slices.Grow(l.ids, int(l.size/usualLine))
			l.header = listed(text)
			switch {
			case schema.NamesBatchID(l.header):
			case mayNameIDs(l.header):
				return &listFault{fmt.Sprintf(":%d seems to be a header, and not one that is known", l.line), headerHint}
			default:
				id := l.header
				l.header = ""
				if id == "" {
					first = true // separators only
					break
				}
				l.add(id)
				if !enrowID.MatchString(id) {
					l.wordAt = l.line
				}
			}
		}
		if end {
			return nil
		}
	}
}

const headerHint = "remove that line, or write batch_id there"

// addListed adds the id of a line of its own. A first line that is no id of Enrow's, above
// one, is a header that nobody wrote as one.
func (l *idsFile) addListed(text string) error {
	id := listed(text)
	if id == "" {
		return nil
	}
	if l.wordAt > 0 && enrowID.MatchString(id) {
		return &listFault{fmt.Sprintf(":%d is not like the id below it, and seems to be a header", l.wordAt), headerHint}
	}
	l.wordAt = 0
	l.add(id)
	return nil
}

// enrowID is the form of the ids that Enrow gives: like a UUID, with any letters, and a
// last part that may be longer.
var (
	enrowForm = `[0-9a-z]{8}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{8,}`
	enrowID   = regexp.MustCompile(`^` + enrowForm + `$`)
	holdsID   = regexp.MustCompile(`(^|[^0-9a-z-])` + enrowForm)
)

// isNoValue reports whether a word is how programs write that there is no value.
func isNoValue(word string) bool {
	return slices.Contains([]string{"null", "none", "nil", "nan", "undefined"}, strings.ToLower(word))
}

// add adds the id of the current line, or notes what is wrong with it.
func (l *idsFile) add(id string) {
	switch where := l.name + ":"; {
	case l.header != "" && id == l.header:
		l.bad.fault("repeats the header", where, l.line)
	case schema.NamesBatchID(id):
		l.bad.fault("is a header, not a batch id", where, l.line)
	case isNoValue(id):
		l.bad.fault("is the word for an empty value, not a batch id", where, l.line)
	case !schema.ValidBatchID(id):
		l.bad.add(id, where, l.line)
	case len(l.bad.named) > 0: // nothing is tried
	default:
		l.ids = append(l.ids, id)
	}
}

// listed returns the id that a line has, without what may stand around it: white space,
// separators of a table with nothing in its other columns, and quotation marks.
func listed(text string) string {
	return unquoted(strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(separators, r) }))
}

// unquoted returns a value without the quotation marks around it.
func unquoted(value string) string {
	value = strings.TrimSpace(value)
	if n := len(value); n > 1 && strings.IndexByte("\"'`", value[0]) >= 0 && value[n-1] == value[0] {
		value = strings.TrimSpace(value[1 : n-1])
	}
	return value
}
