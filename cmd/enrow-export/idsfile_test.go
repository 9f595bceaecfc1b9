package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"

	"enrow-export/schema"
)

// readList returns the ids of a list on stdin.
func readList(list io.Reader, want kindOfList) ([]string, error) {
	p := &program{stdin: list}
	return p.readAllIDs(nil, nil, []string{"-"}, want, &badIDs{})
}

// listForm is one of the ways in which people have a list of ids.
type listForm struct {
	encoding  string
	end       string
	separator string // none: one id per line
	column    int    // of the ids, of three
	quote     string
	header    string
	spaces    string
	last      bool // the last line has an end, too
}

var listEncodings = map[string]encoding.Encoding{
	"UTF-8":              encoding.Nop,
	"UTF-8 with mark":    unicode.UTF8BOM,
	"UTF-16LE":           unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	"UTF-16BE":           unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	"UTF-16LE with mark": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	"UTF-16BE with mark": unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
}

// listForms returns all forms in which ids can be read.
func listForms() (forms []listForm) {
	for _, encoding := range slices.Sorted(maps.Keys(listEncodings)) {
		for _, end := range []string{"\n", "\r\n", "\r"} {
			for _, quote := range []string{"", `"`} {
				for _, spaces := range []string{"", "  "} {
					for _, last := range []bool{true, false} {
						f := listForm{encoding: encoding, end: end, quote: quote, spaces: spaces, last: last}
						for _, f.header = range []string{"", "batch_id", "ID", "Batch ID"} {
							forms = append(forms, f)
						}
						for _, f.separator = range []string{",", ";", "\t"} {
							for f.column = range 3 {
								for _, f.header = range []string{"batch_id", "ID", "Batch ID"} {
									if quote == "" || spaces == "" { // a mark that does not begin a value is a part of it
										forms = append(forms, f)
									}
								}
							}
						}
					}
				}
			}
		}
	}
	return forms
}

// write returns the list in its form.
func (f listForm) write(t *testing.T, ids []string) []byte {
	lines := slices.Clone(ids)
	if f.header != "" {
		lines = slices.Insert(lines, 0, f.header)
	}
	for i, id := range lines {
		lines[i] = f.spaces + f.quote + id + f.quote + f.spaces
		if f.separator == "" {
			continue
		}
		others := []string{f.quote + "Zoë" + f.quote, fmt.Sprint(i)}
		if f.quote != "" && i > 0 {
			others[0] = `"a ""b""` + f.separator + f.end + ` c"`
		}
		lines[i] = strings.Join(slices.Insert(others, f.column, lines[i]), f.separator)
	}
	text := strings.Join(lines, f.end)
	if f.last {
		text += f.end
	}
	list, err := listEncodings[f.encoding].NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Whatever form a list has, the same ids are read from it.
func TestListsInAllForms(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, f := range listForms() {
		ids := make([]string, random.IntN(5))
		for i := range ids {
			ids[i] = randomID(random)
		}
		list := f.write(t, ids)
		got, err := readList(bytes.NewReader(list), kindOfList{})
		if diff := cmp.Diff(ids, append([]string{}, got...)); err != nil || diff != "" {
			t.Fatalf("%+v\n%q\nerror %v, difference (-want +got):\n%s", f, list, err, diff)
		}
	}
}

func randomID(random *rand.Rand) string {
	const all = "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	id := []byte{all[2+random.IntN(len(all)-2)], all[2+random.IntN(10)]} // no header has a digit
	for range random.IntN(schema.MaxBatchID - 1) {
		id = append(id, all[random.IntN(len(all))])
	}
	return string(id)
}

const someID = "3d4cb64e-i64d-41e8-a686-736751004a32"

func TestListsThatAreRead(t *testing.T) {
	mail, phone := kindOfList{kind: "email-find"}, kindOfList{kind: "phone-find", chosen: true}
	tests := []struct {
		name string
		list string
		kind kindOfList
		want []string
	}{
		{"header only", "batch_id\n", mail, nil},
		{"header of a table only", "name,batch_id", mail, nil},
		{"header after comments", "# from Ada\n\n\"Batch-ID\"\na\n", mail, []string{"a"}},
		{"batch_id before id", "id,batch_id\n1,a\n", mail, []string{"a"}},
		{"other quotation marks", "'a'\n`b`\n", mail, []string{"a", "b"}},
		{"list of SQL", "'a',\n'b',\n'c'\n", mail, []string{"a", "b", "c"}},
		{"empty columns", "batch_id;;\na;;\n;;\nb;;\n", mail, []string{"a", "b"}},
		{"first column without a name", ",batch_id\n0,a\n1,b\n", mail, []string{"a", "b"}},
		{"numbered rows", "#,batch_id\n1,a\n#2,b\n", mail, []string{"a", "b"}},
		{"comment in a table", "id,name\n# gone,x\na,x\n", mail, []string{"a"}},
		{"separator declared", "sep=;\nbatch_id;a,b,c,d\nx;1,2,3,4\n", mail, []string{"x"}},
		{"the header decides which separator", "batch_id;a,b,c,d\nx;1,2,3,4\n", mail, []string{"x"}},
		{"type of PowerShell", "#TYPE System.Data.DataRow\r\n\"id\",\"at\"\r\n\"a\",\"1\"\r\n", mail, []string{"a"}},
		{"wide row", "note,id\n\"" + strings.Repeat("x", 3*maxLine) + "\",a\n", mail, []string{"a"}},
		{"kinds that fit", "batch_id,kind\na,email-find\nb,EMAIL_FIND\nc,\nd,Email Find\n", mail, []string{"a", "b", "c", "d"}},
		{"kind that is chosen", "batch_id,kind\na,email-find\nb,phone-find\n", phone, []string{"b"}},
		{"all kinds", "batch_id,kind\na,email-find\nb,phone-find\n", kindOfList{}, []string{"a", "b"}},
		{"words only", "gen-a\ngen-b\n", mail, []string{"gen-a", "gen-b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := readList(iotest.OneByteReader(strings.NewReader(test.list)), test.kind)
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("error %v, difference (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestListsThatAreRefused(t *testing.T) {
	tests := []struct {
		name string
		list string
		want string // of the error after "--ids-file: stdin", or all of it
		hint string // begins the hint
	}{
		{"workbook", "PK\x03\x04\x14\x00", " is an Excel workbook (.xlsx) or another ZIP archive", "open it and save"},
		{"gzip", "\x1f\x8b\x08\x00", " is compressed with gzip", "decompress it, for example with gzip -dc FILE"},
		{"zstd", "\x28\xb5\x2f\xfd\x04", " is compressed with zstd", "decompress it, for example with zstd -dc FILE"},
		{"Parquet", "PAR1\x15\x00", " is a Parquet file", "write the batches as CSV"},
		{"PDF", "%PDF-1.7\n", " is a PDF document", "save one batch id per line"},
		{"UTF-32", "\xff\xfe\x00\x00a\x00\x00\x00", " is in UTF-32", "save it as UTF-8"},
		{"array", " [\n\"a\"]", " is JSON", "save one batch id per line"},
		{"objects", "\uFEFF{\"id\":\"a\"}\n", " is JSON", "save one batch id per line"},
		{"page", "<!DOCTYPE html>", " is HTML or XML", "save one batch id per line"},
		{"other header", "Name,Batch\nx,a\n", ` has no column batch_id or id, but "Name", "Batch"`, "name the column of the batch ids batch_id"},
		{"two that may be meant", "id,bulk_id\n1,a\n", ` has more than one column that may have the batch ids: "id", "bulk_id"`, "name the column"},
		{"two of a name", "id,ID\n1,a\n", " has two columns of the same name that may both have the batch ids", "name the column"},
		{"no header", someID + ",Ada\n", " has 2 columns and no header that names one of them batch_id", "save one batch id per line"},
		{"data of a person", "Ada;ada@example.com;London\n", " has 3 columns and no header that names one of them batch_id", "save one batch id per line"},
		{"all on one line", "a b1,b2,b3\n", " has 3 columns and no header that names one of them batch_id", "save one batch id per line"},
		{"another name", "\nuuid\na\n", ":2 seems to be a header, and not one that is known", "remove that line"},
		{"a word above ids", "Campaign\n" + someID + "\n", ":1 is not like the id below it, and seems to be a header", "remove that line"},
		{"mark in a value", "id,name\na,5\" pipe\n", ":2 has a quotation mark that is not closed, or one in the middle of a value", "correct that row"},
		{"mark that is not closed", "id,name\na,x\nb,\"y\nc,z\n", ":3 has a quotation mark that is not closed, or one in the middle of a value", "correct that row"},
		{"endless row", "id,name\na,x\n\"" + strings.Repeat("x\n", maxRow), " has a row of more than 4.0 MiB after line 2: a quotation mark may not be closed", "correct that row"},
		{"another kind", "batch_id,kind\na,email-find\nb,phone-find\n", ":3 is a batch of kind phone-find, and this call is for email-find", "choose the kind with --kind"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := readList(strings.NewReader(test.list), kindOfList{kind: "email-find"})
			if err == nil || err.Error() != "--ids-file: stdin"+test.want || exitCode(err) != exitUsage {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if h := hint(err); !strings.HasPrefix(h, test.hint) || !strings.HasSuffix(h, "; nothing was tried") {
				t.Errorf("hint %q, want %q", h, test.hint)
			}
		})
	}
}

// What is wrong with a row is told as what is wrong with a line.
func TestRowsThatAreRefused(t *testing.T) {
	list := "# ours\nid,name\nada@example.com,x\na,x,y\n,x\n,\nid,name\n\"b\",\"1\n2\"\nc d,x\n"
	const want = `bad batch ids:
  stdin:3 has '@' as character 4
  stdin:4 has 3 columns, and the header has 2
  stdin:5 is empty
  stdin:7 repeats the header
  stdin:10 has ' ' as character 2`
	if _, err := readList(strings.NewReader(list), kindOfList{}); err == nil || err.Error() != want {
		t.Errorf("error %v, want\n%s", err, want)
	}
}

// The end of an input is not asked for twice: on a terminal it would have to be typed again.
func TestEndOfListIsReadOnce(t *testing.T) {
	ends := 0
	in := io.MultiReader(strings.NewReader("a\n"), readerFunc(func([]byte) (int, error) {
		ends++
		return 0, io.EOF
	}))
	if ids, err := readList(in, kindOfList{}); err != nil || len(ids) != 1 || ends != 1 {
		t.Errorf("%q, error %v, %d ends", ids, err, ends)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Of any bytes, either all ids are valid, or nothing is tried. How the bytes arrive makes
// no difference, and what was read can be written and read again.
func FuzzIDsFile(f *testing.F) {
	forms := listForms()
	for i := 0; i < len(forms); i += 97 {
		f.Add(forms[i].write(&testing.T{}, []string{"a1", someID}))
	}
	for _, list := range []string{"batch_id,kind\na,email-find\n", "sep=;\nid;x\na;b\n", "[\"a\"]", "PK\x03\x04", "a\r\r\n\rb", "#,id\n1,a", "\xff\xfea\x00\n"} {
		f.Add([]byte(list))
	}
	f.Fuzz(func(t *testing.T, list []byte) {
		ids, err := readList(bytes.NewReader(list), kindOfList{})
		again, errAgain := readList(iotest.HalfReader(bytes.NewReader(list)), kindOfList{})
		if diff := cmp.Diff(ids, again); diff != "" || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatalf("errors %v, %v, difference:\n%s", err, errAgain, diff)
		}
		if err != nil {
			if usage := (*usageError)(nil); !errors.As(err, &usage) || ids != nil {
				t.Fatalf("%d ids, error %v", len(ids), err)
			}
			return
		}
		if i := slices.IndexFunc(ids, func(id string) bool { return !schema.ValidBatchID(id) }); i >= 0 {
			t.Fatalf("%q is an id", ids[i])
		}
		plain := strings.Join(slices.Concat([]string{"Batch ID"}, ids), "\r")
		again, err = readList(strings.NewReader(plain), kindOfList{})
		if diff := cmp.Diff(ids, again); err != nil || diff != "" {
			t.Fatalf("error %v, difference to the list of these ids:\n%s", err, diff)
		}
	})
}
