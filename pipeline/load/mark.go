package load

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"enrow-export/schema"
)

// Mark is what a script of load-sql --only-new says of itself: which contents it loads,
// and under which name that is to be noted. It is in comments. Its first line is in the
// last line of the script again, so that a script that was cut is detected.
type Mark struct {
	Watermark string `json:"watermark"` // name
	Target
	Root string `json:"root"` // of the files, as others have to name it
	// Changes is how often the watermark had changed when the script was made.
	Changes int64 `json:"changes"`
	// Batches counts the batches of Loads. SHA256 is the digest of the contents.
	Batches int    `json:"batches"`
	SHA256  string `json:"sha256"`
	// Loads are the contents that the script loads. They have lines of their own.
	Loads Loaded `json:"-"`
}

const (
	markPrefix   = "-- enrow-export-watermark "
	loadedPrefix = "-- enrow-export-loads "
	perLine      = 6 * perBatch // bytes of contents in a line
)

// Comments returns the mark as lines of SQL, for the beginning of a script, and for its
// end.
func (m Mark) Comments() (begin, end string) {
	var lines strings.Builder
	sum := sha256.New()
	m.Batches = m.Loads.Batches()
	for _, table := range slices.Sorted(maps.Keys(m.Loads)) {
		for part := range slices.Chunk(m.Loads[table].encode(), perLine) {
			line := table + " " + base64.StdEncoding.EncodeToString(part)
			sum.Write([]byte(line + "\n"))
			lines.WriteString(loadedPrefix + line + "\n")
		}
	}
	m.SHA256 = hex.EncodeToString(sum.Sum(nil))
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and numbers have a JSON form
	}
	end = markPrefix + string(text) + "\n"
	return end + lines.String(), end
}

// longestMark is how many bytes of a line are read: a mark names a path.
const longestMark = 64 << 10

// ReadMark returns the mark of a script, which must be in its last line, too. The
// error says in words that follow the script's name what is wrong with it.
func ReadMark(script io.Reader) (Mark, error) {
	m := Mark{Loads: make(Loaded)}
	first, last := "", ""
	sum := sha256.New()
	lines := bufio.NewReaderSize(script, longestMark)
	for {
		line, long, err := readLine(lines)
		if long || err != nil && !errors.Is(err, io.EOF) {
			return m, errors.New("cannot be read, or has a line that is not part of a script")
		}
		switch text, isLoads := strings.CutPrefix(line, loadedPrefix); {
		case isLoads && first != "":
			sum.Write([]byte(text))
			if err := m.addLoads(strings.TrimSuffix(text, "\n")); err != nil {
				return m, err
			}
		case strings.HasPrefix(line, markPrefix) && first == "":
			first = line
		}
		if line != "" {
			last = line
		}
		if err != nil {
			break
		}
	}
	switch {
	case first == "":
		return m, errors.New("has no watermark: it was not made with --only-new")
	case last != first:
		return m, errors.New("is incomplete: it does not end with the last line of a script")
	}
	dec := json.NewDecoder(strings.NewReader(strings.TrimPrefix(first, markPrefix)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return m, errors.New("has a watermark that is unreadable or of an earlier version: print the script again")
	}
	if m.Batches != m.Loads.Batches() || m.SHA256 != hex.EncodeToString(sum.Sum(nil)) {
		return m, errors.New("is incomplete: it does not name the batches that it was made for")
	}
	return m, nil
}

// readLine returns a line with its end. Of the SQL, which may have longer lines than a
// mark, only the beginning is returned.
func readLine(r *bufio.Reader) (line string, long bool, err error) {
	text, err := r.ReadSlice('\n')
	line = string(text)
	for errors.Is(err, bufio.ErrBufferFull) {
		if strings.HasPrefix(line, "-- enrow-export-") {
			return line, true, nil
		}
		_, err = r.ReadSlice('\n')
	}
	return line, false, err
}

// addLoads adds what a line says.
func (m *Mark) addLoads(line string) error {
	table, text, _ := strings.Cut(line, " ")
	c, err := decodeContents(text)
	if err != nil || schema.TableByName(table) == nil {
		return errors.New("has a line of contents that cannot be read")
	}
	m.Loads.merge(Loaded{table: c})
	return nil
}
