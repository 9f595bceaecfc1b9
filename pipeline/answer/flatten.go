package answer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/pipeline"
	"enrow-export/schema"
)

// maxDepth is how many levels of arrays and objects an answer may have.
const maxDepth = 1000

// Status is what an answer says of its batch (general.status).
type Status string

// The statuses that the API documents; any other makes an answer unreadable.
const (
	Completed Status = "completed"
	Ongoing   Status = "ongoing"
	Failed    Status = "failed"
)

// Answer is one answer of the API, taken apart.
type Answer struct {
	Status Status
	// Envelope is the answer without its results: a JSON object with
	// "general", "stats" and all other keys, verbatim and in order.
	Envelope jsontext.Value
	// Record holds the results as rows; nil unless Status is Completed.
	// The receiver of the Answer calls Release.
	Record arrow.Record
	// Finished and Requested are the counts of stats, -1 where it has none.
	Finished, Requested int64
	// Review is what was noticed of the results; empty unless Completed.
	Review
}

// Review is how far an answer can be believed, and what it cost.
type Review struct {
	// Found counts the rows that found what was searched for.
	Found int64
	// OngoingRows counts the rows whose own qualification is "ongoing".
	OngoingRows int64
	// Mismatches are control totals that the results do not add up to.
	Mismatches []Mismatch
	// Warnings are oddities that do not stand against publishing, one sentence each.
	Warnings []string
	Credits  Credits
	// Leftovers are what the table does not declare in the results.
	Leftovers []schema.Leftover
	// UnknownEnvelope are the keys beside the results that are not known.
	UnknownEnvelope []schema.Leftover
}

// Release frees the rows. The zero and the released Answer may be released.
func (a *Answer) Release() {
	if a.Record != nil {
		a.Record.Release()
		a.Record = nil
	}
}

// Flatten reads one answer for the batch id of the table's kind. The rows take
// their memory from mem, at most limit bytes of it. The error is a transient
// *pipeline.Error that says in which way the answer is unreadable, naming no value of
// it: the next answer may well be another one.
func Flatten(mem memory.Allocator, table *schema.Table, id string, body []byte, limit int64) (*Answer, error) {
	builder := schema.NewBuilder(mem, table, limit)
	defer builder.Release()
	if answer := flattenRegular(builder, table, id, body); answer != nil {
		return answer, nil
	}
	builder.Reset()
	f := flattener{table: table, builder: builder}
	answer, err := f.read(id, body)
	if err == nil {
		return answer, nil
	}
	failure := &pipeline.Error{Op: "flatten", Batch: id, Class: pipeline.Transient, Err: err}
	switch {
	case errors.Is(err, schema.ErrTooLarge):
		failure.Hint = "raise --max-body: the rows of a response may take 8 times as much memory"
	case errors.Is(err, ErrCutOff):
		failure.Hint = "run again later: the response was incomplete"
	default:
		failure.Hint = "run again later: nothing was published, and the next run requests the batch again"
	}
	return nil, failure
}

// flattenRegular is Flatten for an answer as the API sends them: the results are
// read at once, and what stands around them as if they were empty. It returns nil
// when the answer is not like that.
func flattenRegular(builder *schema.Builder, table *schema.Table, id string, body []byte) *Answer {
	begin := findResults(body)
	if begin < 0 {
		return nil
	}
	length, ok := builder.AppendArray(body[begin:])
	if !ok {
		return nil
	}
	if builder.Irregular() > maxDepth && schema.ScanNesting(body).Depth > maxDepth {
		return nil
	}
	around := slices.Concat(body[:begin], []byte("[]"), body[begin+length:])
	f := flattener{table: table, builder: builder, apart: int64(begin)}
	answer, err := f.read(id, around)
	if err != nil || answer.Status != Completed {
		return nil
	}
	return answer
}

// findResults returns where the array of the first key "results" begins, wherever
// in the answer it is, -1 when there is none.
func findResults(body []byte) int {
	key := []byte(`"results"`)
	for at := 0; ; {
		i := bytes.Index(body[at:], key)
		if i < 0 {
			return -1
		}
		at += i + len(key)
		rest := bytes.TrimLeft(body[at:], " \t\r\n")
		if len(rest) == 0 || rest[0] != ':' {
			continue // a string that is no key
		}
		rest = bytes.TrimLeft(rest[1:], " \t\r\n")
		if len(rest) == 0 || rest[0] != '[' {
			return -1
		}
		return len(body) - len(rest)
	}
}

func (f *flattener) read(id string, body []byte) (*Answer, error) {
	if n := schema.ScanNesting(body); n.Depth > maxDepth {
		return nil, fmt.Errorf("response has more than %d levels", maxDepth)
	}
	if !utf8.Valid(body) {
		return nil, errors.New("response is not valid UTF-8")
	}
	// Invalid UTF-8 is ruled out by now. Allowed here, it lets strings with lone
	// surrogate escapes through: those are misfits, not faults.
	f.dec = jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowInvalidUTF8(true))
	if err := f.envelope(); err != nil {
		return nil, err
	}
	return f.answer(id)
}

// flattener is the state of one Flatten.
type flattener struct {
	table          *schema.Table
	dec            *jsontext.Decoder
	builder        *schema.Builder
	rest           []byte // the envelope without results
	general, stats jsontext.Value
	results        jsontext.Kind // kind of the value of results, 0 when absent
	// apart, if it is not 0, is where results must begin: they were read before.
	apart int64
}

// ErrCutOff says that an answer is only the beginning of one.
var ErrCutOff = errors.New("response is cut off")

// errElsewhere says that what was read as the results is something else.
var errElsewhere = errors.New("results are elsewhere")

// envelope reads the whole answer. Its keys come in any order, so the rows are
// built before it is known whether they are wanted.
func (f *flattener) envelope() error {
	if f.dec.PeekKind() != '{' {
		if _, err := f.dec.ReadToken(); err != nil {
			return f.syntax(err)
		}
		return errors.New("response is not a JSON object")
	}
	if _, err := f.dec.ReadToken(); err != nil { // {
		return f.syntax(err)
	}
	f.rest = append(f.rest, '{')
	for f.dec.PeekKind() != '}' {
		if err := f.member(); err != nil {
			return err
		}
	}
	if _, err := f.dec.ReadToken(); err != nil { // }
		return f.syntax(err)
	}
	f.rest = append(f.rest, '}')
	if _, err := f.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("response continues after its end, at byte %d", f.dec.InputOffset())
	}
	return nil
}

// member reads one key of the envelope and its value.
func (f *flattener) member() error {
	raw, err := f.dec.ReadValue()
	if err != nil {
		return f.syntax(err)
	}
	key, _ := jsontext.AppendUnquote(nil, raw)
	if string(key) == "results" {
		return f.readResults()
	}
	if len(f.rest) > 1 {
		f.rest = append(f.rest, ',')
	}
	f.rest = append(append(f.rest, raw...), ':')
	value, err := f.dec.ReadValue()
	if err != nil {
		return f.syntax(err)
	}
	f.rest = append(f.rest, value...)
	switch string(key) {
	case "general":
		f.general = value.Clone()
	case "stats":
		f.stats = value.Clone()
	}
	return nil
}

func (f *flattener) readResults() error {
	f.results = f.dec.PeekKind()
	if f.results != '[' {
		_, err := f.dec.ReadValue()
		return f.syntax(err)
	}
	if _, err := f.dec.ReadToken(); err != nil { // [
		return f.syntax(err)
	}
	if f.apart > 0 && f.dec.InputOffset() != f.apart+1 {
		return errElsewhere
	}
	for f.dec.PeekKind() != ']' {
		switch err := f.builder.Append(f.dec); {
		case err == nil:
		case errors.Is(err, schema.ErrNotObject), errors.Is(err, schema.ErrTooLarge):
			return fmt.Errorf("results[%d]: %w", f.builder.Rows(), err)
		default:
			return f.syntax(err)
		}
	}
	_, err := f.dec.ReadToken() // ]
	return f.syntax(err)
}

// syntax words an error of the decoder. Its own text may quote the answer.
func (f *flattener) syntax(err error) error {
	if err == nil {
		return nil
	}
	var at int64
	if s := (*jsontext.SyntacticError)(nil); errors.As(err, &s) {
		at = s.ByteOffset
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return ErrCutOff
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("response has the same key twice in one object, at byte %d", at)
	default:
		return fmt.Errorf("response is not valid JSON, at byte %d", at)
	}
}

// answer judges what envelope has read.
func (f *flattener) answer(id string) (*Answer, error) {
	if f.general.Kind() != '{' {
		return nil, errors.New("response has no general object")
	}
	if got, ok := schema.StringMember(f.general, "id"); !ok || got != id {
		return nil, errors.New("response is for another batch: its general.id is not the requested id")
	}
	status, _ := schema.StringMember(f.general, "status")
	a := &Answer{
		Status:    Status(status),
		Envelope:  f.rest,
		Finished:  countMember(f.stats, "finished"),
		Requested: countMember(f.stats, "requested"),
	}
	switch a.Status {
	case Ongoing, Failed:
		return a, nil
	case Completed:
	default:
		return nil, errors.New("response has no known general.status (completed, ongoing, failed)")
	}
	switch f.results {
	case '[':
	case 0:
		return nil, errors.New("response is completed, but has no results")
	default:
		return nil, errors.New("response is completed, but its results are not an array")
	}
	rec, err := f.builder.Record(id, f.general)
	if err != nil {
		return nil, err
	}
	a.Record = rec
	a.Review = f.review(rec)
	return a, nil
}

// review looks at finished results as a whole.
func (f *flattener) review(rec arrow.Record) Review {
	r := Review{
		Found:       countQualified(rec, f.table.Found),
		OngoingRows: countQualified(rec, string(Ongoing)),
		Warnings:    indexWarnings(rec),
		Credits:     credits(f.rest),
		Leftovers:   f.builder.Leftovers(),
	}
	r.Mismatches = mismatches(f.table, f.stats, rec.NumRows(), r.Found, r.OngoingRows)
	var unknown schema.Leftovers
	unknownInEnvelope(f.table, f.rest, &unknown)
	r.UnknownEnvelope = unknown.All()
	return r
}

// countMember returns the whole number that a key of a JSON object has, -1 when
// it has none.
func countMember(object jsontext.Value, key string) int64 {
	n, ok := Count(schema.Member(object, key))
	if !ok || n < 0 {
		return -1
	}
	return n
}
