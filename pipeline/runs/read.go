package runs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxLine bounds a line that is read, in bytes. A hundred failures take a tenth of it.
const maxLine = 1 << 20

// Read returns the last lines of a file of --report, at most that many and the oldest
// first, and the number of lines that are no runs: cut off, too long, or of another
// program. The error is one of r.
func Read(r io.Reader, most int) (last []Line, skipped int, err error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	for {
		text, tooLong, err := readLine(buffered)
		if len(bytes.TrimSpace(text)) > 0 || tooLong {
			if l, ok := parse(text); ok && !tooLong {
				if last = append(last, l); len(last) > 2*most { // drops many at a time
					last = append(last[:0], last[len(last)-most:]...)
				}
			} else {
				skipped++
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return last[max(len(last)-most, 0):], skipped, nil
		case err != nil:
			return nil, skipped, fmt.Errorf("read runs: %w", err)
		}
	}
}

// readLine returns the next line, and whether it is too long, and then not all of it.
func readLine(r *bufio.Reader) (text []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(text)+len(part) <= maxLine {
			text = append(text, part...)
		} else {
			tooLong = true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, tooLong, err
		}
	}
}

func parse(text []byte) (l Line, ok bool) {
	err := json.Unmarshal(text, &l)
	return l, err == nil && l.Type == TypeLine && !l.StartedAt.IsZero()
}

// Encode returns the line as it is appended to a file, with its end.
func (l Line) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		return nil, fmt.Errorf("encode run: %w", err)
	}
	return b.Bytes(), nil
}
