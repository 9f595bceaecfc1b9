package sinks

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
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
	hash := sha256.New()
	// A hash takes all that it is given.
	_ = writeRows(hash, rec, nil, textFormat{appendCell: appendContent})
	return hex.EncodeToString(hash.Sum(nil))
}

func appendContent(dst []byte, c *cell, row int) []byte {
	switch {
	case c.isNull(row):
		return append(dst, 0)
	case c.isInt:
		var digits [20]byte // as many as the longest integer has, with its sign
		return appendContentText(dst, strconv.AppendInt(digits[:0], c.ints[row], 10))
	}
	return appendContentText(dst, c.value(row))
}

func appendContentText[T string | []byte](dst []byte, text T) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, 1), uint32(len(text)))
	return append(dst, text...)
}

// contentDigest computes the digest that ContentSHA256 defines from one cell
// after the other. They are gathered, since a digest of a few bytes at a time is
// slow.
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
	d.buf = appendContentText(d.buf, s)
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
