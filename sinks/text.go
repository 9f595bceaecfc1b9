package sinks

import (
	"io"

	"github.com/apache/arrow/go/v17/arrow"
)

// flushSize is how many bytes of text are gathered before they are written.
const flushSize = 64 << 10

// writeRows writes head and then what appendRow appends for each row of rec.
func writeRows(w io.Writer, rec arrow.Record, head []byte, appendRow func(dst []byte, row int) []byte) error {
	buf := append(make([]byte, 0, flushSize+flushSize/4), head...)
	for row := range int(rec.NumRows()) {
		buf = appendRow(buf, row)
		if len(buf) < flushSize {
			continue
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		buf = buf[:0]
	}
	if len(buf) == 0 {
		return nil
	}
	_, err := w.Write(buf)
	return err
}
