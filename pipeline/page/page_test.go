package page_test

import (
	"bytes"
	"testing"

	"enrow-export/pipeline/page"
)

func pageOf(t *testing.T, d page.Data) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := page.Write(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
