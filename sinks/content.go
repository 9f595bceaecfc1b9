package sinks

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// ContentSHA256 returns the digest of the rows of rec, whatever the format and
// compression that they are written in: lower-case hex of the SHA-256 over all
// cells, row after row, each as
//
//	null      the byte 0
//	a value   the byte 1, the length of its text in bytes as 4 bytes, big-endian, and
//	          the text: UTF-8, an integer in decimal
//
// Names and types of columns are no part of it. Inspect computes the same from
// a file.
func ContentSHA256(rec arrow.Record) string {
	d := newContentDigest()
	columns := rec.Columns()
	var number []byte
	for row := range int(rec.NumRows()) {
		for _, column := range columns {
			if column.IsNull(row) {
				d.null()
				continue
			}
			switch column := column.(type) {
			case *array.Int64:
				number = strconv.AppendInt(number[:0], column.Value(row), 10)
				d.text(string(number))
			case *array.String:
				d.text(column.Value(row))
			}
		}
	}
	return d.sum()
}

// contentDigest computes the digest that ContentSHA256 defines. Cells are
// gathered, since a digest of a few bytes at a time is slow.
type contentDigest struct {
	hash hash.Hash
	buf  []byte
}

func newContentDigest() *contentDigest {
	return &contentDigest{hash: sha256.New(), buf: make([]byte, 0, flushSize)}
}

func (d *contentDigest) null() { d.room(1); d.buf = append(d.buf, 0) }

func (d *contentDigest) text(s string) {
	d.room(5 + len(s))
	d.buf = append(d.buf, 1)
	d.buf = binary.BigEndian.AppendUint32(d.buf, uint32(len(s)))
	d.buf = append(d.buf, s...)
}

// room makes sure that n bytes fit, or that the buffer is empty.
func (d *contentDigest) room(n int) {
	if len(d.buf)+n > cap(d.buf) {
		d.hash.Write(d.buf)
		d.buf = d.buf[:0]
	}
}

func (d *contentDigest) sum() string {
	d.hash.Write(d.buf)
	return hex.EncodeToString(d.hash.Sum(nil))
}
