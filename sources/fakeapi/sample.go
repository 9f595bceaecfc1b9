package fakeapi

import (
	"bytes"
	_ "embed"
)

//go:embed sample.json
var sample []byte

// Sample returns the batch of the vendor's reference, three results, as it is
// printed there.
func Sample() Batch {
	return Batch{ID: "3d4cb64e-i64d-41e8-a686-736751004a32", Body: bytes.Clone(sample), Requested: 3}
}
