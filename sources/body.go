package sources

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

const (
	// maxAhead is how much is allocated for a body on the word of a header,
	// until as much has come.
	maxAhead = 8 << 20
	// minAhead is what a body of unknown length gets to begin with.
	minAhead = 16 << 10
	// usualRatio is how much longer answers are than what gzip makes of them.
	usualRatio = 8
)

// unzippers are kept: what one needs is more than many an answer has.
var unzippers = sync.Pool{New: func() any { return new(gzip.Reader) }}

// appendBody appends the body of resp to buf, uncompressed, and stops when it is
// longer than limit bytes, by how much does not matter. The transport would
// uncompress it just as well, but with the standard library, which takes up to
// twice the time.
func appendBody(buf []byte, resp *http.Response, limit int64) ([]byte, error) {
	if !strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		return appendAll(buf, resp.Body, resp.ContentLength, limit)
	}
	zr := unzippers.Get().(*gzip.Reader)
	defer unzippers.Put(zr)
	if err := zr.Reset(resp.Body); err != nil {
		return buf, err
	}
	return appendAll(buf, zr, min(resp.ContentLength, maxAhead)*usualRatio, limit)
}

// appendAll appends to buf what r has, of which expected bytes are announced, -1
// if nothing is known. It stops when there are more than limit.
func appendAll(buf []byte, r io.Reader, expected, limit int64) ([]byte, error) {
	for int64(len(buf)) <= limit {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), len(buf)+ahead(len(buf), min(expected, limit)))
			copy(grown, buf)
			buf = grown
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// ahead returns how many bytes to make room for when there are have bytes: for
// all that are expected and the end, if that is within bounds.
func ahead(have int, expected int64) int {
	if rest := expected - int64(have); rest >= 0 {
		return int(min(rest, int64(max(have, maxAhead)))) + 1
	}
	return max(have, minAhead)
}
