package schema

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrNotObject is what Append reports for a result that is not a JSON object.
var ErrNotObject = errors.New("result is not an object")

// ErrTooLarge is what Append and Record report when the rows would take more
// memory than the Builder's limit.
var ErrTooLarge = errors.New("flattened rows exceed the memory limit")

// cellOverhead is what a cell costs beside its text: offset and null bitmap.
const cellOverhead = 5

// A Builder turns the results of one answer into one Arrow record: declared
// values go to their columns, everything else to the leftovers of the row.
//
// There are two ways to give it results. Append reads one as a stream of tokens,
// whatever is in it. AppendArray reads a whole array, and is several times as
// fast for results that are as the table declares them.
//
// A Builder is for one goroutine. Whoever made it calls Release.
type Builder struct {
	table *Table
	root  *node
	mem   memory.Allocator
	cols  []column // one for each of the table's; those of the batch stay empty
	extra int      // index of the leftovers column

	rows  int
	left  leftovers
	tally Leftovers
	size  int64 // memory spent on cells so far, in bytes
	limit int64

	scratch []byte // unquoted or compacted text of the value in hand
	path    []byte // of the leftover in hand

	regular // what AppendArray needs beside that
}

// NewBuilder returns a Builder for one batch of the table. The memory of its
// columns comes from mem and is bounded by limit bytes, at most 1 GiB a column.
func NewBuilder(mem memory.Allocator, table *Table, limit int64) *Builder {
	b := &Builder{
		table: table,
		root:  compile(table),
		mem:   mem,
		cols:  make([]column, len(table.Columns)),
		extra: -1,
		// Arrow's offsets are 32-bit; half of their range leaves builders
		// room to grow by doubling.
		limit: min(limit, math.MaxInt32/2),
	}
	for i, c := range table.Columns {
		b.cols[i].text = c.Type != Int64
		if c.Origin == FromLeftovers {
			b.extra = i
		}
	}
	return b
}

// Reset forgets what was appended and not yet turned into a record.
func (b *Builder) Reset() {
	b.Release()
	b.rows, b.size, b.tally, b.longest = 0, 0, Leftovers{}, 0
}

// Release frees what was appended and not yet turned into a record.
func (b *Builder) Release() {
	for i := range b.cols {
		b.cols[i].release()
	}
}

// Rows returns the number of results appended.
func (b *Builder) Rows() int { return b.rows }

// Leftovers returns what no column holds of the results appended so far.
func (b *Builder) Leftovers() []Leftover { return b.tally.All() }

// Append reads the next JSON value from dec and appends it as a row. The errors
// are dec's, ErrNotObject and ErrTooLarge; after any of them the Builder holds
// a row in part and is good for nothing but Release.
//
// dec must allow invalid UTF-8, which is how jsontext lets lone surrogates
// pass; the caller has checked that the text itself is valid UTF-8.
func (b *Builder) Append(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		if _, err := dec.ReadValue(); err != nil {
			return err
		}
		return ErrNotObject
	}
	b.left.reset()
	if err := b.object(dec, b.root); err != nil {
		return err
	}
	if text := b.left.close(); text != nil {
		b.setText(b.extra, text)
	}
	return b.endRow()
}

// endRow makes the row in hand one of those appended.
func (b *Builder) endRow() error {
	b.rows++
	b.size += int64(len(b.cols)) * cellOverhead
	if b.size > b.limit {
		return ErrTooLarge
	}
	return nil
}

// object reads one JSON object whose keys are declared by n.
func (b *Builder) object(dec *jsontext.Decoder, n *node) error {
	if _, err := dec.ReadToken(); err != nil { // {
		return err
	}
	for dec.PeekKind() != '}' {
		raw, err := dec.ReadValue()
		if err != nil {
			return err
		}
		key := b.unquoteKey(raw)
		child := n.child(key)
		if child == nil {
			b.path = AppendShownKey(n.appendBelow(b.path[:0]), key)
			b.tally.note(b.path, Unknown, b.rows)
			b.left.key(raw)
			value, err := dec.ReadValue()
			if err != nil {
				return err
			}
			b.left.value(value)
			continue
		}
		if err := b.member(dec, child); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken() // }
	return err
}

// member reads the value of a declared key: a column, or an object with
// columns further down.
func (b *Builder) member(dec *jsontext.Decoder, n *node) error {
	if n.column < 0 && dec.PeekKind() == '{' {
		b.left.enter(n.quoted)
		err := b.object(dec, n)
		b.left.leave()
		return err
	}
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if value.Kind() == 'n' {
		return nil
	}
	reason := Misfit
	if n.column >= 0 {
		reason = b.store(n.column, value)
	}
	if reason == "" {
		return nil
	}
	b.tally.note(n.path, reason, b.rows)
	b.left.key(n.quoted)
	b.left.value(value)
	return nil
}

// store puts a value that is not null into the column of the row in hand. It
// returns why the value is not accounted for there, empty when it is: it fits,
// and no earlier key has filled the column with something else.
func (b *Builder) store(column int, value jsontext.Value) Reason {
	c := &b.cols[column]
	taken, same := c.has(b.rows), false
	if b.table.Columns[column].Type == Int64 {
		v, ok := Integer(value)
		if !ok {
			return Misfit
		}
		if !taken {
			c.setInt(b.mem, b.rows, v)
			return ""
		}
		same = c.ints[b.rows] == v
	} else {
		text, ok := b.text(b.table.Columns[column].Type, value)
		if !ok {
			return Misfit
		}
		if !taken {
			b.setText(column, text)
			return ""
		}
		same = bytes.Equal(c.textOf(b.rows), text)
	}
	if !same {
		return Conflict
	}
	return ""
}

func (b *Builder) setText(column int, text []byte) {
	b.size += int64(len(text))
	if b.size > b.limit {
		text = nil // endRow is about to fail: do not grow the column any more
	}
	b.cols[column].setText(b.mem, b.rows, text)
}

// text returns what a column of type t, String or Text, holds of a value that
// is not null, and whether the value fits. The bytes are valid until the next
// call, or until the value's own bytes change.
func (b *Builder) text(t Type, value jsontext.Value) ([]byte, bool) {
	if value.Kind() == '"' {
		return b.unquote(value)
	}
	if t != Text {
		return nil, false
	}
	b.scratch = appendCompact(b.scratch[:0], value)
	return b.scratch, true
}

// unquote returns the content of a JSON string, and whether it is valid Unicode:
// a lone surrogate has no UTF-8.
func (b *Builder) unquote(raw jsontext.Value) ([]byte, bool) {
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return inner, true
	}
	var err error
	b.scratch, err = jsontext.AppendUnquote(b.scratch[:0], raw)
	return b.scratch, err == nil
}

// unquoteKey is unquote for a key: one with a lone surrogate is not declared.
func (b *Builder) unquoteKey(raw jsontext.Value) []byte {
	key, ok := b.unquote(raw)
	if !ok {
		return nil
	}
	return key
}

// Record returns the rows appended so far as one record, which the caller
// releases, and empties the Builder. general is the answer's "general" object,
// from which the columns of the batch are filled: a value that does not fit its
// column is null there. It must be valid JSON.
func (b *Builder) Record(batchID string, general jsontext.Value) (arrow.Record, error) {
	arrays := make([]arrow.Array, len(b.cols))
	defer func() {
		for _, a := range arrays {
			if a != nil {
				a.Release()
			}
		}
	}()
	for i := range b.cols {
		if b.table.Columns[i].Origin != FromBatch {
			arrays[i] = b.cols[i].array(b.mem, b.rows)
			continue
		}
		text, ok := b.batchValue(b.table.Columns[i], general)
		b.size += int64(len(text)) * int64(b.rows)
		if b.size > b.limit {
			return nil, fmt.Errorf("%w: %s takes %d bytes in each of %d rows",
				ErrTooLarge, b.table.Columns[i].Name, len(text), b.rows)
		}
		arrays[i] = constant(b.mem, text, ok, b.rows)
	}
	rec := array.NewRecord(b.table.Arrow(batchID), arrays, int64(b.rows))
	b.rows, b.size = 0, 0
	return rec, nil
}

// batchValue finds the value of a column of the batch in general; ok is false
// when the column is null.
func (b *Builder) batchValue(c Column, general jsontext.Value) (text []byte, ok bool) {
	value := Member(general, c.batchKey())
	if value == nil || value.Kind() == 'n' {
		return nil, false
	}
	return b.text(c.Type, value)
}
